//! Signatures that were right. A signature over the same bytes with the same key stays so; when
//! its token expires is asked elsewhere, each time.

use std::collections::BTreeSet;

use sha2::{Digest as _, Sha256};

use crate::need::{PublicKey, Verify};

/// Right signatures, by digest of all that was verified. Wrong ones are not kept: anyone can make
/// them. Two generations: what is used moves to the young one, and the old one goes when that is
/// full.
#[derive(Debug, Default)]
pub struct Verdicts {
    young: BTreeSet<[u8; 32]>,
    old: BTreeSet<[u8; 32]>,
}

/// The size of a generation.
const GENERATION: usize = 4096;

impl Verdicts {
    /// Whether this was found to be right before.
    pub fn is_known_right(&mut self, verify: &Verify) -> bool {
        let digest = digest(verify);
        if self.young.contains(&digest) {
            return true;
        }
        let known = self.old.remove(&digest);
        if known {
            self.put(digest);
        }
        known
    }

    /// It is right.
    pub fn insert(&mut self, verify: &Verify) {
        self.put(digest(verify));
    }

    fn put(&mut self, digest: [u8; 32]) {
        if self.young.len() >= GENERATION {
            self.old = std::mem::take(&mut self.young);
        }
        self.young.insert(digest);
    }
}

/// Each part after its length, so that none runs into the next.
fn digest(verify: &Verify) -> [u8; 32] {
    let algorithm = format!("{:?}", verify.algorithm);
    let (kind, [a, b, c]) = match &verify.key {
        PublicKey::Rsa { n, e } => ("RSA", [n.as_str(), e, ""]),
        PublicKey::Ec { curve, x, y } => ("EC", [curve.as_str(), x, y]),
        PublicKey::Okp { x } => ("OKP", [x.as_str(), "", ""]),
    };
    let texts = [algorithm.as_str(), kind, a, b, c].map(str::as_bytes);
    let mut hash = Sha256::new();
    for part in texts.into_iter().chain([&verify.message[..], &verify.signature[..]]) {
        hash.update((part.len() as u64).to_be_bytes());
        hash.update(part);
    }
    hash.finalize().into()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::need::Algorithm;

    fn verify(message: &str) -> Verify {
        Verify {
            algorithm: Algorithm::Rs256,
            key: PublicKey::Rsa { n: "n".into(), e: "AQAB".into() },
            message: message.into(),
            signature: b"s".to_vec(),
        }
    }

    #[test]
    fn every_part_counts() {
        let mut verdicts = Verdicts::default();
        let right = verify("m");
        assert!(!verdicts.is_known_right(&right));
        verdicts.insert(&right);
        assert!(verdicts.is_known_right(&right));
        let rsa = |n: &str, e: &str| PublicKey::Rsa { n: n.into(), e: e.into() };
        for other in [
            verify("n"),
            Verify { message: b"ms".to_vec(), signature: Vec::new(), ..right.clone() },
            Verify { algorithm: Algorithm::Ps256, ..right.clone() },
            Verify { key: rsa("nA", "QAB"), ..right.clone() },
            Verify { key: rsa("o", "AQAB"), ..right.clone() },
            Verify { key: PublicKey::Okp { x: "n".into() }, ..right.clone() },
            Verify { signature: b"t".to_vec(), ..right.clone() },
        ] {
            assert!(!verdicts.is_known_right(&other), "{other:?}");
        }
    }

    #[test]
    fn memory_is_bounded_and_keeps_what_is_used() {
        let mut verdicts = Verdicts::default();
        verdicts.insert(&verify("used"));
        for number in 0..3 * GENERATION {
            verdicts.insert(&verify(&number.to_string()));
            if number % 1000 == 0 {
                assert!(verdicts.is_known_right(&verify("used")), "forgotten after {number}");
            }
        }
        assert!(!verdicts.is_known_right(&verify("0")));
        assert!(verdicts.young.len() + verdicts.old.len() <= 2 * GENERATION);
    }
}
