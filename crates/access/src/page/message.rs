//! One thing to say: what went wrong, what is missing, what was done.

use maud::html;

use super::{Frame, Link, Sheet, icon};
use crate::Response;

/// The page.
#[derive(Clone, Debug)]
pub struct View<'a> {
    /// Common to all pages.
    pub frame: Frame<'a>,
    /// 200, 403, ..
    pub status: u16,
    /// One line.
    pub title: &'a str,
    /// A few sentences.
    pub text: Vec<String>,
    /// By which an administrator finds the line in the log.
    pub code: Option<&'a str>,
    /// What can be done now, the best first.
    pub links: Vec<Link>,
}

/// Draws it.
#[must_use]
pub fn render(view: &View) -> Response {
    let main = html! {
        @for text in view.text.iter().filter(|text| !text.is_empty()) {
            p dir="auto" { (text) }
        }
        @if let Some(code) = view.code {
            p.lead {
                "If you ask for help, give this code: "
                code.code #code data-code=(code) { (code) }
            }
        }
        @for (at, link) in view.links.iter().enumerate() {
            a.button.first[at == 0] href=(link.href) { (link.label) }
        }
    };
    let (class, icon) = match view.status {
        200..=299 => ("good", icon::tick()),
        401 | 403 => ("bad", icon::lock()),
        500.. => ("", icon::clock()),
        _ => ("bad", icon::warning(24)),
    };
    Sheet::new(&view.frame, view.status, view.title).mark(class, &icon).card(&main)
}
