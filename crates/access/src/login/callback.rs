//! What a provider answered: `/access/callback/{provider}`.

use edge_state::access::IdentityProviderRecord;
use edge_state::access::identity_provider::Protocol;
use edge_state::key::is_token;
use http::Method;

use super::attempt::{Answer, Attempt, Browser, Target};
use super::finish;
use super::refusal::{failed, other_ways, refused, retry};
use super::returning::{lacks_cookies, onward, post_again, refuse, spend, unfit};
use super::target::home;
use crate::admission::{Entrance, NotAdmitted, admit};
use crate::encoding::Form;
use crate::event::{Action, Parties as _};
use crate::visit::{Visit, Words};
use crate::{Need, Response, github, oidc, saml_provider};

/// Reads the answer. Whatever is wrong with it, it signs nobody in and is logged with a reason of
/// its own.
pub(crate) fn answer(visit: &Visit, provider: &str) -> Result<Response, Need> {
    let posted = visit.request.method == Method::POST;
    if let Some((provider, document)) = provider.split_once('/') {
        return saml_provider::metadata::answer(visit, provider, document);
    }
    if !is_token(provider) {
        return Ok(nobodys(visit));
    }
    let given = if posted { visit.form()? } else { visit.query() };
    if saml_provider::is_message(&given) {
        return saml_provider::callback::answer(visit, provider, &given);
    }
    if !posted && given.get("answer").is_some() {
        return saml_provider::callback::resumed(visit, provider, &given);
    }
    by_state(visit, provider, &given)
}

/// An answer by OAuth 2.0: in whose attempt it comes is judged before it is read any further.
fn by_state(visit: &Visit, provider: &str, given: &Form) -> Result<Response, Need> {
    let Some(state) = given.get("state") else {
        return Ok(refuse(visit, "the callback has no state, or several", vec![home()]));
    };
    let Some(attempt) = Attempt::open(state, visit.home(), visit.here) else {
        return Ok(refuse(visit, "the state was not made here", vec![home()]));
    };
    let target = &attempt.target;
    if attempt.provider != provider {
        return Ok(unfit(visit, &attempt, "mix-up: the state belongs to another provider"));
    }
    let Some(browser) = Browser::find(visit.request.headers) else {
        if lacks_cookies(visit, given) {
            return Ok(post_again(visit, given));
        }
        // Cookies were blocked, or ran out, or somebody else began: a new attempt mends it.
        return Ok(unfit(visit, &attempt, "the browser has no session with us"));
    };
    if !attempt.is_of(&browser) {
        return Ok(unfit(visit, &attempt, "the state belongs to another browser"));
    }
    if attempt.is_over(visit.now()) {
        return onward(visit, target, "the attempt is too old");
    }
    let entrance = Entrance {
        application: target.application.as_deref(),
        provider: Some(provider),
        ..visit.entrance()
    };
    let record = match admit(&entrance, visit.known)?.map(|admitted| admitted.provider) {
        Ok(Some(record)) => record,
        Ok(None) => return refused(visit, NotAdmitted::NoProvider, Some(provider), target),
        Err(reason) => return refused(visit, reason, Some(provider), target),
    };
    let issuer = given.get("iss");
    if let Some(error) = given.get("error") {
        let description = given.get("error_description").unwrap_or_default();
        return Ok(declined(visit, record, target, error, description));
    }
    let Some(code) = given.get("code") else {
        return Ok(unfit(visit, &attempt, "the callback has no code, or several"));
    };
    let token = format!("attempt:{}", attempt.id);
    if let Err(response) = spend(visit, target, token, attempt.until())? {
        return Ok(response);
    }
    let answer = Answer { code, issuer };
    let identity = match &record.protocol {
        Protocol::Oidc(config) => {
            oidc::client::identity(visit, record, config, &answer, &attempt, &browser)?
        }
        Protocol::Github(config) => {
            github::identity(visit, record, config, &answer, &attempt, &browser)?
        }
        Protocol::OneTimePin {} | Protocol::Saml(_) => {
            return Ok(unfit(visit, &attempt, "this provider does not answer by callback"));
        }
    };
    match identity {
        Ok(identity) => finish::sign_in(visit, record, target, &identity),
        Err(error) => Ok(failed(visit, record, target, &error)),
    }
}

/// `/access/callback`: no provider is told to answer there.
pub(crate) fn nobodys(visit: &Visit) -> Response {
    refuse(visit, "a callback that names no provider", vec![home()])
}

/// The provider itself said no (RFC 6749 §4.1.2.1, OIDC Core §3.1.2.6).
fn declined(
    visit: &Visit,
    record: &IdentityProviderRecord,
    target: &Target,
    error: &str,
    description: &str,
) -> Response {
    let (title, text) = match error {
        "access_denied" => (
            "You were not signed in",
            "The sign-in was cancelled, or the provider does not let you use this application.",
        ),
        "login_required"
        | "interaction_required"
        | "consent_required"
        | "account_selection_required" => {
            ("Your provider wants a word with you", "Please try again and answer what it asks.")
        }
        "temporarily_unavailable" | "server_error" => (
            "Your provider has trouble",
            "It could not sign you in just now. Please try again in a moment.",
        ),
        _ => (
            "You were not signed in",
            "Your provider answered with an error. If that goes on, tell your administrator.",
        ),
    };
    let reason = format!("the provider answered {error}: {description}");
    let event = visit.event(Action::Login, false, reason).provider(Some(record));
    let links = vec![retry(target), other_ways(target)];
    visit.refuse(Words { status: 403, title, text, links }, event)
}
