//! What is kept about an order while it lives, and about the ones that failed before it.

use serde::{Deserialize, Serialize};

use super::event::Step;
use crate::authority::Failures;
use crate::{Authority, Problem, Timestamp};

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
    /// When to give up and wait for a person. `None`: never.
    pub deadline: Option<Timestamp>,
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

impl Patience {
    pub(super) fn new(deadline: Option<Timestamp>) -> Self {
        Self { failures: Failures::default(), deadline }
    }

    pub(super) fn has_ended(&self, now: Timestamp) -> bool {
        self.deadline.is_some_and(|deadline| now >= deadline)
    }
}

impl Ordered {
    pub(super) fn new(order: Order, patience: Patience, at: Timestamp) -> Self {
        Self { order, tries: 0, at, problem: None, patience }
    }

    /// For the next step, which has not been tried yet.
    pub(super) fn afresh(self, at: Timestamp) -> Self {
        Self { tries: 0, at, problem: None, ..self }
    }

    /// The same once more.
    pub(super) fn again(self, at: Timestamp) -> Self {
        Self { tries: self.tries.saturating_add(1), at, ..self }
    }
}
