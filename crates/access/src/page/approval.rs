//! Waiting until others agree, and agreeing for others.

use maud::html;

use super::{Frame, Sheet, icon};
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

/// Looks again after a while, as long as somebody looks at the page.
const LOOK_AGAIN: &str = "setInterval(()=>{document.hidden||\
    location.replace(document.getElementById('again').href)},15000)";

/// Draws the waiting page.
#[must_use]
pub fn wait(view: &Wait) -> Response {
    let main = html! {
        p role="status" {
            "Your request for " strong { bdi { (view.application) } }
            " waits for somebody to agree. You may leave this page open, or come back later."
        }
        p.lead { "Whoever may agree does so here:" span.url dir="ltr" { (view.decide) } }
        a.button.first #again href=(view.again) { "Look again" }
    };
    Sheet::new(&view.frame, 200, "Waiting for approval")
        .mark("wait", &icon::clock())
        .script(LOOK_AGAIN)
        .card(&main)
}

/// Draws the page of who decides.
#[must_use]
pub fn decide(view: &Decide) -> Response {
    let main = html! {
        dl {
            div { dt { "Who asks" } dd { bdi { (view.email) } } }
            div { dt { "For" } dd { bdi { (view.application) } } }
            div { dt { "Because" } dd.said dir="auto" { (view.justification) } }
        }
        form method="post" action=(view.action) {
            button.button.first type="submit" name="decision" value="approve" { "Let them in" }
            button.button type="submit" name="decision" value="refuse" { "Refuse" }
        }
    };
    Sheet::new(&view.frame, 200, "Request for access").mark("", &icon::person()).card(&main)
}
