//! A message that the browser carries to another party: a form that sends itself (SAML bindings
//! §3.5).

use maud::html;
use saml::binding::post::Form;

use super::{Frame, Sheet};
use crate::Response;

/// The page.
#[derive(Clone, Debug)]
pub struct View<'a> {
    /// Common to all pages.
    pub frame: Frame<'a>,
    /// One line: where the person is being taken.
    pub lead: &'a str,
    /// Where it goes, and what it carries.
    pub form: &'a Form,
}

/// Without scripts there is a button. Line ends in values arrive as CR LF: browsers send forms so.
const SUBMIT: &str = "document.getElementById('departure').submit()";

/// Draws it.
#[must_use]
pub fn render(view: &View) -> Response {
    let main = html! {
        p.lead { (view.lead) }
        form #departure method="post" action=(view.form.action) {
            @for (name, value) in &view.form.fields { input type="hidden" name=(name) value=(value); }
            button.button.first type="submit" { "Continue" }
        }
    };
    Sheet::new(&view.frame, 200, "One moment").script(SUBMIT).to(&view.form.action).card(&main)
}
