//! We are the identity provider of an application: `/access/sso/saml/{application}`.
//!
//! A request is read, kept in a cookie of its browser and answered by way of `?request={name}`,
//! which brings cookies that a POST from the application's own site did not. Without a request the
//! same address begins a sign-in by itself.
//!
//! - [`party`]: the application, and we to it; [`kept`]: requests that wait
//! - [`answer`]: who is signed in, and whether they may; [`issue`]: the assertion
//! - [`metadata`]: what the application's administrator imports

mod answer;
mod issue;
mod kept;
mod metadata;
mod party;

use edge_state::key::is_token;
use http::Method;
use saml::binding::{BindingError, Incoming, post, redirect};

use self::kept::Kept;
use self::party::Party;
use super::keys::Keys;
use crate::login::place::Given;
use crate::login::target::home;
use crate::page::repost;
use crate::visit::{Visit, Words};
use crate::{Need, Response, csrf};

/// Marks what our own page posted once more.
const AGAIN: &str = "lintel_again";

/// `/access/sso/{rest}`; `None`: there is nothing at this address.
pub(crate) fn route(visit: &Visit, rest: &str) -> Result<Option<Response>, Need> {
    let Some((id, below)) = rest.strip_prefix("saml/").map(|rest| match rest.split_once('/') {
        Some((id, below)) => (id, Some(below)),
        None => (rest, None),
    }) else {
        return Ok(None);
    };
    if !is_token(id) || !matches!(below, None | Some("saml-metadata")) {
        return Ok(None);
    }
    let party = match party::find(visit, id)? {
        Ok(party) => party,
        Err(response) => return Ok(Some(response)),
    };
    match (below, visit.request.method) {
        (Some(_), &(Method::GET | Method::HEAD)) => metadata::answer(&party),
        (Some(_), _) => Ok(wrong_method("GET, HEAD")),
        (None, &Method::GET) => by_link(&party),
        (None, &Method::POST) => by_form(&party),
        // HEAD asks about a page and does nothing; a GET here does something.
        (None, _) => Ok(wrong_method("GET, POST")),
    }
    .map(Some)
}

fn wrong_method(allow: &str) -> Response {
    Response { status: 405, ..Response::default() }
        .with_header("allow", allow)
        .with_header("cache-control", "no-store")
}

/// A request by the Redirect binding, one that waits, or none.
fn by_link(party: &Party) -> Result<Response, Need> {
    let given = party.visit.query();
    if given.pairs().any(|(name, _)| is_message(name)) {
        return receive(party, redirect::decode(party.visit.request.query.unwrap_or_default()));
    }
    onward(party, &Given::default())
}

/// A request by the POST binding, or what a person was asked.
fn by_form(party: &Party) -> Result<Response, Need> {
    let visit = party.visit;
    let given = visit.form()?;
    if given.pairs().any(|(name, _)| is_message(name)) {
        return receive(party, post::decode(visit.request.form.unwrap_or_default()));
    }
    match csrf::check(visit.request.headers, &visit.origin()) {
        Ok(()) => onward(party, &Given::read(&given)),
        Err(_) => Ok(party.unfit("the form holds no SAML message, and is none of our own")),
    }
}

fn is_message(name: &str) -> bool {
    matches!(name, "SAMLRequest" | "SAMLResponse")
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
    if has_cookies && (kept.passive || visit.session()?.is_some()) {
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
