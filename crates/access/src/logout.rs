//! Going: here, or everywhere. A link never signs anybody out, our own form does. Applications
//! elsewhere are told as well.

use edge_state::Hostname;
use edge_state::access::call::SignOut;
use http::Method;
use serde_json::Value;

use crate::event::{Action, Parties as _};
use crate::login::refusal;
use crate::need::Call;
use crate::page::logout as page;
use crate::redirect;
use crate::saml::slo::{self, End};
use crate::visit::Visit;
use crate::{Need, Response, csrf};

const ACTION: &str = "/access/logout";

/// `/access/logout`
pub(crate) fn answer(visit: &Visit) -> Result<Response, Need> {
    let posted = visit.request.method == Method::POST;
    let given = if posted { visit.form()? } else { visit.query() };
    if !posted && let Some(response) = slo::pass(visit, &given)? {
        return Ok(response);
    }
    let session = visit.session()?;
    if !posted {
        let return_to = given.get("returnTo").map(|url| ("returnTo", url.to_owned()));
        return Ok(page::render(&page::View {
            frame: visit.frame(),
            email: session.as_ref().map(|session| session.identity().email.as_str()),
            action: ACTION,
            fields: return_to.into_iter().collect(),
        }));
    }
    if let Err(foreign) = csrf::check(visit.request.headers, &visit.origin()) {
        return Ok(refusal::foreign(visit, &foreign.to_string(), ACTION.to_owned()));
    }
    let everywhere = given.get("everywhere") == Some("1");
    let mut ended = Ok(());
    let mut event = visit.event(Action::Logout, true, "nobody was signed in");
    if let Some(session) = &session {
        let sign_out = SignOut {
            auth_domain: visit.home().clone(),
            nonce: session.live.nonce.clone(),
            everywhere,
        };
        ended = visit.known.call::<Value>(Call::SignOut(sign_out))?.map(drop);
        let reason = if everywhere { "signed out everywhere" } else { "signed out" };
        event = visit.event(Action::Logout, true, reason).identity(Some(session.identity()));
    }
    let forget = Visit::forget_session().map(|cookie| ("set-cookie", cookie));
    if let Err(why) = ended {
        let mut response = visit.unavailable(&why.0, ACTION.to_owned());
        response.headers.extend(forget);
        return Ok(response);
    }
    let end = End::Page { everywhere, return_to: return_to(visit, given.get("returnTo"))? };
    let mut response = slo::lead_out(visit, session.as_ref(), end)?;
    response.headers.extend(forget);
    Ok(response.with_event(event))
}

/// A host of this organisation that somebody may be led to afterwards; any other is not gone to.
fn return_to(visit: &Visit, text: Option<&str>) -> Result<Option<String>, Need> {
    let Some(text) = text.filter(|text| !text.is_empty()) else { return Ok(None) };
    let Ok(url) = redirect::parse(Some(text), &visit.origin(), visit.here) else { return Ok(None) };
    let Some(host) = redirect::host(&url) else { return Ok(None) };
    if host == *visit.home() {
        // Its pages would sign in again at once.
        return Ok(None);
    }
    let wildcard = host.as_str().split_once('.').map(|(_, parent)| format!("*.{parent}"));
    let wildcard = wildcard.and_then(|wildcard| Hostname::parse(&wildcard).ok());
    for name in std::iter::once(host.clone()).chain(wildcard) {
        let Some(gate) = visit.known.records.gate(&name)? else { continue };
        for door in
            gate.doors.iter().filter(|d| redirect::stands_at(&d.host_pattern, &host)).take(50)
        {
            let application = visit.known.records.application(&door.application_id)?;
            if application.is_some_and(|a| a.auth_domain == *visit.home()) {
                return Ok(Some(url.into()));
            }
        }
    }
    Ok(None)
}
