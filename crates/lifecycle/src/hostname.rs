//! The life of one custom hostname: whether its owner pointed it at us, or proved to own it.
//!
//! ```text
//!             Verified                    misses through a whole schedule
//!  Pending ─────────────▶ Active ───────────────────────────────────────▶ Moved
//!   ▲   │                   ▲                                              │ │
//!   │   │                   └──────────────────── Verified ────────────────┘ │ seven daily
//!   │   └── 75 checks in seven days ────────────────────────────▶ Moved      │ checks more
//!   └────────── Refresh ── Moved, Blocked                                    ▼
//!                                         Block ▶ Blocked     Delete ▶ Deleted
//! ```
//!
//! The certificates of a hostname live on their own; see [`crate::certificate`].

use serde::{Deserialize, Serialize};

use crate::backoff::{MOVED_CHECKS, jitter};
use crate::{Problem, Terms, Timestamp};

/// `status`. A variant owns exactly what is known in it.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "snake_case", tag = "status")]
pub enum Hostname {
    /// Not verified yet. The edge shows what is missing.
    Pending {
        /// How many checks there were.
        checks: u32,
        /// When the next one is due.
        at: Timestamp,
        /// What the last one found.
        problems: Vec<Problem>,
    },
    /// Verified and served.
    Active {
        /// How many checks in a row found it pointing elsewhere.
        misses: u32,
        /// When the next check is due.
        at: Timestamp,
        /// What the last miss found.
        problems: Vec<Problem>,
    },
    /// It never pointed here for a whole schedule, or has stopped to. Not served.
    Moved {
        /// How many checks in a row since.
        checks: u32,
        /// When the next one is due.
        at: Timestamp,
        /// What the last one found.
        problems: Vec<Problem>,
    },
    /// An operator forbids it. Not served, not checked.
    Blocked {
        /// In words for the customer.
        reason: String,
    },
    /// Gone.
    Deleted,
}

/// What happens to a hostname.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Event {
    /// A check found one sufficient proof.
    Verified,
    /// A check found none.
    NotVerified(Vec<Problem>),
    /// A client asks to check now.
    Refresh,
    /// An operator forbids the hostname.
    Block {
        /// In words for the customer.
        reason: String,
    },
    /// A client deletes it.
    Delete,
}

/// What the caller does in the commit that stores the new state.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Effect {
    /// Write the hostname's edge record anew: its stage, or what is missing, has changed.
    Publish,
    /// Take everything about the hostname off the edge and out of the database.
    Remove,
}

/// What is to be performed next.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub enum Step {
    /// Look whether the hostname points here or proves its ownership.
    CheckHostname,
}

/// An event that cannot happen to this state.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
#[error("{event:?} cannot happen to a hostname that is {state:?}")]
pub struct Illegal {
    /// Unchanged.
    pub state: Hostname,
    /// Refused.
    pub event: Event,
}

impl Step {
    /// As stored.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::CheckHostname => "check_hostname",
        }
    }
}

impl Hostname {
    /// A new one: checked at once.
    #[must_use]
    pub fn begin(now: Timestamp) -> Self {
        Self::Pending { checks: 0, at: now, problems: vec![] }
    }

    /// The one way from state to state. `Err` changes nothing.
    pub fn next(
        self,
        event: Event,
        now: Timestamp,
        terms: &Terms,
    ) -> Result<(Self, Vec<Effect>), Illegal> {
        use Hostname::{Active, Blocked, Deleted, Moved, Pending};
        Ok(match (self, event) {
            (Pending { .. } | Moved { .. }, Event::Verified) => {
                (active(now, terms), vec![Effect::Publish])
            }
            (Active { .. }, Event::Verified) => (active(now, terms), vec![]),
            (Pending { checks, problems: before, .. }, Event::NotVerified(problems)) => {
                missed_while_pending(checks, &before, problems, now, terms)
            }
            (Active { misses, .. }, Event::NotVerified(problems)) => {
                missed_while_active(misses, problems, now, terms)
            }
            (Moved { checks, problems: before, .. }, Event::NotVerified(problems)) => {
                missed_while_moved(checks, &before, problems, now, terms)
            }
            (Pending { problems, .. }, Event::Refresh) => {
                (Pending { checks: 0, at: now, problems }, vec![])
            }
            (Active { misses, problems, .. }, Event::Refresh) => {
                (Active { misses, at: now, problems }, vec![])
            }
            (Moved { problems, .. }, Event::Refresh) => {
                (Pending { checks: 0, at: now, problems }, vec![Effect::Publish])
            }
            (Blocked { .. }, Event::Refresh) => (Self::begin(now), vec![Effect::Publish]),
            (Pending { .. } | Active { .. } | Moved { .. }, Event::Block { reason }) => {
                (Blocked { reason }, vec![Effect::Publish])
            }
            (Pending { .. } | Active { .. } | Moved { .. } | Blocked { .. }, Event::Delete) => {
                (Deleted, vec![Effect::Remove])
            }
            (state, event) if state.ignores(&event) => (state, vec![]),
            (state, event) => return Err(Illegal { state, event }),
        })
    }

    /// What to perform next, and when. `None` where only a person can go on.
    #[must_use]
    pub fn next_step(&self) -> Option<(Step, Timestamp)> {
        match self {
            Self::Pending { at, .. } | Self::Active { at, .. } | Self::Moved { at, .. } => {
                Some((Step::CheckHostname, *at))
            }
            Self::Blocked { .. } | Self::Deleted => None,
        }
    }

    /// `status` of the public contract.
    #[must_use]
    pub fn status(&self) -> &'static str {
        match self {
            Self::Pending { .. } => "pending",
            Self::Active { .. } => "active",
            Self::Moved { .. } => "moved",
            Self::Blocked { .. } => "blocked",
            Self::Deleted => "deleted",
        }
    }

    /// Whether the edge forwards requests.
    #[must_use]
    pub fn is_active(&self) -> bool {
        matches!(self, Self::Active { .. })
    }

    /// `verification_errors`, and what a pending hostname's page says is missing.
    #[must_use]
    pub fn verification_errors(&self) -> Vec<String> {
        match self {
            Self::Pending { problems, .. }
            | Self::Active { problems, .. }
            | Self::Moved { problems, .. } => problems.iter().map(Problem::message).collect(),
            Self::Blocked { reason } => vec![reason.clone()],
            Self::Deleted => vec![],
        }
    }

    /// Results of a check that ended after the state had moved on, and repeated requests.
    fn ignores(&self, event: &Event) -> bool {
        match self {
            Self::Blocked { .. } => {
                matches!(event, Event::Verified | Event::NotVerified(_) | Event::Block { .. })
            }
            Self::Deleted => {
                matches!(event, Event::Verified | Event::NotVerified(_) | Event::Delete)
            }
            _ => false,
        }
    }
}

fn active(now: Timestamp, terms: &Terms) -> Hostname {
    let at = now + jitter(terms.schedule.active_check(), terms.dice);
    Hostname::Active { misses: 0, at, problems: vec![] }
}

fn moved(problems: Vec<Problem>, now: Timestamp, terms: &Terms) -> (Hostname, Vec<Effect>) {
    let at = now + jitter(terms.schedule.moved_check(), terms.dice);
    (Hostname::Moved { checks: 0, at, problems }, vec![Effect::Publish])
}

fn missed_while_pending(
    checks: u32,
    before: &[Problem],
    problems: Vec<Problem>,
    now: Timestamp,
    terms: &Terms,
) -> (Hostname, Vec<Effect>) {
    let checks = checks.saturating_add(1);
    let Some(delay) = terms.schedule.hostname_check(checks) else {
        return moved(problems, now, terms);
    };
    let at = now + jitter(delay, terms.dice);
    let effects = publish_if(before != problems);
    (Hostname::Pending { checks, at, problems }, effects)
}

/// A hostname in service is not taken out of it before a whole schedule of misses, and never
/// because our own look-ups fail.
fn missed_while_active(
    misses: u32,
    problems: Vec<Problem>,
    now: Timestamp,
    terms: &Terms,
) -> (Hostname, Vec<Effect>) {
    let misses = misses.saturating_add(u32::from(is_conclusive(&problems)));
    let Some(delay) = terms.schedule.hostname_check(misses) else {
        return moved(problems, now, terms);
    };
    (Hostname::Active { misses, at: now + jitter(delay, terms.dice), problems }, vec![])
}

fn missed_while_moved(
    checks: u32,
    before: &[Problem],
    problems: Vec<Problem>,
    now: Timestamp,
    terms: &Terms,
) -> (Hostname, Vec<Effect>) {
    let checks = checks.saturating_add(u32::from(is_conclusive(&problems)));
    if checks >= MOVED_CHECKS {
        return (Hostname::Deleted, vec![Effect::Remove]);
    }
    let at = now + jitter(terms.schedule.moved_check(), terms.dice);
    let effects = publish_if(before != problems);
    (Hostname::Moved { checks, at, problems }, effects)
}

fn publish_if(what_is_missing_changed: bool) -> Vec<Effect> {
    if what_is_missing_changed { vec![Effect::Publish] } else { vec![] }
}

fn is_conclusive(problems: &[Problem]) -> bool {
    !problems.iter().any(Problem::is_inconclusive)
}

#[cfg(test)]
mod tests;
