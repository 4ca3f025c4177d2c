//! A code by mail: asking for it, and typing it.

use maud::html;

use super::{ERROR, Field, Frame, Sheet, error, hidden};
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
        p.lead { "We send you a code by e-mail. There is no password." }
        (error(view.error, None))
        form method="post" action=(view.action) {
            (hidden(&view.fields))
            label for="email" { "E-mail address" }
            input #email name="email" type="email" autocomplete="email" required maxlength="254"
                autofocus value=(view.email) aria-invalid=[view.error.map(|_| "true")]
                aria-describedby=[view.error.map(|_| ERROR)];
            button.button.first type="submit" { "Send me a code" }
        }
        p { a href=(view.back) { "Sign in another way" } }
    };
    Sheet::new(&view.frame, view.status, "Sign in by e-mail").card(&main)
}

/// Draws the form for the code.
#[must_use]
pub fn enter(view: &Enter) -> Response {
    let tries = view.tries_left.map(|left| match left {
        0 => "No tries are left.".to_owned(),
        1 => "One try is left.".to_owned(),
        left => format!("{left} tries are left."),
    });
    let main = html! {
        p.lead #hint {
            "If " strong { bdi { (view.email) } } " may sign in here, a code is on its way. "
            "It is good for ten minutes, in this browser only."
        }
        (error(view.error, tries.as_deref()))
        form method="post" action=(view.action) {
            (hidden(&view.fields))
            label for="code" { "Code" }
            input.pin #code name="code" type="text" inputmode="numeric"
                autocomplete="one-time-code" autocapitalize="off" spellcheck="false" dir="ltr"
                required maxlength="40" autofocus aria-invalid=[view.error.map(|_| "true")]
                aria-describedby=(if view.error.is_some() { "error hint" } else { "hint" });
            button.button.first type="submit" { "Sign in" }
        }
        form method="post" action=(view.action) {
            (hidden(&view.fields))
            span.lead { "Nothing came? Look among unwanted mail, or " }
            button.plain type="submit" name="resend" value="1" { "send another code" }
        }
    };
    Sheet::new(&view.frame, view.status, "Enter your code").card(&main)
}
