//! Which provider somebody signs in with.

use maud::html;

use super::{Frame, page};
use crate::Response;

/// The login page.
#[derive(Clone, Debug)]
pub struct View<'a> {
    /// Common to all pages.
    pub frame: Frame<'a>,
    /// What it is about: the application's name, or the organisation's.
    pub application: &'a str,
    /// Text above the providers, of the operator's own.
    pub header: Option<&'a str>,
    /// A word before, for example about what went wrong.
    pub notice: Option<&'a str>,
    /// In the order in which they are offered.
    pub providers: Vec<Provider<'a>>,
}

/// One way to sign in.
#[derive(Clone, Debug)]
pub struct Provider<'a> {
    /// Its id, for `data-idp`.
    pub id: &'a str,
    /// What people read.
    pub name: &'a str,
    /// `type` of the contract.
    pub kind: &'a str,
    /// Where it begins.
    pub href: String,
}

/// Draws it.
#[must_use]
pub fn render(view: &View) -> Response {
    let main = html! {
        @if let Some(text) = view.header { p { (text) } }
        @if let Some(notice) = view.notice { p role="status" { (notice) } }
        @if view.providers.is_empty() {
            p { "No way to sign in is configured here. Please ask your administrator." }
        }
        nav aria-label="Ways to sign in" {
            @for provider in &view.providers {
                a.button href=(provider.href) data-idp=(provider.id) data-kind=(provider.kind) {
                    "Continue with " (provider.name)
                }
            }
        }
    };
    page(&view.frame, 200, &format!("Sign in to {}", view.application), &main)
}
