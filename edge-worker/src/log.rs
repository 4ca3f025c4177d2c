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
pub fn setting(name: &str, problem: &str) {
    console_warn!("{}", alone(format!("{name}: {problem}; it is ignored")).to_text());
}

/// Something did not go as it should, and the request goes on.
pub fn note(facts: &Facts, about_what: &str, why: &impl std::fmt::Display) {
    let line = Line { message: format!("{about_what}: {why}"), ..about(facts, "warn") };
    console_warn!("{}", line.to_text());
}

/// The control plane does not take login events at the moment.
pub fn events_wait(waiting: usize, why: &str) {
    let message = format!("{waiting} login events wait for the control plane: {why}");
    console_warn!("{}", alone(message).to_text());
}

/// More login events wait than are kept.
pub fn events_lost(lost: usize) {
    console_error!("{}", alone(format!("{lost} login events are lost: too many wait")).to_text());
}

/// A line about no request in particular.
fn alone<'a>(message: String) -> Line<'a> {
    Line { level: "warn", message, request_id: None, hostname: None, code: None, origin: None }
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
