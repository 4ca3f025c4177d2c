//! Signatures of our own. RS256 says the same of the same bytes (RFC 8017 §8.2), so a machine that
//! asks a hundred times a minute costs one signature.

use std::collections::BTreeMap;

use sha2::{Digest as _, Sha256};

use crate::need::{KeyHolder, Sign};

/// By digest of key and message. Two generations: what is used moves to the young one, and the old
/// one goes when that is full.
#[derive(Debug, Default)]
pub struct Signatures {
    young: BTreeMap<[u8; 32], Vec<u8>>,
    old: BTreeMap<[u8; 32], Vec<u8>>,
}

/// The size of a generation. Each is some 300 bytes.
const GENERATION: usize = 1024;

impl Signatures {
    /// The signature that was made before.
    pub fn find(&mut self, sign: &Sign) -> Option<Vec<u8>> {
        let digest = digest(sign);
        if let Some(signature) = self.young.get(&digest) {
            return Some(signature.clone());
        }
        let signature = self.old.remove(&digest)?;
        self.put(digest, signature.clone());
        Some(signature)
    }

    /// It was made.
    pub fn insert(&mut self, sign: &Sign, signature: Vec<u8>) {
        self.put(digest(sign), signature);
    }

    fn put(&mut self, digest: [u8; 32], signature: Vec<u8>) {
        if self.young.len() >= GENERATION {
            self.old = std::mem::take(&mut self.young);
        }
        self.young.insert(digest, signature);
    }
}

/// Each part after its length, so that none runs into the next.
fn digest(sign: &Sign) -> [u8; 32] {
    let mut hash = Sha256::new();
    let (kind, holder) = match &sign.holder {
        KeyHolder::Organization(auth_domain) => ("organization", auth_domain.as_str()),
        KeyHolder::Saml(id) => ("saml", id.as_str()),
    };
    for part in [kind.as_bytes(), holder.as_bytes(), sign.kid.as_bytes(), &sign.message] {
        hash.update((part.len() as u64).to_be_bytes());
        hash.update(part);
    }
    hash.finalize().into()
}

#[cfg(test)]
mod tests {
    use edge_state::Hostname;

    use super::*;

    fn sign(auth_domain: &str, kid: &str, message: &str) -> Sign {
        let holder = KeyHolder::Organization(Hostname::parse(auth_domain).unwrap());
        Sign { holder, kid: kid.into(), message: message.into() }
    }

    #[test]
    fn every_part_counts() {
        let mut signatures = Signatures::default();
        signatures.insert(&sign("a.com", "k", "m"), b"s".to_vec());
        assert_eq!(signatures.find(&sign("a.com", "k", "m")), Some(b"s".to_vec()));
        for other in [sign("b.com", "k", "m"), sign("a.com", "km", ""), sign("a.com", "k", "n")] {
            assert_eq!(signatures.find(&other), None, "{other:?}");
        }
    }

    #[test]
    fn memory_is_bounded_and_keeps_what_is_used() {
        let mut signatures = Signatures::default();
        let used = sign("a.com", "k", "used");
        signatures.insert(&used, b"s".to_vec());
        for number in 0..3 * GENERATION {
            signatures.insert(&sign("a.com", "k", &number.to_string()), Vec::new());
            if number % 500 == 0 {
                assert!(signatures.find(&used).is_some(), "forgotten after {number}");
            }
        }
        assert!(signatures.young.len() + signatures.old.len() <= 2 * GENERATION);
        assert_eq!(signatures.find(&sign("a.com", "k", "0")), None);
    }
}
