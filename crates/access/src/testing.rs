//! A shell for tests: records, a control plane in a few lines, and real signatures.

#![allow(clippy::unwrap_used, reason = "a test that cannot begin has failed")]

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::sync::OnceLock;

use aws_lc_rs::encoding::{AsDer as _, Pkcs8V1Der};
use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::rsa::{KeyPair, KeySize, PublicKeyComponents};
use aws_lc_rs::signature::{
    ECDSA_P256_SHA256_FIXED, ECDSA_P384_SHA384_FIXED, ECDSA_P521_SHA512_FIXED, ED25519,
    KeyPair as _, RSA_PKCS1_2048_8192_SHA256, RSA_PKCS1_2048_8192_SHA384,
    RSA_PKCS1_2048_8192_SHA512, RSA_PKCS1_SHA256, RSA_PSS_2048_8192_SHA256,
    RSA_PSS_2048_8192_SHA384, RSA_PSS_2048_8192_SHA512, VerificationAlgorithm,
};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use edge_state::access::call::{SessionFound, Spent};
use edge_state::access::session::sealing_context;
use edge_state::access::{Identity, SessionRecord};
use edge_state::seal::{KeyRing, SealEntropy, SealingKey};
use edge_state::{Entry, Hostname, Key, Record};
use serde_json::{Value, json};

use crate::encoding::from_base64url;
use crate::known::Reply;
use crate::need::{Algorithm, Call, PublicKey, Verify};
use crate::{Here, Known, Need};

pub(crate) const TEAM: &str = "team.example";
/// Seconds since 1970.
pub(crate) const NOW: i64 = 1_700_000_000;

/// Everything around one request.
pub(crate) struct Shell {
    pub(crate) records: BTreeMap<Key, String>,
    pub(crate) now: i64,
    pub(crate) keys: KeyRing,
    pub(crate) spent: RefCell<Vec<String>>,
    pub(crate) signed_out: RefCell<Vec<String>>,
    /// Whether the control plane answers.
    pub(crate) answers: bool,
    /// Names of all needs that were carried out, for who counts them.
    pub(crate) done: RefCell<Vec<String>>,
    pub(crate) entropy: [u8; 32],
}

/// One RSA key for all tests: making one takes a while.
pub(crate) fn rsa() -> &'static KeyPair {
    static KEY: OnceLock<KeyPair> = OnceLock::new();
    KEY.get_or_init(|| KeyPair::generate(KeySize::Rsa2048).unwrap())
}

pub(crate) fn name(text: &str) -> Hostname {
    Hostname::parse(text).unwrap()
}

pub(crate) fn base64url(bytes: &[u8]) -> String {
    URL_SAFE_NO_PAD.encode(bytes)
}

/// Modulus and exponent.
pub(crate) fn public(key: &KeyPair) -> (String, String) {
    let key = key.public_key();
    let number = |bytes: &[u8]| base64url(bytes.strip_prefix(&[0]).unwrap_or(bytes));
    let modulus = key.modulus().big_endian_without_leading_zero();
    (number(modulus), number(key.exponent().big_endian_without_leading_zero()))
}

pub(crate) fn rs256(key: &KeyPair, message: &[u8]) -> Vec<u8> {
    let mut signature = vec![0; key.public_modulus_len()];
    key.sign(&RSA_PKCS1_SHA256, &SystemRandom::new(), message, &mut signature).unwrap();
    signature
}

/// Any claims, signed by [`rsa`] under the organisation's `kid`.
pub(crate) fn forge(claims: &Value) -> String {
    let header = json!({"alg": "RS256", "kid": "k1", "typ": "JWT"});
    let message = format!(
        "{}.{}",
        base64url(header.to_string().as_bytes()),
        base64url(claims.to_string().as_bytes())
    );
    let signature = base64url(&rs256(rsa(), message.as_bytes()));
    format!("{message}.{signature}")
}

impl Default for Shell {
    fn default() -> Self {
        let mut shell = Self {
            records: BTreeMap::new(),
            now: NOW,
            keys: KeyRing::new(SealingKey::new("test", [7; 32]).unwrap(), []),
            spent: RefCell::default(),
            signed_out: RefCell::default(),
            answers: true,
            done: RefCell::default(),
            entropy: [9; 32],
        };
        let (n, e) = public(rsa());
        let pkcs8: Pkcs8V1Der = rsa().as_der().unwrap();
        let context = edge_state::access::signing_key::sealing_context(&name(TEAM), "k1");
        let sealed = shell.keys.seal(pkcs8.as_ref(), &context, SealEntropy([1; 56]));
        shell.put(
            &format!("keys:{TEAM}"),
            json!({"auth_domain": TEAM, "keys": [
            {"kid": "k1", "n": n, "e": e, "certificate": "", "private_key": sealed}]}),
        );
        shell
    }
}

impl Shell {
    /// A record as JSON, of version 1.
    pub(crate) fn put(&mut self, key: &str, mut value: Value) {
        value["v"] = 1.into();
        let key: Key = key.parse().unwrap();
        let text = value.to_string();
        Entry::decode(&key, Some(&text)).unwrap_or_else(|error| panic!("{key}: {error}: {text}"));
        self.records.insert(key, text);
    }

    pub(crate) fn remove(&mut self, key: &str) {
        self.records.remove(&key.parse::<Key>().unwrap()).unwrap();
    }

    /// Changes one record's JSON.
    pub(crate) fn edit(&mut self, key: &str, change: impl FnOnce(&mut Value)) {
        let text = &self.records[&key.parse::<Key>().unwrap()];
        let mut value = serde_json::from_str(text).unwrap();
        change(&mut value);
        self.put(key, value);
    }

    /// A session with its record.
    pub(crate) fn begin_session(&mut self, nonce: &str, seconds: i64, identity: &Identity) {
        let record = self.session(nonce, seconds, identity);
        self.records.insert(record.key(), record.encode());
    }

    pub(crate) fn session(&self, nonce: &str, seconds: i64, identity: &Identity) -> SessionRecord {
        let plain = serde_json::to_vec(identity).unwrap();
        SessionRecord {
            nonce: nonce.to_owned(),
            auth_domain: name(TEAM),
            expires_at: self.now + seconds,
            identity: self.keys.seal(&plain, &sealing_context(nonce), SealEntropy([2; 56])),
        }
    }

    pub(crate) fn here(&self) -> Here<'_> {
        let now_millis = self.now * 1000;
        Here { now_millis, entropy: &self.entropy, keys: &self.keys, https_port: None }
    }

    /// Asks until there is an answer.
    pub(crate) fn ask<T>(&self, question: impl Fn(&Known, &Here) -> Result<T, Need>) -> T {
        let mut known = Known::default();
        for _ in 0..256 {
            match question(&known, &self.here()) {
                Ok(answer) => return answer,
                Err(need) => self.carry_out(need, &mut known),
            }
        }
        panic!("no answer after 256 rounds")
    }

    fn carry_out(&self, need: Need, known: &mut Known) {
        let read =
            |key: &Key| Entry::decode(key, self.records.get(key).map(String::as_str)).unwrap();
        let reply = match &need {
            Need::Record(key) => {
                self.done.borrow_mut().push(key.to_string());
                return known.insert_record(key.clone(), read(key));
            }
            Need::Records(keys) => {
                for key in keys {
                    known.insert_record(key.clone(), read(key));
                }
                return;
            }
            Need::Verify(verify) => {
                self.done.borrow_mut().push("verify".to_owned());
                Reply::Verified(verifies(verify))
            }
            Need::Sign(sign) => {
                self.done.borrow_mut().push("sign".to_owned());
                Reply::Signed(rs256(rsa(), &sign.message))
            }
            Need::Call(call) if self.answers => {
                self.done.borrow_mut().push(call.path().to_owned());
                Reply::Called(self.call(call))
            }
            other => Reply::Failed(format!("{other:?} is not answered here")),
        };
        known.insert(need, reply);
    }

    fn call(&self, call: &Call) -> String {
        match call {
            Call::Spend(spend) => {
                let first = !self.spent.borrow().contains(&spend.token);
                self.spent.borrow_mut().push(spend.token.clone());
                serde_json::to_string(&Spent { first }).unwrap()
            }
            Call::SignOut(sign_out) => {
                self.signed_out.borrow_mut().push(sign_out.nonce.clone());
                "{}".to_owned()
            }
            Call::FindSession(_) => serde_json::to_string(&SessionFound { session: None }).unwrap(),
            other => panic!("{other:?} is not answered here"),
        }
    }
}

/// Whether a signature is right, natively.
pub(crate) fn verifies(verify: &Verify) -> bool {
    let Verify { algorithm, key, message, signature } = verify;
    let bytes = |text: &String| from_base64url(text).unwrap_or_default();
    match (algorithm, key) {
        (
            Algorithm::Rs256
            | Algorithm::Rs384
            | Algorithm::Rs512
            | Algorithm::Ps256
            | Algorithm::Ps384
            | Algorithm::Ps512,
            PublicKey::Rsa { n, e },
        ) => {
            let parameters = match algorithm {
                Algorithm::Rs256 => &RSA_PKCS1_2048_8192_SHA256,
                Algorithm::Rs384 => &RSA_PKCS1_2048_8192_SHA384,
                Algorithm::Rs512 => &RSA_PKCS1_2048_8192_SHA512,
                Algorithm::Ps256 => &RSA_PSS_2048_8192_SHA256,
                Algorithm::Ps384 => &RSA_PSS_2048_8192_SHA384,
                _ => &RSA_PSS_2048_8192_SHA512,
            };
            PublicKeyComponents { n: bytes(n), e: bytes(e) }
                .verify(parameters, message, signature)
                .is_ok()
        }
        (_, PublicKey::Ec { x, y, .. }) => {
            let curve: &'static dyn VerificationAlgorithm = match algorithm {
                Algorithm::Es256 => &ECDSA_P256_SHA256_FIXED,
                Algorithm::Es384 => &ECDSA_P384_SHA384_FIXED,
                Algorithm::Es512 => &ECDSA_P521_SHA512_FIXED,
                _ => return false,
            };
            let point = [vec![4], bytes(x), bytes(y)].concat();
            curve.verify_sig(&point, message, signature).is_ok()
        }
        (Algorithm::EdDsa, PublicKey::Okp { x }) => {
            ED25519.verify_sig(&bytes(x), message, signature).is_ok()
        }
        _ => false,
    }
}
