//! Going.

use maud::html;

use super::{Field, Frame, Sheet, hidden};
use crate::Response;

/// Asks whether somebody wants to go.
#[derive(Clone, Debug)]
pub struct View<'a> {
    /// Common to all pages.
    pub frame: Frame<'a>,
    /// Who is signed in.
    pub email: Option<&'a str>,
    /// Where the form goes.
    pub action: &'a str,
    /// What goes with it.
    pub fields: Vec<Field>,
}

/// Draws it.
#[must_use]
pub fn render(view: &View) -> Response {
    let main = html! {
        @if let Some(email) = view.email {
            p.lead { "You are signed in as " strong { bdi { (email) } } "." }
        }
        form method="post" action=(view.action) {
            (hidden(&view.fields))
            button.button.first type="submit" { "Sign out" }
            button.button type="submit" name="everywhere" value="1" { "Sign out on all devices" }
        }
    };
    Sheet::new(&view.frame, 200, "Sign out?").card(&main)
}
