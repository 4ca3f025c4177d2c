//! A form came after the session had ended: whoever sent it signs in elsewhere and sends it again.

use maud::html;

use super::{Frame, Sheet, icon};
use crate::Response;

/// The page.
#[derive(Clone, Copy, Debug)]
pub struct View<'a> {
    /// Common to all pages.
    pub frame: Frame<'a>,
    /// Where to sign in; it ends on a page that says to come back here.
    pub url: &'a str,
}

/// Draws it: the answer to the form itself, so that reloading sends the form again.
#[must_use]
pub fn render(view: &View) -> Response {
    let main = html! {
        p.lead { "Your session ended before the form arrived. Nothing of it is lost:" }
        ol.steps {
            li { "Sign in, in a new tab." }
            li { "Come back to this tab." }
            li { "Reload it, and let your browser send the form again." }
        }
        a.button.first href=(view.url) target="_blank" rel="noopener" { "Sign in, in a new tab" }
    };
    let challenge = "Cookie realm=\"Access\", cookie-name=\"CF_Authorization\"";
    Sheet::new(&view.frame, 401, "Please sign in again")
        .mark("", &icon::clock())
        .card(&main)
        .with_header("www-authenticate", challenge)
}
