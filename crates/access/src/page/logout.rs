//! Going.

use maud::html;

use super::{Field, Frame, Link, Sheet, hidden, message};
use crate::Response;

/// Asks whether somebody wants to go.
#[derive(Clone, Debug)]
pub struct View<'a> {
    /// Common to all pages.
    pub frame: Frame<'a>,
    /// Who is signed in.
    pub email: Option<&'a str>,
    /// Where the form goes.
    pub action: &'a str,
    /// What goes with it.
    pub fields: Vec<Field>,
}

/// Draws it.
#[must_use]
pub fn render(view: &View) -> Response {
    let main = html! {
        @if let Some(email) = view.email {
            p.lead { "You are signed in as " strong { bdi { (email) } } "." }
        }
        form method="post" action=(view.action) {
            (hidden(&view.fields))
            button.button.first type="submit" { "Sign out" }
            button.button type="submit" name="everywhere" value="1" { "Sign out on all devices" }
        }
    };
    Sheet::new(&view.frame, 200, "Sign out?").leads_on().card(&main)
}

/// Somebody is signed out.
#[derive(Clone, Copy, Debug)]
pub struct Done<'a> {
    /// Common to all pages.
    pub frame: Frame<'a>,
    /// On all devices.
    pub everywhere: bool,
    /// Not every application elsewhere has said that it signed them out, too.
    pub partly: bool,
}

/// Draws it: a page that stays, so that nobody is led straight back in.
#[must_use]
pub fn done(view: &Done) -> Response {
    let ours = if view.everywhere {
        "On all devices. Applications notice within half a minute."
    } else {
        "Applications that you opened from here notice within half a minute."
    };
    let others = "An application did not say whether it signed you out. Close the browser to be \
                  sure.";
    message::render(&message::View {
        frame: view.frame,
        status: 200,
        title: "You are signed out",
        text: vec![ours.to_owned(), if view.partly { others } else { "" }.to_owned()],
        code: None,
        links: vec![Link {
            label: "Sign in again".to_owned(),
            href: "/access/login?again=1".to_owned(),
        }],
    })
}
