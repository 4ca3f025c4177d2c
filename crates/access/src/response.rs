//! An answer that Access gives itself.

use edge_state::access::call::LoginEvent;

use crate::letter::{Letter, Shell};

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
    /// What is still to be signed before this is sent: see [`Self::finish`].
    pub letter: Option<Box<Letter>>,
}

impl Response {
    /// As it is sent: with what is signed last. If nobody signs, it says so, and so does the log.
    #[must_use]
    pub async fn finish(mut self, shell: &impl Shell) -> Self {
        let Some(letter) = self.letter.take() else { return self };
        match letter.fill(&self.body, shell).await {
            Ok(body) => Self { body, ..self },
            Err(why) => self.unsigned(&why),
        }
    }

    /// Nobody enters by a page with a gap in it.
    fn unsigned(mut self, why: &str) -> Self {
        for event in &mut self.events {
            event.allowed = false;
            event.reason = format!("the SAML response could not be signed: {why}");
        }
        let body = "Sign-in is not possible right now. Please try again in a moment.\n".to_owned();
        Self { status: 503, body, events: self.events, ..Self::default() }
            .with_header("content-type", "text/plain; charset=utf-8")
            .with_header("cache-control", "no-store")
            .with_header("retry-after", "10")
    }

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
