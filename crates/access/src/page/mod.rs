//! Pages that people see. Each file has a view, plain data, and how it is drawn.
//!
//! - [`login`]: which provider; [`pin`]: a mailed code
//! - [`justify`]: why, and for how long; [`approval`]: waiting for others, and deciding for others
//! - [`launcher`]: the App Launcher; [`logout`]: going
//! - [`message`]: everything that went wrong, and a friendly word; [`repost`]: a form that a
//!   provider posted without cookies; [`departure`]: a form that goes to another party
//! - [`onward`], [`renewed`], [`resend`]: on an application's own host, after and before sign-in
//!
//! They work without scripts, in light and dark, on phones, for eyes, keyboards and screen readers.
//! Styles and scripts are named by their hashes in the policy of the page, so nothing else runs and
//! no `style` attribute counts.

use std::sync::LazyLock;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use edge_state::access::organization::LoginDesign;
use maud::{DOCTYPE, Markup, PreEscaped, html};
use sha2::{Digest as _, Sha256};

use crate::Response;
use colour::Colour;

pub mod approval;
mod colour;
pub mod departure;
mod icon;
pub mod justify;
pub mod launcher;
pub mod login;
pub mod logout;
pub mod message;
pub mod onward;
pub mod pin;
pub mod renewed;
pub mod repost;
pub mod resend;

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

/// A page, before it is one.
pub(crate) struct Sheet<'a> {
    frame: &'a Frame<'a>,
    status: u16,
    title: &'a str,
    /// Above the title.
    mark: Option<Markup>,
    /// All that runs.
    script: Option<&'static str>,
    /// The other party that the page's form goes to.
    to: Option<&'a str>,
    /// Whether what the form is answered with may lead to others, with TLS or without.
    leads_on: bool,
}

/// The operator's colours of one page.
#[derive(Clone, Copy, Default)]
struct Look<'a> {
    page: Option<&'a str>,
    text: Option<&'a str>,
    bar: Option<&'a str>,
}

impl<'a> Sheet<'a> {
    pub(crate) fn new(frame: &'a Frame<'a>, status: u16, title: &'a str) -> Self {
        Self { frame, status, title, mark: None, script: None, to: None, leads_on: false }
    }

    fn mark(mut self, class: &str, icon: &Markup) -> Self {
        self.mark = Some(html! { div class={ "mark " (class) } { (icon) } });
        self
    }

    fn script(mut self, script: &'static str) -> Self {
        self.script = Some(script);
        self
    }

    fn to(mut self, action: &'a str) -> Self {
        self.to = Some(action);
        self
    }

    fn leads_on(mut self) -> Self {
        self.leads_on = true;
        self
    }

    /// A card in the middle: one thing to read, one thing to do.
    fn card(&self, main: &Markup) -> Response {
        let design = self.frame.design;
        let look = Look {
            page: design.background_color.as_deref(),
            text: design.text_color.as_deref(),
            bar: None,
        };
        let body = html! {
            body.narrow {
                header { (self.brand(design.logo_path.as_deref())) }
                main.card {
                    @if let Some(mark) = &self.mark { (mark) }
                    h1 dir="auto" { (self.title) }
                    (main)
                }
                footer {
                    @if let Some(text) = &design.footer_text { p dir="auto" { (text) } }
                    small { "Request " code { (self.frame.ray_id) } }
                }
            }
        };
        self.draw(look, &body)
    }

    fn brand(&self, logo: Option<&str>) -> Markup {
        let name = self.frame.organization;
        html! {
            div.brand {
                @match logo.filter(|logo| is_image(logo)) {
                    Some(logo) => img src=(logo) alt=(name);,
                    None => { (icon::letter(name)) span dir="auto" { (name) } }
                }
            }
        }
    }

    fn draw(&self, look: Look, body: &Markup) -> Response {
        let style = style(look);
        let page = html! {
            (DOCTYPE)
            html lang="en" dir="ltr" {
                head {
                    meta charset="utf-8";
                    meta name="viewport" content="width=device-width, initial-scale=1";
                    meta name="robots" content="noindex";
                    title { (self.title) " · " (self.frame.organization) }
                    style { (PreEscaped(&style)) }
                }
                (body)
                @if let Some(script) = self.script { script { (PreEscaped(script)) } }
            }
        };
        let scripts = self.script.map_or_else(|| "'none'".to_owned(), hash);
        // `same-origin`: with less, browsers send no `Origin` that a form can be recognised by.
        // Others recognise by it who posts to them; and where they lead on counts as form action.
        let (forms, referrer) = match self.to {
            None if self.leads_on => ("'self' https: http:", "same-origin"),
            None => ("'self' https:", "same-origin"),
            Some(to) if to.starts_with("http:") => ("https: http:", "origin"),
            Some(_) => ("https:", "strict-origin"),
        };
        let policy = format!(
            "default-src 'none'; style-src {}; script-src {scripts}; img-src https: data:; \
             base-uri 'none'; form-action {forms}; frame-ancestors 'none'",
            hash(&style)
        );
        headers(self.status, page.into_string(), policy, referrer)
    }
}

/// The style sheet, with the operator's colours and text that can be read on them. In dark mode a
/// light colour stays away: it would dazzle.
fn style(look: Look) -> String {
    let mut style = STYLE.to_owned();
    let colour = |text: Option<&str>| text.and_then(Colour::parse);
    for (name, background) in [("page", look.page), ("bar", look.bar)] {
        let Some(background) = colour(background) else { continue };
        let text = background.text(colour(look.text));
        let rule = format!(":root{{--{name}:{background};--on-{name}:{text}}}");
        let rule = if background.is_light() {
            format!("@media(prefers-color-scheme:light){{{rule}}}")
        } else {
            rule
        };
        style.push_str(&rule);
    }
    style
}

/// A source that is known by what it says (CSP level 3 §8.4).
fn hash(text: &str) -> String {
    static OF_OUR_STYLE: LazyLock<String> = LazyLock::new(|| digest(STYLE));
    if text == STYLE { OF_OUR_STYLE.clone() } else { digest(text) }
}

fn digest(text: &str) -> String {
    format!("'sha256-{}'", STANDARD.encode(Sha256::digest(text)))
}

fn hidden(fields: &[Field]) -> Markup {
    html! {
        @for (name, value) in fields {
            input type="hidden" name=(name) value=(value);
        }
    }
}

/// What was wrong with what was typed. [`ERROR`] is its id, for the field.
fn error(text: Option<&str>, more: Option<&str>) -> Markup {
    html! {
        @if let Some(text) = text {
            p.alert id=(ERROR) role="alert" {
                (icon::warning(20))
                span { (text) @if let Some(more) = more { " " (more) } }
            }
        }
    }
}

const ERROR: &str = "error";

fn headers(status: u16, body: String, policy: String, referrer: &str) -> Response {
    Response { status, body, ..Response::default() }
        .with_header("content-type", "text/html; charset=utf-8")
        .with_header("content-security-policy", policy)
        .with_header("x-frame-options", "DENY")
        .with_header("x-content-type-options", "nosniff")
        .with_header("referrer-policy", referrer)
        .with_header("cache-control", "no-store")
}

/// Whether a URL may be an image's.
fn is_image(url: &str) -> bool {
    url.starts_with("https://") || url.starts_with("data:image/")
}

const STYLE: &str = include_str!("style.css");

/// A page of the operator's own: it may look as it likes, and run nothing.
#[must_use]
pub fn own(status: u16, html: &str) -> Response {
    let policy = "default-src 'none'; style-src 'unsafe-inline' https:; img-src https: data:; \
                  font-src https:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";
    headers(status, html.to_owned(), policy.to_owned(), "no-referrer")
}

#[cfg(test)]
mod tests;
