//! Why something did not work, as one text for a person.

use std::error::Error;
use std::fmt;

/// A failure that somebody reads and nobody matches on. It is no [`Error`] itself, so that every
/// error turns into it by `?`, with all of its causes.
pub struct Failure(String);

impl Failure {
    /// A failure told in the caller's words: what happened, and what to do about it.
    pub fn new(text: impl Into<String>) -> Self {
        Self(text.into())
    }
}

impl<E: Error> From<E> for Failure {
    fn from(error: E) -> Self {
        let mut text = error.to_string();
        let mut cause = error.source();
        while let Some(error) = cause {
            let detail = error.to_string();
            if !text.ends_with(&detail) {
                text = format!("{text}: {detail}");
            }
            cause = error.source();
        }
        Self(text)
    }
}

/// Says what was being done when it failed.
pub trait Context<T> {
    /// Puts `what` and a colon before the failure.
    fn context(self, what: impl fmt::Display) -> Result<T, Failure>;
}

impl<T, E: Into<Failure>> Context<T> for Result<T, E> {
    fn context(self, what: impl fmt::Display) -> Result<T, Failure> {
        self.map_err(|error| Failure(format!("{what}: {}", error.into().0)))
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// The text itself, because that is what a test that returns it shows.
impl fmt::Debug for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_failure_tells_what_was_done_and_why_it_failed() {
        let error = std::fs::read("/no/such/file").context("reading the key").unwrap_err();
        assert!(error.to_string().starts_with("reading the key: No such file"), "{error}");
    }
}
