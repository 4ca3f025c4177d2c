//! What was found out so far for one request.

use std::fmt;
use std::sync::Arc;

use edge_state::recall::Recalled;
use edge_state::{Entry, Key, Records};
use serde::de::DeserializeOwned;

use crate::need::{Call, ContentKey, Fetch, Need, Sign, Unwrap, Verify, VerifySaml, Wrap};

/// Records and replies.
#[derive(Clone, Debug, Default)]
pub struct Known {
    /// What was read.
    pub records: Records,
    replies: Vec<(Need, Reply)>,
    recalled: Recalled<(Need, Reply)>,
    memory: Option<Arc<dyn Memory>>,
}

/// What came of needs of earlier requests, where that still counts.
pub trait Memory: fmt::Debug + Send + Sync {
    /// What is remembered of `need`.
    fn recall(&self, need: &Need) -> Option<Reply>;
}

/// What came of a need.
#[derive(Clone, Debug)]
pub enum Reply {
    /// The control plane's answer, JSON.
    Called(String),
    /// Somebody else's answer.
    Fetched(Fetched),
    /// Whether the signature is right.
    Verified(bool),
    /// The signature.
    Signed(Vec<u8>),
    /// The content key.
    Unwrapped(ContentKey),
    /// The wrapped content key.
    Wrapped(Vec<u8>),
    /// There is no answer; why, for logs.
    Failed(String),
}

/// An answer over HTTP.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Fetched {
    /// 200, ..
    pub status: u16,
    /// Lower case, without parameters.
    pub content_type: String,
    /// At most as long as was asked for.
    pub body: String,
    /// Seconds since 1970: older than now if it comes from a cache.
    pub at: i64,
}

/// Nobody answered, or not what was agreed. The text is for logs.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
#[error("{0}")]
pub struct Unanswered(pub String);

impl Known {
    /// With these records and no replies yet.
    #[must_use]
    pub fn new(records: Records) -> Self {
        Self { records, ..Self::default() }
    }

    /// As [`Self::new`]; what `memory` has need not be done again.
    #[must_use]
    pub fn with_memory(records: Records, memory: Arc<dyn Memory>) -> Self {
        Self { records, memory: Some(memory), ..Self::default() }
    }

    /// Adds what was read under `key`.
    pub fn insert_record(&mut self, key: Key, entry: Entry) {
        self.records.insert(key, entry);
    }

    /// Adds what came of `need`.
    pub fn insert(&mut self, need: Need, reply: Reply) {
        self.replies.push((need, reply));
    }

    /// The control plane's answer.
    ///
    /// # Errors
    /// [`Need`]: it has not been asked.
    pub fn call<T: DeserializeOwned>(&self, call: Call) -> Result<Result<T, Unanswered>, Need> {
        let reply = self.reply(Need::Call(Box::new(call)))?;
        Ok(match reply {
            Reply::Called(text) => {
                serde_json::from_str(text).map_err(|error| Unanswered(error.to_string()))
            }
            other => Err(other.unanswered()),
        })
    }

    /// Somebody else's answer.
    ///
    /// # Errors
    /// [`Need`]: they have not been asked.
    pub fn fetch(&self, fetch: Fetch) -> Result<Result<&Fetched, Unanswered>, Need> {
        Ok(match self.reply(Need::Fetch(Box::new(fetch)))? {
            Reply::Fetched(fetched) => Ok(fetched),
            other => Err(other.unanswered()),
        })
    }

    /// Whether a signature is right. One that cannot be checked is wrong.
    ///
    /// # Errors
    /// [`Need`]: it has not been checked.
    pub fn verify(&self, verify: Verify) -> Result<bool, Need> {
        Ok(matches!(self.reply(Need::Verify(Box::new(verify)))?, Reply::Verified(true)))
    }

    /// Whether a SAML peer's signature is right. One that cannot be checked is wrong.
    ///
    /// # Errors
    /// [`Need`]: it has not been checked.
    pub fn verify_saml(&self, verify: VerifySaml) -> Result<bool, Need> {
        Ok(matches!(self.reply(Need::VerifySaml(Box::new(verify)))?, Reply::Verified(true)))
    }

    /// A signature.
    ///
    /// # Errors
    /// [`Need`]: it has not been made.
    pub fn sign(&self, sign: Sign) -> Result<Result<&[u8], Unanswered>, Need> {
        Ok(match self.reply(Need::Sign(Box::new(sign)))? {
            Reply::Signed(signature) => Ok(signature),
            other => Err(other.unanswered()),
        })
    }

    /// A content key that was encrypted to us.
    ///
    /// # Errors
    /// [`Need`]: it has not been unwrapped.
    pub fn unwrap(&self, unwrap: Unwrap) -> Result<Result<&ContentKey, Unanswered>, Need> {
        Ok(match self.reply(Need::Unwrap(Box::new(unwrap)))? {
            Reply::Unwrapped(content_key) => Ok(content_key),
            other => Err(other.unanswered()),
        })
    }

    /// A content key, encrypted to somebody else.
    ///
    /// # Errors
    /// [`Need`]: it has not been wrapped.
    pub fn wrap(&self, wrap: Wrap) -> Result<Result<&[u8], Unanswered>, Need> {
        Ok(match self.reply(Need::Wrap(Box::new(wrap)))? {
            Reply::Wrapped(wrapped) => Ok(wrapped),
            other => Err(other.unanswered()),
        })
    }

    fn reply(&self, need: Need) -> Result<&Reply, Need> {
        if let Some((_, reply)) = self.replies.iter().find(|(asked, _)| *asked == need) {
            return Ok(reply);
        }
        let recall = || Some((need.clone(), self.memory.as_ref()?.recall(&need)?));
        let recalled = self.recalled.find_or(|(asked, _)| *asked == need, recall);
        recalled.map(|(_, reply)| reply).ok_or(need)
    }
}

impl Reply {
    fn unanswered(&self) -> Unanswered {
        match self {
            Self::Failed(why) => Unanswered(why.clone()),
            _ => Unanswered("the reply is of another kind".to_owned()),
        }
    }
}
