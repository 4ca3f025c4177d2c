//! The life of one certificate: one key, one name, and as many orders as it takes, one at a time.
//!
//! ```text
//!  Initializing ──OrderPlaced──▶ PendingValidation: Publishing ─ChallengeVisible▶ Responding
//!       │                              │                   ─ChallengeResponded▶ Polling
//!       │ order is born ready          │ OrderRead(Ready)
//!       ▼                              ▼
//!  PendingIssuance: Finalizing ─OrderRead▶ Processing ─OrderRead▶ Downloading
//!                                                                        │ Arrived
//!  Active ◀──────Served── PendingDeployment ◀────────────────────────────┘
//!    │                      │ one day: DeploymentTimedOut, and still ──Served──▶ Active
//!    │ Due at renew_at      │ Due at renew_at
//!    ▼                      ▼
//!  Renewing ──SuccessorActive──▶ Retired
//!    └─Due at not_after─▶ Expired ──SuccessorActive──▶ Retired
//! ```
//!
//! From every state before `PendingDeployment`: `OrderFailed` leads to `Failing`, which places
//! another order by the ladder or with the next authority; `Failed` stays and tries again; either
//! leads, once the deadline has passed, to `TimedOut`, which a `Refresh` leaves. `Delete` leads from
//! everywhere to `Deleted`.
//!
//! Nothing is ordered while an earlier order could still be issued: once finalization may have been
//! asked for, only the authority's own word (`OrderFailed`) or, for renewals, a dead authority ends
//! an order.

use serde::{Deserialize, Serialize};

use crate::renewal::Validity;
use crate::validation::Challenge;
use crate::{Authority, Problem, Terms, Timestamp};

mod arrow;
mod event;
mod order;
mod view;

pub use event::{Effect, Event, Illegal, OrderStatus, Step};
pub use order::{Issuance, Order, Ordered, Patience, Purpose, Validation};

/// One certificate. A variant owns exactly what is known in it.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "snake_case", tag = "state")]
pub enum Certificate {
    /// The first order is to be placed.
    Initializing {
        /// With whom.
        authority: Authority,
        /// When.
        at: Timestamp,
        /// What went wrong and how long to go on.
        patience: Patience,
    },
    /// An order failed, and another one is to be placed.
    Failing {
        /// In which phase.
        during: Phase,
        /// Why.
        problem: Problem,
        /// With whom the next order is placed.
        authority: Authority,
        /// When.
        at: Timestamp,
        /// What went wrong and how long to go on.
        patience: Patience,
    },
    /// Control of the name is being proved (RFC 8555 §7.5).
    PendingValidation {
        /// What the edge answers meanwhile.
        challenge: Challenge,
        /// How far the proof is.
        step: Validation,
        /// For this order.
        on: Ordered,
    },
    /// The authority issues (RFC 8555 §7.4).
    PendingIssuance {
        /// How far it is.
        step: Issuance,
        /// For this order.
        on: Ordered,
    },
    /// Issued, stored and published; not yet seen at every point of presence.
    PendingDeployment {
        /// The certificate itself.
        issued: Issued,
        /// How often it was looked for.
        tries: u32,
        /// When to look next.
        at: Timestamp,
        /// Since when it is looked for.
        since: Timestamp,
        /// What was seen last instead.
        problem: Option<Problem>,
    },
    /// As before, for a whole day. It is looked for on and on.
    DeploymentTimedOut {
        /// The certificate itself.
        issued: Issued,
        /// When to look next.
        at: Timestamp,
        /// What was seen last instead.
        problem: Problem,
    },
    /// Every point of presence was seen to serve it.
    Active {
        /// The certificate itself.
        issued: Issued,
    },
    /// Still served, while a successor is on its way.
    Renewing {
        /// The certificate itself.
        issued: Issued,
    },
    /// Its successor did not come in time.
    Expired {
        /// The certificate itself.
        issued: Issued,
    },
    /// Waits for a person (`Refresh`).
    TimedOut {
        /// In which phase.
        during: Phase,
        /// What stood in the way at last.
        problem: Problem,
        /// An order that may yet be issued; it is asked for before another one is placed.
        order: Option<Order>,
        /// What went wrong before.
        patience: Patience,
    },
    /// Its successor has taken over.
    Retired,
    /// Gone.
    Deleted,
}

/// A part of the way, by which failures and time-outs are named.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Phase {
    /// Before an order exists.
    Initializing,
    /// Proof of control.
    Validation,
    /// From finalization to download.
    Issuance,
}

/// What is known of an issued certificate.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub struct Issued {
    /// Lower-case hexadecimal.
    pub serial: String,
    /// From the certificate itself: no configuration tells it.
    pub validity: Validity,
    /// When renewal begins.
    pub renew_at: Timestamp,
}

impl Certificate {
    /// A new one. `None` if no authority is configured.
    #[must_use]
    pub fn begin(purpose: Purpose, now: Timestamp, terms: &Terms) -> Option<Self> {
        let patience = Patience::new(purpose);
        let choice = patience.failures.choose(now, terms)?;
        Some(Self::Initializing { authority: choice.authority, at: choice.at, patience })
    }

    /// The one way from state to state. `Err` changes nothing.
    pub fn next(
        self,
        event: Event,
        now: Timestamp,
        terms: &Terms,
    ) -> Result<(Self, Vec<Effect>), Illegal> {
        use Certificate::{
            Active, Deleted, DeploymentTimedOut, Expired, Failing, Initializing, PendingDeployment,
            PendingIssuance, PendingValidation, Renewing, Retired,
        };
        use Issuance::Downloading;
        use Validation::{Publishing, Responding};
        if self.has_outlived(&event) {
            return Ok((self, vec![]));
        }
        Ok(match (self, event) {
            (
                Initializing { patience, .. } | Failing { patience, .. },
                Event::OrderPlaced { order, challenge },
            ) => arrow::order_placed(order, challenge, patience, now),
            (
                PendingValidation { challenge, step: Publishing, on },
                Event::ChallengeVisible { .. },
            ) => (PendingValidation { challenge, step: Responding, on: on.afresh(now) }, vec![]),
            (
                PendingValidation { challenge, step: Responding, on },
                Event::ChallengeResponded { .. },
            ) => arrow::responded(challenge, on, now, terms),
            (PendingValidation { challenge, step, on }, Event::OrderRead { status, .. }) => {
                arrow::read_in_validation(challenge, step, on, status, now, terms)
            }
            (PendingIssuance { step, on }, Event::OrderRead { status, .. }) => {
                arrow::read_in_issuance(step, on, status, now, terms)
            }
            (
                PendingIssuance { step: Downloading, .. },
                Event::Arrived { serial, validity, .. },
            ) => arrow::arrived(serial, validity, now, terms),
            (
                PendingDeployment { issued, .. } | DeploymentTimedOut { issued, .. },
                Event::Served { .. },
            ) => (Active { issued }, vec![Effect::RetirePredecessors, Effect::BeginCompanion]),
            (
                Active { issued }
                | PendingDeployment { issued, .. }
                | DeploymentTimedOut { issued, .. },
                Event::Due,
            ) if now >= issued.renew_at => arrow::renew(issued),
            (
                Active { issued }
                | PendingDeployment { issued, .. }
                | DeploymentTimedOut { issued, .. },
                Event::Reissue,
            ) => arrow::renew(issued),
            (Renewing { issued }, Event::Due) if now >= issued.validity.not_after => {
                (Expired { issued }, vec![])
            }
            (state, Event::SuccessorActive) if state.issued().is_some() => (Retired, vec![]),
            (
                state @ (PendingValidation { .. } | PendingIssuance { .. }),
                Event::OrderFailed { problem, .. },
            ) => arrow::order_failed(state, problem, now, terms),
            (state, Event::Failed(problem)) => arrow::failed(state, problem, now, terms),
            (state, Event::Refresh) if state != Deleted => arrow::refresh(state, now, terms),
            (state, Event::Delete) => arrow::delete(&state),
            (state, event) if state.ignores(&event) => (state, vec![]),
            (state, event) => {
                return Err(Illegal { state: Box::new(state), event: Box::new(event) });
            }
        })
    }

    /// What to perform next, and when. `None` where only a person, or the successor, can go on.
    #[must_use]
    pub fn next_step(&self) -> Option<(Step, Timestamp)> {
        match self {
            Self::Initializing { at, .. } | Self::Failing { at, .. } => {
                Some((Step::PlaceOrder, *at))
            }
            Self::PendingValidation { step, on, .. } => Some((step.step(), on.at)),
            Self::PendingIssuance { step, on } => Some((step.step(), on.at)),
            // A point of presence that never comes back must not keep renewal away.
            Self::PendingDeployment { issued, at, .. }
            | Self::DeploymentTimedOut { issued, at, .. }
                if issued.renew_at > *at =>
            {
                Some((Step::Probe, *at))
            }
            Self::PendingDeployment { issued, .. }
            | Self::DeploymentTimedOut { issued, .. }
            | Self::Active { issued } => Some((Step::Renew, issued.renew_at)),
            Self::Renewing { issued } => Some((Step::Expire, issued.validity.not_after)),
            Self::Expired { .. } | Self::TimedOut { .. } | Self::Retired | Self::Deleted => None,
        }
    }

    /// Whether the event tells of an order or a certificate that this one is past, or not at yet:
    /// an answer heard twice, or late.
    fn has_outlived(&self, event: &Event) -> bool {
        let other_order = event.order().is_some_and(|url| self.order() != Some(url));
        let other_serial = event.serial().is_some_and(|serial| self.serial() != Some(serial));
        other_order || other_serial
    }

    /// What was heard before, came late, or ticked early.
    fn ignores(&self, event: &Event) -> bool {
        match event {
            Event::OrderPlaced { .. }
            | Event::ChallengeVisible { .. }
            | Event::ChallengeResponded { .. }
            | Event::OrderRead { .. }
            | Event::Arrived { .. }
            | Event::Served { .. }
            | Event::OrderFailed { .. } => true,
            Event::Due => self.issued().is_some() || matches!(self, Self::Retired | Self::Deleted),
            Event::Reissue => matches!(self, Self::Renewing { .. } | Self::Expired { .. }),
            Event::SuccessorActive => matches!(self, Self::Retired | Self::Deleted),
            Event::Failed(_) | Event::Refresh | Event::Delete => false,
        }
    }
}

#[cfg(test)]
mod tests;
