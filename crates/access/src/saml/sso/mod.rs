//! We are the identity provider of an application: `/access/sso/saml/{application}`.
//!
//! A request is read, kept in a cookie of its browser and answered by way of `?request={name}`,
//! which brings cookies that a POST from the application's own site did not. Without a request the
//! same address begins a sign-in by itself.
//!
//! - [`kept`]: requests that wait
//! - [`answer`]: who is signed in, and whether they may; [`issue`]: the assertion
//! - [`metadata`]: what the application's administrator imports

mod answer;
mod issue;
mod kept;
pub(super) mod metadata;

use http::Method;
use saml::binding::{BindingError, Incoming, post, redirect};

use self::kept::Kept;
use super::keys::Keys;
use super::party::{AGAIN, Party, has_message};
use crate::login::place::Given;
use crate::login::target::home;
use crate::page::repost;
use crate::visit::Words;
use crate::{Need, Response, csrf};

/// A request by the Redirect binding, one that waits, or none.
pub(super) fn by_link(party: &Party) -> Result<Response, Need> {
    let given = party.visit.query();
    if has_message(&given) {
        return receive(party, redirect::decode(party.visit.request.query.unwrap_or_default()));
    }
    onward(party, &Given::default())
}

/// A request by the POST binding, or what a person was asked.
pub(super) fn by_form(party: &Party) -> Result<Response, Need> {
    let visit = party.visit;
    let given = visit.form()?;
    if has_message(&given) {
        return receive(party, post::decode(visit.request.form.unwrap_or_default()));
    }
    match csrf::check(visit.request.headers, &visit.origin()) {
        Ok(()) => onward(party, &Given::read(&given)),
        Err(_) => Ok(party.unfit("the form holds no SAML message, and is none of our own")),
    }
}

/// Answers the request that `request` names; without that, nobody's.
fn onward(party: &Party, given: &Given) -> Result<Response, Need> {
    let query = party.visit.query();
    if query.pairs().all(|(name, _)| name != "request") {
        return answer::answer(party, None, given);
    }
    match query.get("request").and_then(|name| Kept::find(party, name)) {
        Some(kept) => answer::answer(party, Some(&kept), given),
        None => Ok(gone(party)),
    }
}

/// Checks a request, and keeps it until somebody is there to be answered about.
fn receive(party: &Party, incoming: Result<Incoming, BindingError>) -> Result<Response, Need> {
    let incoming = match incoming {
        Ok(incoming) => incoming,
        Err(error) => return Ok(party.unfit(&format!("SAML request: {error}"))),
    };
    let keys = Keys::new(party.visit.known);
    let us = party.identity_provider();
    let accepted = keys.drive(us.read_request(&incoming, &party.peer, &keys, party.now()))?;
    let accepted = match accepted {
        Ok(accepted) => accepted,
        Err(error) => return Ok(party.unfit(&format!("SAML request: {error}"))),
    };
    if accepted.target.relay_state().is_some_and(|state| state.contains('\0')) {
        return Ok(party.unfit("SAML request: its RelayState holds U+0000, which no form carries"));
    }
    let kept = Kept::of(&accepted, party.visit.now());
    let Some(cookies) = kept.keep(party) else { return at_once(party, &kept) };
    let mut response = Response::redirect(format!("{}?request={}", party.endpoint(), kept.name()));
    response.headers.extend(cookies.into_iter().map(|cookie| ("set-cookie", cookie)));
    Ok(response)
}

/// No cookie holds a `RelayState` this long. Whoever is signed in is answered with it at once;
/// whoever is not signs in beside it, and then goes on from here.
fn at_once(party: &Party, kept: &Kept) -> Result<Response, Need> {
    let visit = party.visit;
    let posted = visit.request.method == Method::POST;
    let form = if posted { visit.form()? } else { visit.query() };
    let has_cookies = !posted || form.get(AGAIN).is_some();
    if has_cookies && (kept.passive || kept.force || visit.session()?.is_some()) {
        return answer::answer(party, Some(kept), &Given::default());
    }
    let mut fields: Vec<_> = form.pairs().filter(|(name, _)| *name != AGAIN).collect();
    fields.push((AGAIN, "1"));
    let action = party.target("").url;
    let frame = visit.frame();
    Ok(if has_cookies {
        repost::beside(&repost::View { frame, action: &action, fields }, &party.application.name)
    } else {
        repost::render(&repost::View { frame, action: &action, fields })
    })
}

/// The browser keeps no such request, or not any more.
fn gone(party: &Party) -> Response {
    let words = Words {
        status: 400,
        title: "This sign-in is over",
        text: "It was completed before, or began too long ago, or in another browser. Begin again \
               from here, or from the application.",
        links: vec![party.open(), home()],
    };
    party.refuse(words, "the browser keeps no such SAML request, or it is too old")
}
