//! What can go wrong between us and a CA, in words that lead somewhere.

use std::fmt;
use std::time::Duration;

use crate::vault;

/// A CA's problem document (RFC 8555 §6.7, RFC 7807).
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Problem {
    /// The type without its prefix: `rateLimited`, `caa`, `dns`, `unauthorized`..; empty if the CA
    /// gave none.
    pub kind: String,
    /// The CA's own words.
    pub detail: String,
    /// The HTTP status of the answer; absent for a problem inside an order or a challenge.
    pub status: Option<u16>,
    /// When the CA wants to be asked again.
    pub retry_after: Option<Duration>,
    /// Per identifier (RFC 8555 §6.7.1).
    pub subproblems: Vec<Subproblem>,
}

/// A part of a [`Problem`], about one identifier.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Subproblem {
    /// The name that it is about.
    pub identifier: Option<String>,
    /// As [`Problem::kind`].
    pub kind: String,
    /// As [`Problem::detail`].
    pub detail: String,
}

/// Why a CA did not do what it was asked to.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The CA refused.
    #[error("{authority}: {problem}")]
    Problem {
        /// Its name in the configuration.
        authority: String,
        /// What it said.
        problem: Box<Problem>,
    },
    /// No answer: connection, TLS, or time. Whether the request arrived is unknown.
    #[error("{authority} cannot be reached: {reason}")]
    Unreachable {
        /// Its name in the configuration.
        authority: String,
        /// Why.
        reason: String,
    },
    /// An answer that is not ACME's.
    #[error("{authority} gave an answer that is not understood: {reason}")]
    Malformed {
        /// Its name in the configuration.
        authority: String,
        /// What is wrong with it.
        reason: String,
    },
    /// The CA does not know this order (any more): place a new one.
    #[error("{authority} does not know this order any more")]
    OrderGone {
        /// Its name in the configuration.
        authority: String,
    },
    /// The order has no certificate yet: ask for its status.
    #[error("{authority} has not issued the certificate of this order yet")]
    NotIssued {
        /// Its name in the configuration.
        authority: String,
    },
    /// The CA does not validate this name by http-01.
    #[error("{authority} offers no http-01 validation for {hostname}")]
    NoHttpChallenge {
        /// Its name in the configuration.
        authority: String,
        /// The name.
        hostname: String,
    },
    /// The operator has to change something.
    #[error("{0}")]
    Configuration(String),
    /// The account's key could not be sealed or opened.
    #[error(transparent)]
    Vault(#[from] vault::Error),
    /// The database failed.
    #[error("database: {0}")]
    Database(#[from] sqlx::Error),
}

impl Error {
    /// When the CA wants to be asked again, if it said so.
    #[must_use]
    pub fn retry_after(&self) -> Option<Duration> {
        match self {
            Self::Problem { problem, .. } => problem.retry_after,
            _ => None,
        }
    }

    /// Whether this is a problem document of this kind.
    #[must_use]
    pub fn is_problem(&self, kind: &str) -> bool {
        matches!(self, Self::Problem { problem, .. } if problem.kind == kind)
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (self.kind.as_str(), self.detail.as_str()) {
            ("", "") => f.write_str("refused without a reason")?,
            ("", detail) => f.write_str(detail)?,
            (kind, "") => f.write_str(kind)?,
            (kind, detail) => write!(f, "{detail} ({kind})")?,
        }
        if let Some(status) = self.status {
            write!(f, ", HTTP {status}")?;
        }
        for part in &self.subproblems {
            let identifier = part.identifier.as_deref().unwrap_or("-");
            write!(f, "; {identifier}: {} ({})", part.detail, part.kind)?;
        }
        Ok(())
    }
}

impl From<&instant_acme::Problem> for Problem {
    fn from(problem: &instant_acme::Problem) -> Self {
        let part = |part: &instant_acme::Subproblem| Subproblem {
            identifier: part.identifier.as_ref().map(|name| name.authorized(false).to_string()),
            kind: kind(part.r#type.as_deref()),
            detail: detail(part.detail.as_deref()),
        };
        Self {
            kind: kind(problem.r#type.as_deref()),
            detail: detail(problem.detail.as_deref()),
            status: problem.status,
            retry_after: None,
            subproblems: problem.subproblems.iter().take(MAX_SUBPROBLEMS).map(part).collect(),
        }
    }
}

fn kind(text: Option<&str>) -> String {
    let text = text.unwrap_or_default();
    detail(Some(text.strip_prefix("urn:ietf:params:acme:error:").unwrap_or(text)))
}

/// Bounded, and without what could forge a line of a log.
fn detail(text: Option<&str>) -> String {
    let printable = |c: &char| !c.is_control();
    text.unwrap_or_default().chars().filter(printable).take(MAX_DETAIL).collect()
}

const MAX_DETAIL: usize = 1000;
const MAX_SUBPROBLEMS: usize = 20;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_problem_is_told_in_full_and_bounded() {
        let text = r#"{"type":"urn:ietf:params:acme:error:malformed","detail":"two\nwrong",
            "status":400,"new":1,"subproblems":[{"type":"urn:ietf:params:acme:error:caa",
            "detail":"CAA forbids","identifier":{"type":"dns","value":"a.com"}}]}"#;
        let problem = Problem::from(&serde_json::from_str::<instant_acme::Problem>(text).unwrap());
        assert_eq!(problem.to_string(), "twowrong (malformed), HTTP 400; a.com: CAA forbids (caa)");
        let long = format!(r#"{{"detail":"{}"}}"#, "x".repeat(100_000));
        let problem = Problem::from(&serde_json::from_str::<instant_acme::Problem>(&long).unwrap());
        assert_eq!(problem.detail.len(), MAX_DETAIL);
        assert_eq!(Problem::default().to_string(), "refused without a reason");
    }
}
