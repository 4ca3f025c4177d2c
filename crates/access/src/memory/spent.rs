//! What counts once and was spent from here. Who shows it again hears so without a question to the
//! control plane, which has to write for each.

use std::collections::BTreeSet;

use edge_state::access::call::{Spend, Spent as Answer};
use sha2::{Digest as _, Sha256};

/// By digest. Two generations: the old one goes when the young one is full.
#[derive(Debug, Default)]
pub struct Spent {
    young: BTreeSet<[u8; 32]>,
    old: BTreeSet<[u8; 32]>,
}

/// The size of a generation.
const GENERATION: usize = 4096;

impl Spent {
    /// The answer to a question whose answer is known: it was spent before.
    #[must_use]
    pub fn find(&self, spend: &Spend) -> Option<Answer> {
        let digest = digest(spend);
        let known = self.young.contains(&digest) || self.old.contains(&digest);
        known.then_some(Answer { first: false })
    }

    /// The control plane was asked, and answered: whatever it said, it is spent now.
    pub fn insert(&mut self, spend: &Spend) {
        if self.young.len() >= GENERATION {
            self.old = std::mem::take(&mut self.young);
        }
        self.young.insert(digest(spend));
    }
}

fn digest(spend: &Spend) -> [u8; 32] {
    let domain = spend.auth_domain.as_str(); // Has no NUL in it.
    Sha256::new_with_prefix(domain).chain_update([0]).chain_update(&spend.token).finalize().into()
}

#[cfg(test)]
mod tests {
    use edge_state::Hostname;

    use super::*;

    fn spend(auth_domain: &str, token: &str) -> Spend {
        let auth_domain = Hostname::parse(auth_domain).unwrap();
        Spend { auth_domain, token: token.into(), until: 0 }
    }

    #[test]
    fn what_was_spent_is_not_asked_about_again() {
        let mut spent = Spent::default();
        assert_eq!(spent.find(&spend("a.com", "attempt:1")), None);
        spent.insert(&spend("a.com", "attempt:1"));
        assert_eq!(spent.find(&spend("a.com", "attempt:1")), Some(Answer { first: false }));
        assert_eq!(spent.find(&spend("b.com", "attempt:1")), None);
        assert_eq!(spent.find(&spend("a.com", "attempt:2")), None);
    }

    #[test]
    fn it_is_bounded() {
        let mut spent = Spent::default();
        for number in 0..3 * GENERATION {
            spent.insert(&spend("a.com", &number.to_string()));
        }
        assert!(spent.young.len() + spent.old.len() <= 2 * GENERATION);
        assert!(spent.find(&spend("a.com", "0")).is_none());
    }
}
