//! A provider says that somebody signs out. It is answered, whatever comes of it.

use edge_state::access::IdentityProviderRecord;
use edge_state::access::call::{SignOut, Spend, Spent};
use edge_state::access::saml::SamlConfig;
use edge_state::access::session::SamlSession;
use saml::binding::Incoming;
use saml::logout::{LogoutRequest, LogoutSendError};
use saml::name_id::format;
use saml::response::Status;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::logout::{depart, event, find, party};
use super::{key_record, moment, peer, seconds};
use crate::encoding::component;
use crate::event::Parties as _;
use crate::handover::{open_value, seal_value};
use crate::login::attempt::Browser;
use crate::login::returning::refuse;
use crate::login::target::home;
use crate::need::Call;
use crate::page::logout as page;
use crate::saml::keys::Keys;
use crate::saml::through;
use crate::visit::{Session, Visit};
use crate::{Need, Response};

/// Who asked, and what for: it comes back when all applications were led through.
#[derive(Deserialize, Serialize)]
struct Asked {
    /// The ID of the request.
    id: String,
    relay_state: Option<String>,
    /// [`Browser::name`] of the one that brought it.
    browser: Option<String>,
    /// Seconds since 1970.
    at: i64,
}

/// Whoever takes longer is not led back any more, in seconds.
const LIFETIME: i64 = 10 * 60;

/// What is longer does not go along through all applications: it is answered at once.
const LONGEST_STATE: usize = 1_000;

/// A provider, and we.
struct Asking<'a> {
    visit: &'a Visit<'a>,
    record: &'a IdentityProviderRecord,
    config: &'a SamlConfig,
}

/// `LogoutRequest`
pub(super) fn request(
    visit: &Visit,
    provider: &str,
    incoming: &Incoming,
) -> Result<Response, Need> {
    let unfit = |reason: &str| {
        let mut response = refuse(visit, reason, vec![home()]);
        response.events = vec![event(visit, provider, false, reason)];
        response
    };
    let Some((record, config)) = find(visit, provider)? else {
        return Ok(unfit("mix-up: no SAML provider is asked here"));
    };
    let keys = Keys::new(visit.known);
    let held = key_record(visit, provider)?;
    let decrypters = held.map(|held| keys.decrypters(held)).unwrap_or_default();
    let (us, peer, now) = (party(visit, provider), peer(config), moment(visit.here));
    let reading = us.read_request(incoming, peer.logout(), &decrypters, &keys, now);
    match keys.drive(reading)? {
        Ok(request) => Asking { visit, record, config }.asked(&request.into_inner()),
        Err(error) => Ok(unfit(&error.to_string())),
    }
}

/// All applications were led through: the provider hears of it.
pub(super) fn resumed(
    visit: &Visit,
    provider: &str,
    sealed: &str,
    partial: bool,
) -> Result<Response, Need> {
    let asked: Option<Asked> = open_value(sealed, &purpose(visit, provider), visit.here);
    let asked = asked.filter(|asked| asked.browser == browser(visit));
    let asked = asked.filter(|asked| (0..LIFETIME).contains(&(visit.now() - asked.at)));
    let (Some(asked), Some((record, config))) = (asked, find(visit, provider)?) else {
        return Ok(Response::redirect("/access/logout"));
    };
    let status = if partial { partly() } else { Status::success() };
    Asking { visit, record, config }.answer(&asked.id, asked.relay_state.as_deref(), &status)
}

impl Asking<'_> {
    fn asked(&self, request: &LogoutRequest) -> Result<Response, Need> {
        let (visit, id) = (self.visit, self.record.id.as_str());
        let answer =
            |status: &Status| self.answer(&request.id, request.relay_state.as_deref(), status);
        let Some(session) = visit.session()? else {
            // In a frame of the provider's, browsers send no cookies: there may be a session.
            let status = if visit.is_framed() { partly() } else { Status::success() };
            let event = event(visit, id, true, "nobody is signed in here");
            return Ok(answer(&status)?.with_event(event));
        };
        let own = session.identity().saml.as_ref().filter(|_| session.identity().idp.id == id);
        if !own.is_some_and(|own| is_about(request, own)) {
            let event = event(visit, id, false, "it is about somebody else, or another session");
            let status = Status::failure(Status::REQUESTER, Status::UNKNOWN_PRINCIPAL);
            return Ok(answer(&status)?.with_event(event.identity(Some(session.identity()))));
        }
        let spend = Spend {
            auth_domain: visit.home().clone(),
            token: format!("saml:{}", request.once.key),
            until: seconds(request.once.until) + 1,
        };
        let denied = Status::failure(Status::RESPONDER, Status::REQUEST_DENIED);
        let why = match visit.known.call::<Spent>(Call::Spend(spend))? {
            Ok(Spent { first: true }) => None,
            Ok(Spent { first: false }) => Some("it was used before".to_owned()),
            Err(why) => Some(why.0),
        };
        if let Some(why) = why {
            return Ok(answer(&denied)?.with_event(event(visit, id, false, &why)));
        }
        self.end(request, &session)
    }

    /// The session ends, and with it those of all applications.
    fn end(&self, request: &LogoutRequest, session: &Session) -> Result<Response, Need> {
        let (visit, id) = (self.visit, self.record.id.as_str());
        let sign_out = SignOut {
            auth_domain: visit.home().clone(),
            nonce: session.live.nonce.clone(),
            everywhere: false,
        };
        let ended = visit.known.call::<Value>(Call::SignOut(sign_out))?;
        let state = request.relay_state.as_deref();
        let (mut response, event) = match ended {
            Ok(_) if state.is_none_or(|state| state.len() <= LONGEST_STATE) => {
                let asked = Asked {
                    id: request.id.clone(),
                    relay_state: request.relay_state.clone(),
                    browser: browser(visit),
                    at: visit.now(),
                };
                let sealed = seal_value(&asked, &purpose(visit, id), visit.here);
                let back = format!("/access/callback/{id}?answer={}", component(&sealed));
                let through = component(&through::seal(visit, &back));
                let response = Response::redirect(format!("/access/logout?through={through}"));
                (response, event(visit, id, true, "signed out, as the provider asked"))
            }
            Ok(_) => {
                let answer = self.answer(&request.id, state, &partly())?;
                (answer, event(visit, id, true, "signed out, as the provider asked"))
            }
            Err(why) => {
                let denied = Status::failure(Status::RESPONDER, Status::REQUEST_DENIED);
                let answer = self.answer(&request.id, state, &denied)?;
                (answer, event(visit, id, false, &format!("nobody answered: {}", why.0)))
            }
        };
        let forget = Visit::forget_session().map(|cookie| ("set-cookie", cookie));
        response.headers.extend(forget);
        Ok(response.with_event(event.identity(Some(session.identity()))))
    }

    fn answer(
        &self,
        request: &str,
        relay_state: Option<&str>,
        status: &Status,
    ) -> Result<Response, Need> {
        let (visit, id) = (self.visit, self.record.id.as_str());
        let told = |why: &str| {
            let done = page::Done {
                frame: visit.frame(),
                everywhere: false,
                partly: !status.is_success() || status.subcode.is_some(),
            };
            page::done(&done).with_event(event(visit, id, false, why))
        };
        let keys = Keys::new(visit.known);
        let Some(signer) = key_record(visit, id)?.and_then(|held| keys.signer(held)) else {
            return Ok(told("not answered: there is no key to sign with"));
        };
        let (us, peer) = (party(visit, id), peer(self.config));
        let (seed, mut used) = (visit.here.dice(&format!("logout answer to {id}")), 0);
        let mut random = move |bytes: &mut [u8]| {
            for byte in bytes {
                *byte = seed[used % seed.len()];
                used += 1;
            }
        };
        let now = moment(visit.here);
        let answering =
            us.answer(peer.logout(), request, status, relay_state, &signer, &mut random, now);
        Ok(match keys.drive(answering)? {
            Ok(departure) => {
                let lead = format!("You are being led back to {}.", self.record.name);
                depart(visit, &departure, &lead)
            }
            // Nowhere to answer to: the person at least is told.
            Err(error @ LogoutSendError::NoEndpoint) => told(&format!("not answered: {error}")),
            Err(error) => visit.unavailable(&error.to_string(), "/access/logout".to_owned()),
        })
    }
}

/// Whether it is about the person and the session that this browser has.
fn is_about(request: &LogoutRequest, own: &SamlSession) -> bool {
    let named = |index: &String| request.session_indexes.contains(index);
    let session = request.session_indexes.is_empty() || own.session_index.iter().any(named);
    let name = &request.name_id;
    let says = |text: &Option<String>| {
        text.clone().filter(|text| !text.is_empty() && text != format::UNSPECIFIED)
    };
    let agree = |asked: &Option<String>, own: &Option<String>| match (says(asked), says(own)) {
        (Some(asked), Some(own)) => asked == own,
        _ => true,
    };
    session
        && name.value == own.name_id
        && agree(&name.format, &own.format)
        && agree(&name.name_qualifier, &own.name_qualifier)
        && agree(&name.sp_name_qualifier, &own.sp_name_qualifier)
}

/// Core §3.7.3.2: it was done here, though not everywhere.
fn partly() -> Status {
    Status { subcode: Some(Status::PARTIAL_LOGOUT.to_owned()), ..Status::success() }
}

fn browser(visit: &Visit) -> Option<String> {
    Browser::find(visit.request.headers).map(|browser| browser.name())
}

fn purpose(visit: &Visit, provider: &str) -> String {
    format!("answer to a SAML logout:{}:{provider}", visit.home())
}
