//! Single logout over the front channel: `/access/sso/saml/{application}/logout`, where applications
//! ask and answer (SAML profiles §4.4).
//!
//! - [`chain`]: through all applications that somebody has been in
//! - here: an application asks, or answers

mod chain;

use edge_state::access::call::{SignOut, Spend, Spent};
use http::Method;
use saml::binding::{BindingError, Incoming, Kind, post, redirect};
use saml::logout::{LogoutError, LogoutRequest};
use saml::name_id::format;
use saml::response::Status;
use serde_json::Value;

use self::chain::Chain;
use super::entered::{self, Entered};
use super::keys::{Keys, OurDecrypter};
use super::party::{AGAIN, Party, has_message, session_index, since_1970};
use super::through;
use crate::encoding::Form;
use crate::event::Parties as _;
use crate::need::Call;
use crate::page::repost;
use crate::visit::{Session, Visit};
use crate::{Need, Response};

pub(crate) use self::chain::End;

/// Leads through the applications that this browser has been in, whose session here is over already,
/// to where that came from, and to the end.
pub(crate) fn lead_out(
    visit: &Visit,
    session: Option<&Session>,
    end: End,
) -> Result<Response, Need> {
    let chain = Chain::new(visit, entered::all(visit), end).and_provider(session);
    Ok(chain.go_on(visit)?.with_header("set-cookie", entered::forget()))
}

/// `/access/logout` on the way: a provider has signed somebody out (`through`), or has answered
/// (`resume`). `None`: neither.
pub(crate) fn pass(visit: &Visit, given: &Form) -> Result<Option<Response>, Need> {
    if let Some(path) = given.get("through").and_then(|text| through::open(visit, text)) {
        return lead_out(visit, None, End::Provider(path)).map(Some);
    }
    let (Some(outcome), Some(mut chain)) = (given.get("resume"), Chain::find(visit)) else {
        return Ok(None);
    };
    if !chain.awaits_provider() {
        return Ok(None);
    }
    chain.answered(outcome == "done");
    chain.go_on(visit).map(Some)
}

/// A message of an application.
pub(crate) fn answer(party: &Party) -> Result<Response, Need> {
    let visit = party.visit;
    let posted = visit.request.method == Method::POST;
    let given = if posted { visit.form()? } else { visit.query() };
    if !has_message(&given) {
        return Ok(if posted {
            party.unfit_logout("the form holds no SAML message")
        } else {
            Response::redirect("/access/logout")
        });
    }
    let incoming = if posted {
        post::decode(visit.request.form.unwrap_or_default())
    } else {
        redirect::decode(visit.request.query.unwrap_or_default())
    };
    let incoming = match incoming {
        Ok(incoming) => incoming,
        Err(error) => return Ok(party.unfit_logout(&unread(&error))),
    };
    if incoming.kind() == Kind::Response {
        return answered(party, &incoming);
    }
    if posted && given.get(AGAIN).is_none() {
        // From the application's own site it came without our session's cookies.
        let mut fields: Vec<_> = given.pairs().collect();
        fields.push((AGAIN, "1"));
        let action = format!("{}/logout", party.target("").url);
        let frame = visit.frame();
        return Ok(repost::render(&repost::View { frame, action: &action, fields }));
    }
    let keys = Keys::new(visit.known);
    let decrypters: Vec<OurDecrypter> =
        party.keys.map(|record| keys.decrypters(record)).unwrap_or_default();
    let us = party.logout_party();
    let request = us.read_request(&incoming, party.peer.logout(), &decrypters, &keys, party.now());
    match keys.drive(request)? {
        Ok(request) => asked(party, &request.into_inner()),
        Err(error) => Ok(party.unfit_logout(&unbelieved(&error))),
    }
}

fn unread(error: &BindingError) -> String {
    format!("SAML logout: {error}")
}

fn unbelieved(error: &LogoutError) -> String {
    format!("SAML logout: {error}")
}

/// The application says that somebody signs out. It is answered, whatever comes of it.
fn asked(party: &Party, request: &LogoutRequest) -> Result<Response, Need> {
    let visit = party.visit;
    let answer =
        |status: &Status| chain::answer(party, &request.id, request.relay_state.as_deref(), status);
    let Some(session) = visit.session()? else {
        // Whatever there was is over. Applications that are still open are led through all the same,
        // once.
        let event = party.logout_event(true, "SAML logout: nobody was signed in here");
        let open = !entered::all(visit).is_empty();
        let response = if open && spend(party, request)?.is_ok() {
            lead_out_of_others(party, request, None)?
        } else {
            answer(&if visit.is_framed() { chain::partial() } else { Status::success() })?
        };
        return Ok(response.with_event(event));
    };
    if !is_about(party, request, &session) {
        let reason = "SAML logout: it is about somebody else, or about another session";
        let event = party.logout_event(false, reason).identity(Some(session.identity()));
        let status = Status::failure(Status::REQUESTER, Status::UNKNOWN_PRINCIPAL);
        return Ok(answer(&status)?.with_event(event));
    }
    let denied = Status::failure(Status::RESPONDER, Status::REQUEST_DENIED);
    match spend(party, request)? {
        Ok(()) => {}
        Err(None) => return Ok(party.unfit_logout("SAML logout: it was used before (replay)")),
        Err(Some(why)) => return Ok(unavailable(party, &why, answer(&denied)?)),
    }
    let sign_out = SignOut {
        auth_domain: visit.home().clone(),
        nonce: session.live.nonce.clone(),
        everywhere: false,
    };
    let forget = Visit::forget_session().map(|cookie| ("set-cookie", cookie));
    if let Err(why) = visit.known.call::<Value>(Call::SignOut(sign_out))? {
        let mut response = unavailable(party, &why.0, answer(&denied)?);
        response.headers.extend(forget);
        return Ok(response);
    }
    let reason = "signed out, as the application asked (SAML)";
    let event = party.logout_event(true, reason).identity(Some(session.identity()));
    let mut response = lead_out_of_others(party, request, Some(&session))?;
    response.headers.extend(forget);
    Ok(response.with_event(event))
}

/// `Err(None)`: it was used before. `Err(Some)`: nobody can say so.
fn spend(party: &Party, request: &LogoutRequest) -> Result<Result<(), Option<String>>, Need> {
    let spend = Spend {
        auth_domain: party.visit.home().clone(),
        token: format!("saml:{}", request.once.key),
        until: since_1970(request.once.until),
    };
    Ok(match party.visit.known.call::<Spent>(Call::Spend(spend))? {
        Ok(Spent { first: true }) => Ok(()),
        Ok(Spent { first: false }) => Err(None),
        Err(why) => Err(Some(why.0)),
    })
}

/// Through all applications but the one that asked, and back to that.
fn lead_out_of_others(
    party: &Party,
    request: &LogoutRequest,
    session: Option<&Session>,
) -> Result<Response, Need> {
    let mut others = entered::all(party.visit);
    others.retain(|other| other.application != party.application.id);
    let end = End::Answer {
        application: party.application.id.clone(),
        request: request.id.clone(),
        relay_state: request.relay_state.clone(),
    };
    let chain = Chain::new(party.visit, others, end).and_provider(session);
    let response = chain.go_on(party.visit)?;
    Ok(response.with_header("set-cookie", entered::forget()))
}

fn unavailable(party: &Party, why: &str, answer: Response) -> Response {
    let reason = format!("SAML logout: nobody answered: {why}");
    answer.with_event(party.logout_event(false, &reason))
}

/// Whether the request is about the person and the session of this browser.
fn is_about(party: &Party, request: &LogoutRequest, session: &Session) -> bool {
    let id = &party.application.id;
    let named = |index: &String| {
        request.session_indexes.is_empty() || request.session_indexes.contains(index)
    };
    let user = entered::user(session);
    let mut all = entered::all(party.visit).into_iter();
    match all.find(|entered| entered.application == *id) {
        Some(entered) => {
            entered.user == user && named(&entered.index) && is_called(request, &entered)
        }
        // The browser does not know any more; the index is one that nobody can guess.
        None => request.session_indexes.contains(&session_index(&session.live.nonce, id)),
    }
}

fn is_called(request: &LogoutRequest, entered: &Entered) -> bool {
    let asked = request.name_id.format.as_deref().filter(|asked| *asked != format::UNSPECIFIED);
    let fits = asked.is_none() || asked == entered.format.as_deref();
    fits && request.name_id.value == entered.name
}

/// The application has done what it was asked, or not. Either way it goes on.
fn answered(party: &Party, incoming: &Incoming) -> Result<Response, Need> {
    let visit = party.visit;
    let Some(mut chain) = Chain::find(visit) else {
        return Ok(party.unfit_logout("SAML logout: an answer, but this browser asked nothing"));
    };
    let Some(id) = chain.asked(&party.application.id) else {
        return Ok(party.unfit_logout("SAML logout: an answer of another than was asked"));
    };
    let keys = Keys::new(visit.known);
    let us = party.logout_party();
    let read = us.read_response(incoming, party.peer.logout(), id, &keys, party.now());
    let failed = match keys.drive(read)? {
        Ok(response) => {
            let status = response.into_inner().status;
            let done = status.is_success() && status.subcode.is_none();
            (!done).then(|| format!("SAML logout: the application answered {status}"))
        }
        Err(error) => Some(unbelieved(&error)),
    };
    chain.answered(failed.is_none());
    let response = chain.go_on(visit)?;
    Ok(match failed {
        Some(reason) => response.with_event(party.logout_event(false, &reason)),
        None => response,
    })
}
