//! One thing to say: what went wrong, what is missing, what was done.

use maud::html;

use super::{Frame, Link, page};
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
        @for text in &view.text { p { (text) } }
        @if let Some(code) = view.code {
            p { "Tell your administrator this code: " code #code data-code=(code) { (code) } }
        }
        @for link in &view.links { a.button href=(link.href) { (link.label) } }
    };
    page(&view.frame, view.status, view.title, &main)
}
