//! Structured logs: one JSON object per line, with the id that the visitor sees.

use edge_state::Hostname;
use routing::{Facts, Refusal, Upstream};
use serde::Serialize;
use worker::{console_error, console_warn};

use crate::failure::Failure;

#[derive(Serialize)]
struct Line<'a> {
    level: &'a str,
    message: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    request_id: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    hostname: Option<&'a Hostname>,
    #[serde(skip_serializing_if = "Option::is_none")]
    code: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    origin: Option<String>,
}

/// Something of ours or of the platform's failed.
pub fn failure(facts: &Facts, failure: &Failure) {
    let line = Line { message: failure.to_string(), ..about(facts, "error") };
    console_error!("{}", line.to_text());
}

/// An origin gave no answer.
pub fn origin(facts: &Facts, refusal: &Refusal, upstream: &Upstream) {
    let origin = Some(upstream.directions.origin.to_string());
    let (message, code) = ("the origin did not answer".to_owned(), Some(refusal.code()));
    let line = Line { message, code, origin, ..about(facts, "warn") };
    console_warn!("{}", line.to_text());
}

/// A variable was set to what it cannot be.
pub fn setting(name: &str, value: &str) {
    let message = format!("{name} is {value:?}, which is no number in its range; it is ignored");
    let line =
        Line { level: "warn", message, request_id: None, hostname: None, code: None, origin: None };
    console_warn!("{}", line.to_text());
}

fn about<'a>(facts: &'a Facts, level: &'a str) -> Line<'a> {
    Line {
        level,
        message: String::new(),
        request_id: Some(&facts.request_id),
        hostname: facts.authority.hostname.as_ref(),
        code: None,
        origin: None,
    }
}

impl Line<'_> {
    fn to_text(&self) -> String {
        serde_json::to_string(self).unwrap_or_default()
    }
}
