//! Logging out, together with the provider (SAML profiles §4.4): it is asked where the session came
//! from it, and where it asks, the session of this browser ends. It is always answered.
//!
//! - here: what we ask, and its answer
//! - [`super::logged_out`]: what it asks

use edge_state::access::IdentityProviderRecord;
use edge_state::access::call::LoginEvent;
use edge_state::access::identity_provider::Protocol;
use edge_state::access::saml::SamlConfig;
use edge_state::access::session::SamlSession;
use saml::binding::{Departure, Incoming};
use saml::key::fresh_id;
use saml::logout::LogoutParty;
use saml::name_id::NameId;

use super::{key_record, moment, peer, us};
use crate::admission::{Entrance, admit};
use crate::event::{Action, Parties as _, nonce};
use crate::login::attempt::Browser;
use crate::page::departure as page;
use crate::saml::keys::Keys;
use crate::visit::Visit;
use crate::{Need, Response};

/// Asks the provider to end its session too, where it has an address for that. What it answers comes
/// to [`answered`]. The session here is over by now.
pub(crate) fn departure(
    visit: &Visit,
    provider: &str,
    session: &SamlSession,
) -> Result<Option<Response>, Need> {
    let Some((record, config)) = find(visit, provider)? else { return Ok(None) };
    let keys = Keys::new(visit.known);
    let signer = key_record(visit, provider)?.and_then(|held| keys.signer(held));
    let Some(signer) = signer else { return Ok(None) };
    let browser = Browser::of(visit.request.headers, visit.here);
    let name = NameId {
        value: session.name_id.clone(),
        format: session.format.clone(),
        name_qualifier: session.name_qualifier.clone(),
        sp_name_qualifier: session.sp_name_qualifier.clone(),
        sp_provided_id: None,
    };
    let indexes: Vec<_> = session.session_index.iter().cloned().collect();
    let state = nonce(visit.here.dice("logout of the provider"));
    let mut dice = dice(&browser, &state);
    let (us, peer, now) = (party(visit, provider), peer(config), moment(visit.here));
    let asking = us.ask(peer.logout(), &name, &indexes, Some(&state), &signer, &mut dice, now);
    let Ok((_, departure)) = keys.drive(asking)? else { return Ok(None) };
    let lead = format!("You are being signed out of {}.", record.name);
    Ok(Some(browser.keep(depart(visit, &departure, &lead))))
}

/// What the provider answered: on to what follows. Nothing else depends on it.
pub(super) fn answered(
    visit: &Visit,
    provider: &str,
    incoming: &Incoming,
) -> Result<Response, Need> {
    let on = |outcome: &str| Response::redirect(format!("/access/logout?resume={outcome}"));
    let failed = |reason: &str| on("failed").with_event(event(visit, provider, false, reason));
    let Some((_, config)) = find(visit, provider)? else {
        return Ok(failed("an answer of a provider that is none of ours"));
    };
    let browser = Browser::find(visit.request.headers);
    let (Some(browser), Some(state)) = (browser, incoming.relay_state()) else {
        return Ok(failed("an answer, but this browser asked nothing"));
    };
    let id = fresh_id(&mut dice(&browser, state));
    let keys = Keys::new(visit.known);
    let (us, peer, now) = (party(visit, provider), peer(config), moment(visit.here));
    let reading = us.read_response(incoming, peer.logout(), &id, &keys, now);
    Ok(match keys.drive(reading)? {
        Ok(answer) => {
            let status = answer.into_inner().status;
            if status.is_success() && status.subcode.is_none() {
                on("done")
            } else {
                failed(&format!("the provider answered {status}"))
            }
        }
        Err(error) => failed(&error.to_string()),
    })
}

/// A provider that is on, and speaks SAML.
pub(super) fn find<'a>(
    visit: &Visit<'a>,
    provider: &str,
) -> Result<Option<(&'a IdentityProviderRecord, &'a SamlConfig)>, Need> {
    let entrance = Entrance { provider: Some(provider), ..visit.entrance() };
    let record = admit(&entrance, visit.known)?.ok().and_then(|admitted| admitted.provider);
    Ok(record.and_then(|record| match &record.protocol {
        Protocol::Saml(config) => Some((record, &**config)),
        _ => None,
    }))
}

/// Our side, at both spellings of the address.
pub(super) fn party(visit: &Visit, provider: &str) -> LogoutParty {
    let us = us(visit, provider);
    let other = format!("{}/cdn-cgi/access/callback/{provider}", visit.origin());
    let mut party = LogoutParty::new(&us.entity_id, &us.assertion_consumer_service);
    party.endpoints.push(other);
    party
}

pub(super) fn depart(visit: &Visit, departure: &Departure, lead: &str) -> Response {
    match departure {
        Departure::Redirect(address) => Response::redirect(address),
        Departure::Post(form) => page::render(&page::View { frame: visit.frame(), lead, form }),
    }
}

pub(super) fn event(visit: &Visit, provider: &str, allowed: bool, reason: &str) -> LoginEvent {
    let mut event = visit.event(Action::Logout, allowed, format!("SAML logout: {reason}"));
    event.identity_provider_id = Some(provider.to_owned());
    event.provider(None)
}

/// The ID of a question comes out of what the browser alone knows, and of what goes along.
fn dice(browser: &Browser, state: &str) -> impl FnMut(&mut [u8]) + use<> {
    let secret = browser.logout_id(state);
    move |bytes| {
        for (byte, secret) in bytes.iter_mut().zip(secret) {
            *byte = secret;
        }
    }
}
