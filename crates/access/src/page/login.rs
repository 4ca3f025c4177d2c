//! Which provider somebody signs in with.

use maud::{Markup, html};

use super::{Frame, Sheet, icon};
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
        @if let Some(text) = view.header { p.lead dir="auto" { (text) } }
        @if let Some(notice) = view.notice { p.note role="status" { (notice) } }
        @if view.providers.is_empty() {
            p { "No way to sign in is configured here. Please ask your administrator." }
        } @else {
            nav aria-label="Ways to sign in" {
                ul.ways role="list" {
                    @for provider in &view.providers { li { (way(provider)) } }
                }
            }
        }
    };
    Sheet::new(&view.frame, 200, &format!("Sign in to {}", view.application)).card(&main)
}

fn way(provider: &Provider) -> Markup {
    html! {
        a.button href=(provider.href) data-idp=(provider.id) data-kind=(provider.kind) {
            @if provider.kind == "onetimepin" {
                span.tile aria-hidden="true" { (icon::envelope()) }
            } @else {
                (icon::letter(provider.name))
            }
            span { "Continue with " bdi { (provider.name) } }
            (icon::go())
        }
    }
}
