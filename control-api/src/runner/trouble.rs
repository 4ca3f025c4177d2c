//! What others' errors mean to a machine.

use std::time::Duration;

use edge_state::Hostname;
use lifecycle::certificate::OrderStatus;
use lifecycle::problem::clip;
use lifecycle::{Authority, Problem, Timestamp};

use super::Failure;
use crate::check::CheckError;
use crate::dns::DnsError;
use crate::issuer;

/// Of whom and about what an error speaks.
#[derive(Clone, Copy)]
pub(super) struct About<'a> {
    pub(super) authority: &'a Authority,
    pub(super) hostname: &'a Hostname,
    pub(super) now: Timestamp,
}

/// What an authority did instead of what it was asked to.
pub(super) enum Trouble {
    /// The order is dead or was not taken.
    Refused(Problem),
    /// Nothing is known of the order: ask again later.
    Unknown(Problem),
}

impl Trouble {
    /// `Err`: the reason is our own.
    pub(super) fn of(error: issuer::Error, about: About) -> Result<Self, Failure> {
        let authority = about.authority.clone();
        let down = |reason: String| Problem::AuthorityDown {
            authority: about.authority.clone(),
            reason: clip(&reason),
        };
        Ok(match error {
            issuer::Error::Problem { problem, .. } => {
                let busy = problem.status.is_some_and(|status| status >= 500);
                let problem = problem_of(&problem, about);
                let later = busy
                    || matches!(
                        problem,
                        Problem::RateLimited { .. } | Problem::AuthorityDown { .. }
                    );
                if later { Self::Unknown(problem) } else { Self::Refused(problem) }
            }
            issuer::Error::Unreachable { reason, .. } | issuer::Error::Malformed { reason, .. } => {
                Self::Unknown(down(reason))
            }
            issuer::Error::NotIssued { .. } => {
                Self::Unknown(down("it has not issued the certificate yet".into()))
            }
            issuer::Error::OrderGone { .. } => Self::Refused(Problem::OrderGone { authority }),
            error @ (issuer::Error::NoHttpChallenge { .. } | issuer::Error::Configuration(_)) => {
                Self::Refused(Problem::refused(&authority, "configuration", &error.to_string()))
            }
            error @ (issuer::Error::Vault(_) | issuer::Error::Database(_)) => {
                return Err(Failure::Issuer(error));
            }
        })
    }

    pub(super) fn problem(self) -> Problem {
        match self {
            Self::Refused(problem) | Self::Unknown(problem) => problem,
        }
    }
}

/// Where an order stands, in the machine's words.
pub(super) fn order_status(status: issuer::OrderStatus, about: About) -> OrderStatus {
    let at = |after| retry_at(after, about.now);
    match status {
        issuer::OrderStatus::Pending { retry_after } => {
            OrderStatus::Pending { retry_at: at(retry_after) }
        }
        issuer::OrderStatus::Ready => OrderStatus::Ready,
        issuer::OrderStatus::Processing { retry_after } => {
            OrderStatus::Processing { retry_at: at(retry_after) }
        }
        issuer::OrderStatus::Valid => OrderStatus::Valid,
        issuer::OrderStatus::Invalid { problem } => {
            OrderStatus::Invalid(problem_of(&problem, about))
        }
    }
}

fn problem_of(problem: &issuer::Problem, about: About) -> Problem {
    // The part about our name says more than the whole.
    let part = problem.subproblems.first();
    let (kind, detail) = match part {
        Some(part) if problem.kind.is_empty() || problem.kind == "compound" => {
            (part.kind.as_str(), part.detail.clone())
        }
        _ => (problem.kind.as_str(), problem.to_string()),
    };
    let kind = match (kind, problem.status) {
        ("", Some(429)) => "rateLimited",
        ("", Some(500..)) => "serverInternal",
        (kind, _) => kind,
    };
    let retry_at = retry_at(problem.retry_after, about.now);
    Problem::from_authority(about.authority, about.hostname, (kind, &detail), retry_at)
}

/// What an authority says is believed up to a week.
fn retry_at(after: Option<Duration>, now: Timestamp) -> Option<Timestamp> {
    after.map(|after| now + after.min(Duration::from_hours(7 * 24)))
}

/// Why a look at the public challenge failed.
pub(super) fn look_failed(
    error: &CheckError,
    url: String,
    hostname: &Hostname,
    target: &Hostname,
) -> Problem {
    match error {
        CheckError::Dns(DnsError::NoSuchName(_) | DnsError::NoAddress(_)) => {
            Problem::NotResolving { hostname: hostname.clone(), target: target.clone() }
        }
        CheckError::Dns(error) => {
            Problem::LookUpFailed { name: hostname.to_string(), reason: clip(&error.to_string()) }
        }
        error => Problem::ChallengeUnreachable { url, reason: clip(&error.to_string()) },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn trouble(error: issuer::Error) -> Trouble {
        let hostname = Hostname::parse("shop.customer.com").unwrap();
        let authority = Authority::new("ca");
        let about = About { authority: &authority, hostname: &hostname, now: Timestamp::EPOCH };
        Trouble::of(error, about).unwrap()
    }

    fn problem(kind: &str, status: Option<u16>, retry_after: Option<u64>) -> issuer::Error {
        let problem = issuer::Problem {
            kind: kind.into(),
            status,
            retry_after: retry_after.map(Duration::from_secs),
            ..issuer::Problem::default()
        };
        issuer::Error::Problem { authority: "ca".into(), problem: Box::new(problem) }
    }

    #[test]
    fn only_the_authoritys_own_word_kills_an_order() {
        for (error, refused) in [
            (problem("unauthorized", Some(403), None), true),
            (problem("caa", Some(403), None), true),
            (problem("rejectedIdentifier", Some(400), None), true),
            (problem("rateLimited", Some(429), Some(60)), false),
            (problem("serverInternal", Some(500), None), false),
            (problem("", Some(503), Some(60)), false),
            (problem("", Some(429), None), false),
            (issuer::Error::Unreachable { authority: "ca".into(), reason: "no".into() }, false),
            (issuer::Error::Malformed { authority: "ca".into(), reason: "no".into() }, false),
            (issuer::Error::NotIssued { authority: "ca".into() }, false),
            (issuer::Error::OrderGone { authority: "ca".into() }, true),
        ] {
            let text = error.to_string();
            assert_eq!(matches!(trouble(error), Trouble::Refused(_)), refused, "{text}");
        }
    }

    #[test]
    fn a_rate_limit_says_when_to_come_back() {
        let problem = trouble(problem("rateLimited", Some(429), Some(60))).problem();
        assert_eq!(problem.retry_at(), Some(Timestamp::EPOCH + Duration::from_mins(1)));
    }
}
