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

impl Response {
    /// Leads on, always by GET: nothing that was posted is posted again (RFC 9700 §4.12).
    #[must_use]
    pub fn redirect(to: impl Into<String>) -> Self {
        Self { status: 303, ..Self::default() }
            .with_header("location", to)
            .with_header("cache-control", "no-store")
            .with_header("referrer-policy", "no-referrer")
    }

    /// JSON that nobody keeps.
    #[must_use]
    pub fn json(status: u16, value: &serde_json::Value) -> Self {
        Self { status, body: value.to_string(), ..Self::default() }
            .with_header("content-type", "application/json")
            .with_header("cache-control", "no-store")
            .with_header("x-content-type-options", "nosniff")
    }

    /// With one header more.
    #[must_use]
    pub fn with_header(mut self, name: &'static str, value: impl Into<String>) -> Self {
        self.headers.push((name, value.into()));
        self
    }

    /// With one line more for the login log.
    #[must_use]
    pub fn with_event(mut self, event: LoginEvent) -> Self {
        self.events.push(event);
        self
    }
}
