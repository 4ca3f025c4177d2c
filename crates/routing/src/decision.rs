//! The outcome of one request, for a shell to carry out.

use access::Response;

use crate::{Refusal, Upstream};

/// What the edge does with one request.
#[derive(Clone, Debug, PartialEq)]
pub enum Decision {
    /// Status 200 and this text, byte for byte: a challenge or an ownership token.
    Answer(String),
    /// To the same place over HTTPS.
    Redirect(Redirect),
    /// Access answers by itself: a page, a redirect, JSON.
    Access(Box<Response>),
    /// To an origin.
    Proxy(Box<Upstream>),
    /// A page that says why not.
    Refuse(Refusal),
}

/// A redirect.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Redirect {
    /// 301, or 308 where the method must not change (RFC 9110 §15.4.9).
    pub status: u16,
    /// The `Location`.
    pub location: String,
}
