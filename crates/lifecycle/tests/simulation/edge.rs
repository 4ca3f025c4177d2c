//! Points of presence: each follows the database's changes at its own pace.

use std::collections::BTreeMap;

use edge_state::KeyType;
use lifecycle::Timestamp;

/// What the edge is told, in order.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Change {
    /// `acme:{token}`
    Challenge { token: String, answer: Option<String> },
    /// `cert:{hostname}`: serials with their ends.
    Certificates(BTreeMap<KeyType, (String, Timestamp)>),
    /// `host:{hostname}`: whether it is served; `None`: gone.
    Host(Option<bool>),
}

#[derive(Default)]
pub struct PointOfPresence {
    pub down: bool,
    applied: usize,
    challenges: BTreeMap<String, String>,
    pub certificates: BTreeMap<KeyType, (String, Timestamp)>,
    pub host: Option<bool>,
}

impl PointOfPresence {
    /// Applies the next `count` changes.
    pub fn follow(&mut self, changes: &[Change], count: usize) {
        if self.down {
            return;
        }
        for change in changes.iter().skip(self.applied).take(count) {
            self.applied += 1;
            match change.clone() {
                Change::Challenge { token, answer: Some(answer) } => {
                    self.challenges.insert(token, answer);
                }
                Change::Challenge { token, answer: None } => {
                    self.challenges.remove(&token);
                }
                Change::Certificates(certificates) => self.certificates = certificates,
                Change::Host(host) => self.host = host,
            }
        }
    }

    pub fn answer(&self, token: &str) -> Option<String> {
        (!self.down).then(|| self.challenges.get(token).cloned()).flatten()
    }

    pub fn tokens(&self) -> Vec<&str> {
        self.challenges.keys().map(String::as_str).collect()
    }
}
