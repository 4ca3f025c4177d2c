//! Off to a provider.

use edge_state::access::identity_provider::Protocol;

use super::attempt::{Attempt, Browser, Target};
use super::refusal::{failed, other_ways, refused};
use super::target;
use crate::admission::{Entrance, NotAdmitted, admit};
use crate::event::{Action, Parties as _};
use crate::visit::{Visit, Words};
use crate::{Need, Response, github, oidc, one_time_pin};

/// `/access/start/{provider}?app=…&redirect_url=…`
pub(crate) fn answer(visit: &Visit, provider: &str) -> Result<Response, Need> {
    let given = visit.query();
    match target::find(visit, given.get("app"), &given)? {
        Ok((target, _)) => begin(visit, provider, target, given.get("again").is_some()),
        Err(response) => Ok(response),
    }
}

/// Begins an attempt: each has a state of its own, so that ten at once do not disturb each other.
/// `again`: the provider is to ask, even if it knows the person already.
pub(crate) fn begin(
    visit: &Visit,
    provider: &str,
    target: Target,
    again: bool,
) -> Result<Response, Need> {
    let entrance = Entrance {
        application: target.application.as_deref(),
        provider: Some(provider),
        ..visit.entrance()
    };
    let admitted = admit(&entrance, visit.known)?;
    let admitted = match admitted {
        Ok(admitted) => admitted,
        Err(reason) => return refused(visit, reason, Some(provider), &target),
    };
    let Some(record) = admitted.provider else {
        return refused(visit, NotAdmitted::NoProvider, Some(provider), &target);
    };
    let browser = Browser::of(visit.request.headers, visit.here);
    let attempt = Attempt::begin(provider, &browser, target, visit.here);
    let url = match &record.protocol {
        Protocol::OneTimePin {} => {
            let page = one_time_pin::ask(visit, &attempt, 200, "", None);
            return Ok(browser.keep(page));
        }
        Protocol::Oidc(config) => {
            oidc::client::authorization_url(visit, record, config, &attempt, &browser, again)?
        }
        Protocol::Github(config) => {
            github::authorization_url(visit, config, &attempt, &browser, again)
        }
        Protocol::Saml(_) => {
            let event = visit.event(Action::Login, false, "SAML providers are not spoken with yet");
            let words = Words {
                status: 501,
                title: "This provider cannot be used yet",
                text: "It speaks SAML, which this version does not.",
                links: vec![other_ways(&attempt.target)],
            };
            return Ok(visit.refuse(words, event.provider(Some(record))));
        }
    };
    Ok(match url {
        Ok(url) => browser.keep(Response::redirect(url)),
        Err(error) => failed(visit, record, &attempt.target, &error),
    })
}
