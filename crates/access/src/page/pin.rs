//! A code by mail: asking for it, and typing it.

use maud::html;

use super::{Field, Frame, hidden, page};
use crate::Response;

/// Asks for an address.
#[derive(Clone, Debug)]
pub struct Ask<'a> {
    /// Common to all pages.
    pub frame: Frame<'a>,
    /// 200, or what went wrong.
    pub status: u16,
    /// Where the form goes.
    pub action: &'a str,
    /// What goes with it.
    pub fields: Vec<Field>,
    /// What was typed before.
    pub email: &'a str,
    /// What was wrong with that.
    pub error: Option<&'a str>,
    /// The way back to other providers.
    pub back: String,
}

/// Asks for the code.
#[derive(Clone, Debug)]
pub struct Enter<'a> {
    /// Common to all pages.
    pub frame: Frame<'a>,
    /// 200, or what went wrong.
    pub status: u16,
    /// Where the form goes.
    pub action: &'a str,
    /// What goes with it.
    pub fields: Vec<Field>,
    /// The address that was typed.
    pub email: &'a str,
    /// What was wrong with the code.
    pub error: Option<&'a str>,
    /// How often it may be tried again.
    pub tries_left: Option<u32>,
}

/// Draws the form for the address.
#[must_use]
pub fn ask(view: &Ask) -> Response {
    let main = html! {
        p { "We send you a code by e-mail." }
        @if let Some(error) = view.error { p #error role="alert" { (error) } }
        form method="post" action=(view.action) {
            (hidden(&view.fields))
            label for="email" { "E-mail address" }
            input #email name="email" type="email" autocomplete="email" required maxlength="254"
                autofocus value=(view.email) aria-describedby=[view.error.map(|_| "error")];
            button type="submit" { "Send me a code" }
        }
        p { a href=(view.back) { "Sign in another way" } }
    };
    page(&view.frame, view.status, "Sign in by e-mail", &main)
}

/// Draws the form for the code.
#[must_use]
pub fn enter(view: &Enter) -> Response {
    let main = html! {
        p {
            "If " strong { (view.email) } " may sign in here, a code is on its way. "
            "It is good for ten minutes, in this browser."
        }
        @if let Some(error) = view.error {
            p #error role="alert" {
                (error)
                @if let Some(tries) = view.tries_left { " Tries left: " (tries) "." }
            }
        }
        form method="post" action=(view.action) {
            (hidden(&view.fields))
            label for="code" { "Code" }
            input #code name="code" type="text" inputmode="numeric" autocomplete="one-time-code"
                required maxlength="40" autofocus aria-describedby=[view.error.map(|_| "error")];
            button type="submit" { "Sign in" }
        }
        form method="post" action=(view.action) {
            (hidden(&view.fields))
            button type="submit" name="resend" value="1" { "Send another code" }
        }
    };
    page(&view.frame, view.status, "Enter your code", &main)
}
