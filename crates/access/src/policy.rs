//! What an application's policies say about one visitor.
//!
//! All `bypass` and `non_identity` policies come first, in order; then `allow` and `deny`, in order;
//! the first that matches decides, and if none does the visitor stays out. A policy matches when one
//! of its include rules holds, all require rules hold and no exclude rule does.
//!
//! A rule that cannot be evaluated counts against the visitor wherever it stands: it does not admit,
//! does not fulfil a requirement, does exclude; and in a `deny` policy it is the other way round.

use edge_state::access::policy::Decision;
use edge_state::access::{OrganizationRecord, Policy};
use serde::{Deserialize, Serialize};

use crate::selector::{Assume, External, Party, View, Weighing};
use crate::trace::{PolicyTrace, Trace};
use crate::{Here, Known, Need};

pub use crate::visitor::{Circumstances, Subject};

/// What was decided, and why.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Verdict {
    /// What was decided.
    pub outcome: Outcome,
    /// Why, rule by rule.
    pub trace: Trace,
}

/// What was decided. Numbers are places in the list of policies.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "snake_case", tag = "outcome")]
pub enum Outcome {
    /// This person comes in.
    Allow {
        /// By this policy.
        policy: usize,
    },
    /// Whoever it is comes in.
    Bypass {
        /// By this policy.
        policy: usize,
    },
    /// This machine comes in (`non_identity`).
    Service {
        /// By this policy.
        policy: usize,
    },
    /// Stays out.
    Deny {
        /// By this policy; `None`: none admits.
        policy: Option<usize>,
    },
    /// Stays out as long as nobody knows who it is.
    SignIn,
}

impl Outcome {
    /// Whether the visitor comes in.
    #[must_use]
    pub fn admits(self) -> bool {
        matches!(self, Self::Allow { .. } | Self::Bypass { .. } | Self::Service { .. })
    }

    /// The policy that decided, if one did.
    #[must_use]
    pub fn policy(self) -> Option<usize> {
        match self {
            Self::Allow { policy } | Self::Bypass { policy } | Self::Service { policy } => {
                Some(policy)
            }
            Self::Deny { policy } => policy,
            Self::SignIn => None,
        }
    }
}

/// What the policies say. Without an identity: [`Outcome::SignIn`], unless whoever signs in would
/// stay out all the same.
///
/// # Errors
/// [`Need`]: a group or list has not been read, or a service that evaluates not been asked.
pub fn evaluate(
    policies: &[Policy],
    subject: &Subject<'_>,
    circumstances: &Circumstances<'_>,
    known: &Known,
    here: &Here<'_>,
    org: &OrganizationRecord,
) -> Result<Verdict, Need> {
    weigh(policies, *subject, *circumstances, (known, here, org), External::Ask)
}

/// As [`evaluate`], for somebody who was let in by the policy `admitted_by` before: services that
/// evaluate are not asked again, as they judge a person when they sign in and not every request. If
/// somebody stays out whom such a service might let in by another policy: [`Outcome::SignIn`].
///
/// # Errors
/// [`Need`]: a group or list has not been read.
pub fn evaluate_again(
    policies: &[Policy],
    subject: &Subject<'_>,
    circumstances: &Circumstances<'_>,
    known: &Known,
    here: &Here<'_>,
    org: &OrganizationRecord,
    admitted_by: Option<&str>,
) -> Result<Verdict, Need> {
    weigh(policies, *subject, *circumstances, (known, here, org), External::AsBefore(admitted_by))
}

/// The order of the policies; the rest is [`Weighing`]'s.
pub(crate) fn weigh(
    policies: &[Policy],
    subject: Subject<'_>,
    circumstances: Circumstances<'_>,
    (known, here, org): (&Known, &Here<'_>, &OrganizationRecord),
    external: External<'_>,
) -> Result<Verdict, Need> {
    let mut trace = Trace::default();
    let mut might_come_in = false;
    let mut matches = |index: usize, policy: &Policy, party| -> Result<bool, Need> {
        let view = View { party, subject, circumstances, known, here, org };
        let assume = Assume::of(policy, party, external);
        let weighed = Weighing::new(view, assume, external).policy(policy)?;
        might_come_in |= weighed.unsettled && policy.decision == Decision::Allow;
        trace.policies.push(PolicyTrace {
            index,
            id: policy.id.clone(),
            name: policy.name.clone(),
            decision: policy.decision,
            matched: weighed.matched,
            criteria: weighed.criteria,
        });
        Ok(weighed.matched)
    };
    let mut outcome = None;
    for (index, policy) in policies.iter().enumerate() {
        let (party, admitted) = match policy.decision {
            Decision::Bypass => (Party::Anybody, Outcome::Bypass { policy: index }),
            Decision::NonIdentity => (Party::Machine, Outcome::Service { policy: index }),
            Decision::Allow | Decision::Deny => continue,
        };
        if matches(index, policy, party)? {
            outcome = Some(admitted);
            break;
        }
    }
    // `strict_service_token_auth`: a service token that is sent decides alone.
    if outcome.is_none() && !(org.strict_service_token_auth && subject.service_token.is_some()) {
        let party = subject.identity.map_or(Party::Unknown, Party::Person);
        for (index, policy) in policies.iter().enumerate() {
            let decided = match (policy.decision, subject.identity) {
                (Decision::Allow, Some(_)) => Outcome::Allow { policy: index },
                (Decision::Allow, None) => Outcome::SignIn,
                (Decision::Deny, _) => Outcome::Deny { policy: Some(index) },
                (Decision::Bypass | Decision::NonIdentity, _) => continue,
            };
            if matches(index, policy, party)? {
                outcome = Some(decided);
                break;
            }
        }
    }
    let outcome = match outcome.unwrap_or(Outcome::Deny { policy: None }) {
        Outcome::Deny { .. } if might_come_in && matches!(external, External::AsBefore(_)) => {
            Outcome::SignIn
        }
        outcome => outcome,
    };
    Ok(Verdict { outcome, trace })
}

#[cfg(test)]
mod tests;
