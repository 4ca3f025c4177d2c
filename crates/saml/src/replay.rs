//! What is good once. The library remembers nothing: it says what the caller is to remember, and
//! until when.

use std::time::SystemTime;

use sha2::{Digest as _, Sha256};

/// A message that must not be taken twice, at whatever point of presence and on whatever path. The
/// caller stores the key, atomically, before it acts on the message, and refuses it where the key
/// is stored already.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Once {
    /// 64 hexadecimal digits.
    pub key: String,
    /// After this the message has run out by itself, and the key may be forgotten.
    pub until: SystemTime,
}

impl Once {
    pub(crate) fn new(issuer: &str, id: &str, until: SystemTime) -> Self {
        let hash = Sha256::new()
            .chain_update(issuer.len().to_be_bytes())
            .chain_update(issuer)
            .chain_update(id)
            .finalize();
        let key = hash.iter().fold(String::new(), |key, byte| key + &format!("{byte:02x}"));
        Self { key, until }
    }
}
