//! What is kept about an order while it lives, and about the ones that failed before it.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::event::Step;
use crate::authority::Failures;
use crate::backoff::jitter;
use crate::{Authority, Problem, Terms, Timestamp};

/// An order at an authority.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub struct Order {
    /// Where it lives.
    pub url: String,
    /// Whose it is.
    pub authority: Authority,
}

/// How a certificate's order is getting on.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub struct Ordered {
    /// The order.
    pub order: Order,
    /// Since when the present step is tried.
    #[serde(default)]
    pub since: Timestamp,
    /// How often the present step did not get anywhere.
    pub tries: u32,
    /// When the present step is due.
    pub at: Timestamp,
    /// What the last try met.
    pub problem: Option<Problem>,
    /// What went wrong before, and how long to go on.
    pub patience: Patience,
}

/// What went wrong so far, and how long to go on trying.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub struct Patience {
    /// By authority.
    pub failures: Failures,
    /// How long it is worth while, and how urgent.
    pub purpose: Purpose,
}

/// What a certificate is wanted for.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "snake_case", tag = "purpose")]
pub enum Purpose {
    /// The hostname's first one: the customer may never do their part.
    First {
        /// When to give up and wait for a person.
        deadline: Timestamp,
    },
    /// The RSA one beside it: as soon as limits allow, and for ever.
    Companion,
    /// A renewal: for ever, and in haste when the end is near.
    Successor {
        /// When the predecessor expires.
        needed_by: Timestamp,
    },
}

/// How far proof of control is.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Validation {
    /// Until everyone sees the challenge answered, the authority is not asked to look: its limits
    /// on failures are low.
    Publishing,
    /// The authority is to be told to look.
    Responding,
    /// It looks.
    Polling,
}

/// How far the certificate's issuance is.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Issuance {
    /// The certificate signing request is to be sent.
    Finalizing,
    /// The authority works.
    Processing,
    /// The chain is to be fetched.
    Downloading,
}

impl Validation {
    pub(super) fn step(self) -> Step {
        match self {
            Self::Publishing => Step::CheckChallenge,
            Self::Responding => Step::Respond,
            Self::Polling => Step::ReadOrder,
        }
    }
}

impl Issuance {
    pub(super) fn step(self) -> Step {
        match self {
            Self::Finalizing => Step::Finalize,
            Self::Processing => Step::ReadOrder,
            Self::Downloading => Step::Download,
        }
    }
}

impl Purpose {
    /// How long to leave an authority alone after so many failures in a row: by the ladder, but
    /// not so long that a predecessor expires meanwhile.
    pub(super) fn rest(self, failures: u32, now: Timestamp, terms: &Terms) -> Duration {
        let ladder = terms.schedule.authority(failures);
        let rest = match self {
            Self::Successor { needed_by } if needed_by > now => {
                ladder.min((needed_by.since(now) / 8).max(terms.schedule.base()))
            }
            _ => ladder,
        };
        jitter(rest, terms.dice)
    }
}

impl Patience {
    pub(super) fn new(purpose: Purpose) -> Self {
        Self { failures: Failures::default(), purpose }
    }

    pub(super) fn has_ended(&self, now: Timestamp) -> bool {
        matches!(self.purpose, Purpose::First { deadline } if now >= deadline)
    }

    /// With its whole time again.
    pub(super) fn renewed(self, now: Timestamp, terms: &Terms) -> Self {
        let purpose = match self.purpose {
            Purpose::First { .. } => {
                Purpose::First { deadline: now + terms.schedule.issuance_window() }
            }
            purpose => purpose,
        };
        Self { purpose, ..self }
    }
}

impl Ordered {
    pub(super) fn new(order: Order, patience: Patience, at: Timestamp) -> Self {
        Self { order, since: at, tries: 0, at, problem: None, patience }
    }

    /// For the next step, which has not been tried yet.
    pub(super) fn afresh(self, at: Timestamp) -> Self {
        Self { since: at, tries: 0, at, problem: None, ..self }
    }

    /// The same once more.
    pub(super) fn again(self, at: Timestamp) -> Self {
        Self { tries: self.tries.saturating_add(1), at, ..self }
    }
}
