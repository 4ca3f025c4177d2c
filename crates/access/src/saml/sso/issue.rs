//! The assertion: signed, spent, and posted to a registered endpoint of the application.

use edge_state::access::call::{Spend, Spent};
use edge_state::access::saml::{Encrypted, Signed as SignedSetting};
use saml::assertion::AuthnStatement;
use saml::authn_request::ConsumerService;
use saml::binding::post::Form;
use saml::encryption::Recipient;
use saml::identity_provider::{Offer, Target};
use saml::response::Status;
use saml::signature::Signed;

use super::kept::{Asked, Kept};
use crate::event::{Action, Parties as _, nonce};
use crate::letter::Letter;
use crate::login::finish::Entry;
use crate::login::place::{Given, Place};
use crate::login::target::home;
use crate::need::Call;
use crate::page::departure;
use crate::saml::entered;
use crate::saml::keys::Keys;
use crate::saml::party::{Party, seconds, session_index};
use crate::saml::recipient::recipient;
use crate::saml::statement::{self, STRENGTH, Statement, StatementError, statement};
use crate::visit::{Session, Words};
use crate::{Need, Response};

/// Tells the application who it is.
pub(crate) fn issue(
    party: &Party,
    place: &Place,
    entry: &Entry,
    asked: Option<Asked>,
    given: &Given,
) -> Result<Response, Need> {
    let (visit, session) = (party.visit, place.session);
    let (statement, encrypts) = match said(party, session, asked)? {
        Ok(said) => said,
        Err(answer) => return Ok(answer),
    };
    let Some(target) = target(party, asked) else {
        let why = "the application has no AssertionConsumerService by POST";
        return Ok(unready(party, Some(session), why));
    };
    let Some(key) = party.keys.and_then(Keys::of_letter) else {
        return Ok(unready(party, Some(session), NO_KEY));
    };
    // Nothing is issued twice for one request: at no point of presence, and on no other way.
    if let Some(refused) = asked.map(|asked| spend(party, asked.kept)).transpose()?.flatten() {
        return Ok(refused);
    }
    let live = &session.live;
    let lifetime = entry.seconds.unwrap_or(party.application.session_seconds);
    let end = visit.now().saturating_add_unsigned(lifetime).min(live.expires_at);
    let authn = AuthnStatement {
        authn_instant: seconds(session.identity().authenticated_at),
        session_index: Some(session_index(&live.nonce, &party.application.id)),
        session_not_on_or_after: Some(seconds(end)),
        class: Some(statement.authn_context.clone()),
    };
    let (encrypted_to, name_encrypted_to) = match party.saml.encrypted {
        Encrypted::Assertion => (encrypts, None),
        Encrypted::Nothing | Encrypted::NameId => (None, encrypts),
    };
    let letter = Letter {
        us: party.identity_provider(),
        target,
        name_id: statement.name_id,
        authn,
        attributes: statement.attributes,
        signed: match party.saml.signed {
            SignedSetting::Both => Signed::Both,
            SignedSetting::Assertion => Signed::Assertion,
            SignedSetting::Response => Signed::Response,
        },
        encrypted_to,
        name_encrypted_to,
        key,
        entropy: visit.here.dice("saml:response"),
        now: party.now(),
    };
    let page = hand_off(party, asked.map(|asked| asked.kept), &letter.form());
    let page = page.with_event(place.entered(entry, given));
    let page = entered::remember(party, session, &letter.name_id, page);
    Ok(Response { letter: Some(Box::new(letter)), ..page })
}

/// What there is to say, and to whom it is encrypted, if at all. `Err(Response)`: the application
/// gets a status in its place, or the person a page.
fn said(
    party: &Party,
    session: &Session,
    asked: Option<Asked>,
) -> Result<Result<(Statement, Option<Recipient>), Response>, Need> {
    let request = asked.map(|asked| &asked.accepted.request);
    let policy = request.and_then(|request| request.name_id_policy.as_ref());
    let statement = statement(&statement::Asked {
        saml: party.saml,
        identity: session.identity(),
        requested_format: policy.and_then(|policy| policy.format.as_deref()),
        requested_context: request.and_then(|r| r.requested_authn_context.as_ref()),
        transient: format!("_{}", nonce(party.visit.here.dice("saml:transient"))),
    });
    let statement = match (statement, asked) {
        (Ok(statement), _) => statement,
        (Err(error), Some(asked)) => match error.status().or_else(|| asked.denied()) {
            Some(status) => {
                let why = error.to_string();
                return refuse(party, asked, &status, &why, Some(session)).map(Err);
            }
            None => return Ok(Err(untold(party, session, &error))),
        },
        (Err(error), None) => return Ok(Err(untold(party, session, &error))),
    };
    let encrypts = match recipient(party.saml) {
        Ok(recipient) => recipient,
        Err(why) => {
            return match asked.and_then(|asked| Some((asked, asked.denied()?))) {
                Some((asked, status)) => refuse(party, asked, &status, why, Some(session)).map(Err),
                None => Ok(Err(unready(party, Some(session), why))),
            };
        }
    };
    if let Some(asked) = asked {
        let offer = Offer {
            name_id: Some(&statement.name_id),
            encrypts: encrypts.is_some(),
            class: &statement.authn_context,
            strength: STRENGTH,
        };
        if let Err(status) = asked.accepted.check(&offer) {
            let why = format!("SAML request: it asks for what cannot be had: {status}");
            return refuse(party, asked, &status, &why, Some(session)).map(Err);
        }
    }
    Ok(Ok((statement, encrypts)))
}

/// Where it goes: a registered endpoint, and nothing else.
fn target(party: &Party, asked: Option<Asked>) -> Option<Target> {
    if let Some(asked) = asked {
        return Some(asked.accepted.target.clone());
    }
    let relay_state = party.saml.default_relay_state.as_deref().filter(|text| !text.is_empty());
    party.peer.target(&ConsumerService::Default, None, relay_state).ok()
}

/// Tells the application that there is nothing to tell, and why.
pub(crate) fn refuse(
    party: &Party,
    asked: Asked,
    status: &Status,
    why: &str,
    session: Option<&Session>,
) -> Result<Response, Need> {
    let visit = party.visit;
    let keys = Keys::new(visit.known);
    let event = visit
        .event(Action::Login, false, format!("{why}; the application is told {status}"))
        .application(Some(party.application))
        .identity(session.map(Session::identity));
    let Some(signer) = party.keys.and_then(|record| keys.signer(record)) else {
        return Ok(unready(party, session, NO_KEY).with_event(event));
    };
    let us = party.identity_provider();
    let mut dice = party.dice("refusal");
    let target = &asked.accepted.target;
    let form = keys.drive(us.refuse(target, status, &signer, &mut dice, party.now()))?;
    match form {
        Ok(form) => Ok(hand_off(party, Some(asked.kept), &form).with_event(event)),
        Err(error) => Ok(visit.unavailable(&error.to_string(), party.target("").url)),
    }
}

const NO_KEY: &str = "the application has no key to sign with";

/// The page that posts `form`; the request that it answers is not kept any longer.
fn hand_off(party: &Party, kept: Option<&Kept>, form: &Form) -> Response {
    let lead = format!("You are being led on to {}.", party.application.name);
    let frame = party.visit.frame();
    let mut page = departure::render(&departure::View { frame, lead: &lead, form });
    let forgotten = kept.map(|kept| Kept::forget(party, &kept.name())).unwrap_or_default();
    page.headers.extend(forgotten.into_iter().map(|cookie| ("set-cookie", cookie)));
    page
}

/// `Some`: a page, for it was answered before, or nobody can say so.
fn spend(party: &Party, kept: &Kept) -> Result<Option<Response>, Need> {
    let visit = party.visit;
    let (token, until) = kept.spent();
    let spend = Spend { auth_domain: visit.home().clone(), token, until };
    Ok(match visit.known.call::<Spent>(Call::Spend(spend))? {
        Ok(Spent { first: true }) => None,
        Ok(Spent { first: false }) => {
            let words = Words {
                status: 400,
                title: "This sign-in was completed before",
                text: "An application's request is answered once. Begin again from here, or from \
                       the application.",
                links: vec![party.open(), home()],
            };
            let reason = "SAML request: it was answered before (replay)";
            let mut page = party.refuse(words, reason);
            let forgotten = Kept::forget(party, &kept.name()).into_iter();
            page.headers.extend(forgotten.map(|cookie| ("set-cookie", cookie)));
            Some(page)
        }
        Err(why) => {
            let retry = format!("{}?request={}", party.endpoint(), kept.name());
            Some(visit.unavailable(&why.0, retry))
        }
    })
}

/// What is known of the person does not do for this application.
fn untold(party: &Party, session: &Session, error: &StatementError) -> Response {
    let advice = error.advice();
    let title = format!("{} cannot be told who you are", party.application.name);
    let words = Words { status: 403, title: &title, text: &advice, links: vec![home()] };
    let event = party.visit.event(Action::Login, false, format!("SAML: {error}"));
    let event = event.application(Some(party.application)).identity(Some(session.identity()));
    party.visit.refuse(words, event)
}

/// An administrator has to mend it.
fn unready(party: &Party, session: Option<&Session>, why: &str) -> Response {
    let title = format!("{} is not set up yet", party.application.name);
    let words = Words {
        status: 500,
        title: &title,
        text: "Its connection with us lacks something. Tell your administrator.",
        links: vec![home()],
    };
    let event = party.visit.event(Action::Login, false, format!("SAML: {why}"));
    let event = event.application(Some(party.application));
    party.visit.refuse(words, event.identity(session.map(Session::identity)))
}
