//! What a provider posted from its own site came without our cookies (`SameSite=Lax`): this page
//! posts it once more, from ours.

use maud::{PreEscaped, html};

use super::{Frame, draw};
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
    /// For the one script, random.
    pub nonce: &'a str,
}

/// Draws it. Without scripts there is a button.
#[must_use]
pub fn render(view: &View) -> Response {
    let main = html! {
        form #again method="post" action=(view.action) {
            @for (name, value) in &view.fields { input type="hidden" name=(name) value=(value); }
            button type="submit" { "Continue" }
        }
        script nonce=(view.nonce) { (PreEscaped("document.getElementById('again').submit()")) }
    };
    let scripts = format!("script-src 'nonce-{}'", view.nonce);
    draw(&view.frame, 200, "One moment", &html! {}, &main, &scripts)
}
