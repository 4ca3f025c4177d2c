//! What a provider posted from its own site came without our cookies (`SameSite=Lax`): this page
//! posts it once more, from ours. [`beside`] keeps what is too long for a cookie. What is posted may
//! lead on to a provider or an application, which browsers count as an action of the form.

use maud::html;

use super::{Frame, Sheet};
use crate::Response;

/// The page.
#[derive(Clone, Debug)]
pub struct View<'a> {
    /// Common to all pages.
    pub frame: Frame<'a>,
    /// Where it goes.
    pub action: &'a str,
    /// What was posted, and the mark that this was the first time.
    pub fields: Vec<(&'a str, &'a str)>,
}

/// Without scripts there is a button.
const SUBMIT: &str = "document.getElementById('again').submit()";

/// Draws it.
#[must_use]
pub fn render(view: &View) -> Response {
    let main = html! {
        p.lead { "If nothing happens, continue here." }
        form #again method="post" action=(view.action) {
            @for (name, value) in &view.fields { input type="hidden" name=(name) value=(value); }
            button.button.first type="submit" { "Continue" }
        }
    };
    Sheet::new(&view.frame, 200, "One moment").script(SUBMIT).leads_on().card(&main)
}

/// Draws the page that keeps what no cookie holds, while somebody signs in beside it.
#[must_use]
pub fn beside(view: &View, application: &str) -> Response {
    let main = html! {
        p {
            bdi { (application) } " sent along more than your browser keeps for us. Leave this page \
            open, sign in beside it, and then continue here."
        }
        a.button.first href="/access/login" target="_blank" rel="noopener" { "Sign in" }
        form method="post" action=(view.action) {
            @for (name, value) in &view.fields { input type="hidden" name=(name) value=(value); }
            button.button type="submit" { "Continue" }
        }
    };
    Sheet::new(&view.frame, 200, "Sign in, then continue here").leads_on().card(&main)
}
