//! Pages that people see. Each file has a view, plain data, and how it is drawn.
//!
//! - [`login`]: which provider; [`pin`]: a mailed code
//! - [`justify`]: why, and for how long; [`approval`]: waiting for others, and deciding for others
//! - [`launcher`]: the App Launcher; [`logout`]: going
//! - [`message`]: everything that went wrong, and a friendly word; [`repost`]: a form that a
//!   provider posted without cookies

use edge_state::access::organization::LoginDesign;
use maud::{DOCTYPE, Markup, PreEscaped, html};

use crate::Response;

pub mod approval;
pub mod justify;
pub mod launcher;
pub mod login;
pub mod logout;
pub mod message;
pub mod pin;
pub mod repost;

/// What every page shows.
#[derive(Clone, Copy, Debug)]
pub struct Frame<'a> {
    /// Whose page it is.
    pub organization: &'a str,
    /// Its look.
    pub design: &'a LoginDesign,
    /// The request, for whoever asks for help.
    pub ray_id: &'a str,
}

/// Something to go to.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Link {
    /// What people read.
    pub label: String,
    /// A URL that was vetted.
    pub href: String,
}

/// A hidden field of a form.
pub type Field = (&'static str, String);

pub(crate) fn hidden(fields: &[Field]) -> Markup {
    html! {
        @for (name, value) in fields {
            input type="hidden" name=(name) value=(value);
        }
    }
}

/// A whole page.
pub(crate) fn page(frame: &Frame, status: u16, title: &str, main: &Markup) -> Response {
    let head = html! {};
    draw(frame, status, title, &head, main, "script-src 'none'")
}

/// As [`page`], with more in its head, and what scripts it may run.
pub(crate) fn draw(
    frame: &Frame,
    status: u16,
    title: &str,
    head: &Markup,
    main: &Markup,
    scripts: &str,
) -> Response {
    let body = html! {
        (DOCTYPE)
        html lang="en" {
            head {
                meta charset="utf-8";
                meta name="viewport" content="width=device-width, initial-scale=1";
                meta name="robots" content="noindex";
                title { (title) " · " (frame.organization) }
                style { (PreEscaped(STYLE)) }
                (head)
            }
            body {
                header {
                    @if let Some(logo) = frame.design.logo_path.as_deref().filter(|l| is_image(l)) {
                        img src=(logo) alt=(frame.organization);
                    } @else {
                        strong { (frame.organization) }
                    }
                }
                main { h1 { (title) } (main) }
                footer {
                    @if let Some(text) = &frame.design.footer_text { p { (text) } }
                    small { "Request " code { (frame.ray_id) } }
                }
            }
        }
    };
    let policy = format!(
        "default-src 'none'; style-src 'unsafe-inline'; img-src https: data:; base-uri 'none'; \
         form-action 'self' https:; frame-ancestors 'none'; {scripts}"
    );
    // `same-origin`: with less, browsers send no `Origin` that a form can be recognised by.
    Response { status, body: body.into_string(), ..Response::default() }
        .with_header("content-type", "text/html; charset=utf-8")
        .with_header("content-security-policy", policy)
        .with_header("x-frame-options", "DENY")
        .with_header("x-content-type-options", "nosniff")
        .with_header("referrer-policy", "same-origin")
        .with_header("cache-control", "no-store")
}

/// Whether a URL may be an image's.
pub(crate) fn is_image(url: &str) -> bool {
    url.starts_with("https://") || url.starts_with("data:image/")
}

const STYLE: &str = "body{font:1rem/1.5 system-ui,sans-serif;max-width:40rem;margin:2rem auto;padding:0 1rem}\
input,textarea,button,.button{font:inherit;display:block;margin:.5rem 0;padding:.6rem 1rem}\
:root{color-scheme:light dark}header img{max-height:4rem}";

/// A page of the operator's own: it may look as it likes, and run nothing.
#[must_use]
pub fn own(status: u16, html: &str) -> Response {
    let policy = "default-src 'none'; style-src 'unsafe-inline' https:; img-src https: data:; \
                  font-src https:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";
    Response { status, body: html.to_owned(), ..Response::default() }
        .with_header("content-type", "text/html; charset=utf-8")
        .with_header("content-security-policy", policy)
        .with_header("x-frame-options", "DENY")
        .with_header("x-content-type-options", "nosniff")
        .with_header("referrer-policy", "no-referrer")
        .with_header("cache-control", "no-store")
}
