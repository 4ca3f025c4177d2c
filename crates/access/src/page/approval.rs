//! Waiting until others agree, and agreeing for others.

use maud::html;

use super::{Frame, draw, page};
use crate::Response;

/// Somebody waits.
#[derive(Clone, Debug)]
pub struct Wait<'a> {
    /// Common to all pages.
    pub frame: Frame<'a>,
    /// What they want into.
    pub application: &'a str,
    /// Where those who decide can do so.
    pub decide: String,
    /// This page again.
    pub again: String,
}

/// Somebody decides.
#[derive(Clone, Debug)]
pub struct Decide<'a> {
    /// Common to all pages.
    pub frame: Frame<'a>,
    /// Who asks.
    pub email: &'a str,
    /// For what.
    pub application: &'a str,
    /// Why.
    pub justification: &'a str,
    /// Where the form goes.
    pub action: &'a str,
}

/// Seconds after which the waiting page looks again.
const LOOK_AGAIN: u32 = 15;

/// Draws the waiting page.
#[must_use]
pub fn wait(view: &Wait) -> Response {
    let head =
        html! { meta http-equiv="refresh" content=(format!("{LOOK_AGAIN}; url={}", view.again)); };
    let main = html! {
        p role="status" { "Your request for " (view.application) " waits for somebody to agree. This page looks again by itself." }
        p { "Who may agree does so here: " code { (view.decide) } }
        a.button href=(view.again) { "Look again" }
    };
    draw(&view.frame, 200, "Waiting for approval", &head, &main, "script-src 'none'")
}

/// Draws the page of who decides.
#[must_use]
pub fn decide(view: &Decide) -> Response {
    let main = html! {
        p { strong { (view.email) } " asks to open " strong { (view.application) } "." }
        blockquote { (view.justification) }
        form method="post" action=(view.action) {
            button type="submit" name="decision" value="approve" { "Let them in" }
            button type="submit" name="decision" value="refuse" { "Refuse" }
        }
    };
    page(&view.frame, 200, "Request for access", &main)
}
