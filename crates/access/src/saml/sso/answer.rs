//! Who is there to be told about, and whether they may enter.

use saml::response::Status;

use super::issue;
use super::kept::{Asked, Kept};
use crate::event::Parties as _;
use crate::login::attempt::Target;
use crate::login::finish::Judged;
use crate::login::place::{Given, Place};
use crate::saml::party::{Party, hex};
use crate::visit::Session;
use crate::{Need, Response};

/// By how much a provider's clock may be behind ours, in seconds.
const SKEW: i64 = 180;

/// Answers a request, or nobody's. Policies are asked every time.
pub(crate) fn answer(party: &Party, kept: Option<&Kept>, given: &Given) -> Result<Response, Need> {
    let accepted = match kept.map(|kept| kept.accepted(&party.peer)).transpose() {
        Ok(accepted) => accepted,
        Err(error) => return Ok(party.unfit(&format!("SAML request: {error}"))),
    };
    let asked = kept.zip(accepted.as_ref()).map(|(kept, accepted)| Asked { kept, accepted });
    let below = kept.map(|kept| format!("?request={}", kept.name())).unwrap_or_default();
    let target = party.target(&below);
    let recognised = party.visit.recognise()?;
    if let Some(asked) = asked.filter(|asked| asked.kept.passive) {
        return passively(party, asked, &target, recognised.ok());
    }
    let session = match recognised {
        Ok(session) => session,
        Err(over) => {
            let event = over.map(|event| event.application(Some(party.application)));
            let mut response = sign_in(party, asked, &target, None)?;
            response.events.extend(event);
            return Ok(response);
        }
    };
    if let Some(asked) = asked.filter(|asked| asked.kept.force) {
        match freshness(asked.kept, &session) {
            Freshness::Fresh => {}
            Freshness::Before => return sign_in(party, Some(asked), &target, Some(&session)),
            Freshness::NotAsked => {
                let status = Status::failure(Status::RESPONDER, Status::AUTHN_FAILED);
                let why = "the provider did not ask the person anew (ForceAuthn)";
                return issue::refuse(party, asked, &status, why, Some(&session));
            }
        }
    }
    let place = match Place::admitted(party.visit, &session, &target, &party.application.id)? {
        Ok(place) => place,
        Err(response) => return Ok(response),
    };
    match place.judged(given)? {
        Judged::In(entry) => issue::issue(party, &place, &entry, asked, given),
        Judged::Asked(response) | Judged::Denied(response) => Ok(response),
    }
}

/// `IsPassive`: the person is shown nothing, so the application is told whatever there is to tell.
fn passively(
    party: &Party,
    asked: Asked,
    target: &Target,
    session: Option<Session>,
) -> Result<Response, Need> {
    let no_passive = Status::failure(Status::RESPONDER, Status::NO_PASSIVE);
    let Some(session) = session else {
        return issue::refuse(party, asked, &no_passive, "IsPassive: nobody is signed in", None);
    };
    let session = &session;
    if asked.kept.force {
        let why = "IsPassive and ForceAuthn: nobody signs in without being asked";
        return issue::refuse(party, asked, &no_passive, why, Some(session));
    }
    let denied = Status::failure(Status::RESPONDER, Status::REQUEST_DENIED);
    let place = match Place::admitted(party.visit, session, target, &party.application.id)? {
        Ok(place) => place,
        Err(response) => {
            let told = issue::refuse(party, asked, &denied, "IsPassive", Some(session))?;
            return Ok(Response { events: response.events, ..told });
        }
    };
    let given = Given::default();
    match place.judged(&given)? {
        Judged::In(entry) => issue::issue(party, &place, &entry, Some(asked), &given),
        Judged::Asked(_) => {
            let why = "IsPassive: the person has to justify the access, or to wait for others";
            issue::refuse(party, asked, &no_passive, why, Some(session))
        }
        Judged::Denied(response) => {
            let told = issue::refuse(party, asked, &denied, "IsPassive", Some(session))?;
            Ok(Response { events: response.events, ..told })
        }
    }
}

/// Off to the login page, and back.
fn sign_in(
    party: &Party,
    asked: Option<Asked>,
    target: &Target,
    session: Option<&Session>,
) -> Result<Response, Need> {
    let Some(asked) = asked.filter(|asked| asked.kept.force) else {
        return Ok(Response::redirect(target.login_url()));
    };
    let before = session.map(|session| hex(&[&session.live.nonce])).unwrap_or_default();
    let Some(cookies) = asked.kept.sent_to_sign_in(before).keep(party) else {
        let status = Status::failure(Status::RESPONDER, Status::AUTHN_FAILED);
        let why = "ForceAuthn, with more of RelayState than a browser keeps meanwhile";
        return issue::refuse(party, asked, &status, why, session);
    };
    let mut response = Response::redirect(target.another_login_url());
    response.headers.extend(cookies.into_iter().map(|cookie| ("set-cookie", cookie)));
    Ok(response)
}

/// Whether somebody signed in anew for a request.
enum Freshness {
    Fresh,
    /// The session is from before.
    Before,
    /// The session is new, but the provider remembered the person.
    NotAsked,
}

fn freshness(kept: &Kept, session: &Session) -> Freshness {
    let before = kept.asked.as_ref().is_none_or(|before| *before == hex(&[&session.live.nonce]));
    if before || session.issued_at < kept.at {
        return Freshness::Before;
    }
    if session.identity().authenticated_at < kept.at - SKEW {
        return Freshness::NotAsked;
    }
    Freshness::Fresh
}
