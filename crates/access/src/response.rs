//! An answer that Access gives itself.

use edge_state::access::call::LoginEvent;

/// A response, and what has to be logged of it.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Response {
    /// 200, ..
    pub status: u16,
    /// Names in lower case; several of one name are several headers.
    pub headers: Vec<(&'static str, String)>,
    /// UTF-8 text.
    pub body: String,
    /// For the login log.
    pub events: Vec<LoginEvent>,
}
