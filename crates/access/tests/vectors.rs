//! The JWT vectors, natively. `tests/vectors/workerd.mjs` at the root of the repository runs the same file
//! inside workerd, where WebCrypto verifies.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

#[path = "vectors/judge.rs"]
mod judge;

use access::known::{Known, Reply};
use access::need::{Algorithm, Need, PublicKey, Verify};
use aws_lc_rs::signature::{self, RsaPublicKeyComponents, UnparsedPublicKey};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

use self::judge::{Suite, Vector};

#[test]
fn every_token_gets_its_verdict() {
    let suite: Suite = serde_json::from_str(include_str!("vectors/jwt.json")).unwrap();
    assert!(suite.vectors.len() >= 100, "the list is whole");
    let wrong: Vec<_> = suite
        .vectors
        .iter()
        .map(|vector| (vector, verdict(&suite, vector)))
        .filter(|(vector, verdict)| vector.verdict != *verdict)
        .map(|(vector, verdict)| format!("{}: {verdict}, not {}", vector.name, vector.verdict))
        .collect();
    assert!(wrong.is_empty(), "{wrong:#?}");
}

fn verdict(suite: &Suite, vector: &Vector) -> String {
    let mut known = Known::default();
    loop {
        match suite.judge(vector, &known) {
            Ok(verdict) => return verdict,
            Err(need) => {
                let Need::Verify(verify) = &need else { panic!("{need:?}") };
                let reply = Reply::Verified(is_right(verify));
                known.insert(need, reply);
            }
        }
    }
}

fn is_right(verify: &Verify) -> bool {
    let decode = |text: &str| URL_SAFE_NO_PAD.decode(text).unwrap();
    let (message, signature) = (&verify.message, &verify.signature);
    match &verify.key {
        PublicKey::Rsa { n, e } => {
            let algorithm = match verify.algorithm {
                Algorithm::Rs256 => &signature::RSA_PKCS1_2048_8192_SHA256,
                Algorithm::Rs384 => &signature::RSA_PKCS1_2048_8192_SHA384,
                Algorithm::Rs512 => &signature::RSA_PKCS1_2048_8192_SHA512,
                Algorithm::Ps256 => &signature::RSA_PSS_2048_8192_SHA256,
                Algorithm::Ps384 => &signature::RSA_PSS_2048_8192_SHA384,
                Algorithm::Ps512 => &signature::RSA_PSS_2048_8192_SHA512,
                _ => return false,
            };
            let key = RsaPublicKeyComponents { n: decode(n), e: decode(e) };
            key.verify(algorithm, message, signature).is_ok()
        }
        PublicKey::Ec { x, y, .. } => {
            let algorithm = match verify.algorithm {
                Algorithm::Es256 => &signature::ECDSA_P256_SHA256_FIXED,
                Algorithm::Es384 => &signature::ECDSA_P384_SHA384_FIXED,
                Algorithm::Es512 => &signature::ECDSA_P521_SHA512_FIXED,
                _ => return false,
            };
            let point = [vec![4], decode(x), decode(y)].concat();
            UnparsedPublicKey::new(algorithm, point).verify(message, signature).is_ok()
        }
        PublicKey::Okp { x } => {
            let key = UnparsedPublicKey::new(&signature::ED25519, decode(x));
            key.verify(message, signature).is_ok()
        }
    }
}
