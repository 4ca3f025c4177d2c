//! Why policies decided as they did, in words: as one line for the log, and for the person on a deny
//! page.

use std::fmt::Write as _;

use edge_state::access::Rule;
use edge_state::access::policy::Decision;
use serde::Serialize;

use crate::policy::{Outcome, Verdict};
use crate::trace::{CriteriaTrace, PolicyTrace, RuleTrace};

/// What a person may be told was missing, once they are somebody whom a policy is meant for. It
/// names no rule, group or network.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Hint {
    /// From here or from this country not.
    Place,
    /// Sign in more strongly: a second factor, a security key.
    StrongerSignIn,
    /// Sign in by another provider.
    OtherProvider,
    /// A device that is known or in order.
    Device,
    /// A client certificate.
    Certificate,
}

impl Hint {
    /// One sentence, for the person.
    #[must_use]
    pub fn words(self) -> &'static str {
        match self {
            Self::Place => "It cannot be opened from where you are.",
            Self::StrongerSignIn => "It wants a stronger sign-in, for example with a security key.",
            Self::OtherProvider => "It wants you to sign in another way.",
            Self::Device => "It wants a device that is known and in order.",
            Self::Certificate => "It wants a client certificate.",
        }
    }
}

impl Verdict {
    /// One line for the log: what decided, and by which rule.
    #[must_use]
    pub fn reason(&self) -> String {
        let last = self.trace.policies.last();
        match (self.outcome, last) {
            (Outcome::SignIn, _) => "a sign-in is needed".to_owned(),
            (Outcome::Deny { policy: None }, None) => "there is no policy".to_owned(),
            (Outcome::Deny { policy: None }, Some(_)) => {
                let mut text = "no policy admits".to_owned();
                for policy in self.nearest() {
                    let _ = write!(text, "; {:?}: {}", policy.name, policy.criteria.missing());
                }
                text
            }
            (_, Some(policy)) => {
                let by = policy.criteria.include.iter().find(|rule| rule.counted);
                let by = by.map(|rule| format!(" by {}", rule.describe())).unwrap_or_default();
                format!("{} {:?}{by}", word(policy.decision), policy.name)
            }
            (_, None) => String::new(),
        }
    }

    /// What to tell a person who was denied. Nothing if they are on no policy's list at all, or a
    /// policy denies them.
    #[must_use]
    pub fn hints(&self) -> Vec<Hint> {
        if self.outcome != (Outcome::Deny { policy: None }) {
            return Vec::new();
        }
        let meant =
            self.nearest().filter(|policy| policy.criteria.include.iter().any(|r| r.counted));
        let mut hints: Vec<Hint> = meant
            .flat_map(|policy| policy.criteria.obstacles().filter_map(RuleTrace::hint))
            .collect();
        hints.sort_unstable();
        hints.dedup();
        hints
    }

    /// The policies that could have admitted; at most three.
    fn nearest(&self) -> impl Iterator<Item = &PolicyTrace> {
        let admitting = |policy: &&PolicyTrace| policy.decision == Decision::Allow;
        let any = self.trace.policies.iter().any(|policy| policy.decision == Decision::Allow);
        self.trace.policies.iter().filter(move |policy| !any || admitting(policy)).take(3)
    }
}

impl CriteriaTrace {
    /// Require rules that did not count, and exclude rules that did.
    fn obstacles(&self) -> impl Iterator<Item = &RuleTrace> {
        let required = self.require.iter().filter(|rule| !rule.counted);
        required.chain(self.exclude.iter().filter(|rule| rule.counted))
    }

    fn missing(&self) -> String {
        let mut parts = Vec::new();
        if !self.include.iter().any(|rule| rule.counted) {
            let unevaluable = self.include.iter().find(|rule| rule.why.is_some());
            parts.push(match unevaluable {
                Some(rule) => format!("no include rule holds ({})", rule.describe()),
                None => "no include rule holds".to_owned(),
            });
        }
        for rule in self.require.iter().filter(|rule| !rule.counted).take(3) {
            parts.push(format!("requires {}", rule.describe()));
        }
        for rule in self.exclude.iter().filter(|rule| rule.counted).take(3) {
            parts.push(format!("excludes {}", rule.describe()));
        }
        parts.join(", ")
    }
}

impl RuleTrace {
    /// The rule as in the contract, the group's name, and why it could not be evaluated.
    fn describe(&self) -> String {
        let mut text = match (&self.rule, &self.group) {
            (Rule::Group { id }, Some(group)) => {
                format!("group {:?}", group.name.as_deref().unwrap_or(id))
            }
            (rule, _) => describe(rule),
        };
        if let Some(why) = &self.why {
            let _ = write!(text, ": {why}");
        }
        text
    }

    fn hint(&self) -> Option<Hint> {
        Some(match &self.rule {
            Rule::Ip { .. } | Rule::IpList { .. } | Rule::Geo { .. } => Hint::Place,
            Rule::AuthMethod { .. } | Rule::AuthContext { .. } => Hint::StrongerSignIn,
            Rule::LoginMethod { .. } => Hint::OtherProvider,
            Rule::DevicePosture { .. } => Hint::Device,
            Rule::Certificate {} | Rule::CommonName { .. } => Hint::Certificate,
            _ => return None,
        })
    }
}

/// `selector value`, shortened.
fn describe(rule: &Rule) -> String {
    let Ok(serde_json::Value::Object(rule)) = serde_json::to_value(rule) else {
        return String::new();
    };
    let mut text = String::new();
    for (selector, value) in &rule {
        text.push_str(selector);
        for (_, value) in value.as_object().into_iter().flatten() {
            match value {
                serde_json::Value::String(value) => write!(text, " {value}"),
                serde_json::Value::Null => Ok(()),
                value => write!(text, " {value}"),
            }
            .unwrap_or_default();
        }
    }
    if let Some((at, _)) = text.char_indices().nth(MAX_RULE_CHARS) {
        text.truncate(at);
        text.push('…');
    }
    text
}

const MAX_RULE_CHARS: usize = 160;

fn word(decision: Decision) -> &'static str {
    match decision {
        Decision::Allow => "allowed by",
        Decision::Deny => "denied by",
        Decision::Bypass => "bypassed by",
        Decision::NonIdentity => "service admitted by",
    }
}
