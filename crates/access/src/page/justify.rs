//! Why somebody wants in, and for how long.

use maud::html;

use super::{ERROR, Field, Frame, Sheet, error, hidden};
use crate::Response;

/// The page.
#[derive(Clone, Debug)]
pub struct View<'a> {
    /// Common to all pages.
    pub frame: Frame<'a>,
    /// What they want into.
    pub application: &'a str,
    /// The operator's question.
    pub prompt: Option<&'a str>,
    /// Where the form goes.
    pub action: &'a str,
    /// What goes with it.
    pub fields: Vec<Field>,
    /// Whether others have to agree, so that a time is asked for.
    pub approval: bool,
    /// What was wrong.
    pub error: Option<&'a str>,
}

/// How long access may be asked for: seconds, and what people read.
pub const TIMES: [(u64, &str); 4] =
    [(1_800, "30 minutes"), (3_600, "1 hour"), (14_400, "4 hours"), (28_800, "8 hours")];

/// Draws it.
#[must_use]
pub fn render(view: &View) -> Response {
    let prompt = view.prompt.unwrap_or("Why do you need access?");
    let main = html! {
        @if view.approval {
            p.lead { "Somebody has to agree before you can open " bdi { (view.application) } "." }
        }
        (error(view.error, None))
        form method="post" action=(view.action) {
            (hidden(&view.fields))
            label for="justification" dir="auto" { (prompt) }
            textarea #justification name="justification" required maxlength="1000" rows="4"
                dir="auto" autofocus aria-describedby=[view.error.map(|_| ERROR)] {}
            @if view.approval {
                label for="seconds" { "For how long?" }
                select #seconds name="seconds" {
                    @for (seconds, label) in TIMES { option value=(seconds) { (label) } }
                }
            }
            button.button.first type="submit" {
                @if view.approval { "Ask for access" } @else { "Continue" }
            }
        }
    };
    Sheet::new(&view.frame, 200, &format!("Opening {}", view.application)).card(&main)
}
