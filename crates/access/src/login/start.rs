//! Off to a provider.

use edge_state::access::identity_provider::Protocol;
use edge_state::key::is_token;

use super::attempt::{Attempt, Browser, Target};
use super::refusal::{failed, refused};
use super::target;
use crate::admission::{Entrance, NotAdmitted, admit};
use crate::visit::Visit;
use crate::{Need, Response, github, oidc, one_time_pin, saml_provider};

/// `/access/start/{provider}?app=…&redirect_url=…`
pub(crate) fn answer(visit: &Visit, provider: &str) -> Result<Response, Need> {
    let given = visit.query();
    match target::find(visit, given.get("app"), &given)? {
        Ok((target, _)) if !is_token(provider) => {
            refused(visit, NotAdmitted::NoProvider, None, &target)
        }
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
        Protocol::Saml(config) => {
            let target = attempt.target.clone();
            let gone =
                saml_provider::start::answer(visit, record, config, attempt, &browser, again)?;
            return Ok(match gone {
                Ok(response) => browser.keep(response),
                Err(error) => failed(visit, record, &target, &error),
            });
        }
    };
    Ok(match url {
        Ok(url) => browser.keep(Response::redirect(url)),
        Err(error) => failed(visit, record, &attempt.target, &error),
    })
}
