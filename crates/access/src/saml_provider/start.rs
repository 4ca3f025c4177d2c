//! Off to a SAML provider.

use edge_state::access::IdentityProviderRecord;
use edge_state::access::saml::SamlConfig;
use saml::authn_request::NameIdPolicy;
use saml::binding::{Departure, HTTP_POST};
use saml::key::fresh_id;
use saml::service_provider::{AskError, Asked, Question};

use super::{key_record, moment, peer, resting, us};
use crate::login::attempt::{Attempt, Browser};
use crate::login::identity::ProviderError;
use crate::page::departure;
use crate::saml::keys::Keys;
use crate::visit::Visit;
use crate::{Need, Response};

/// Sends the browser off with a request. `again`: the provider is to ask, whomever it knows.
pub(crate) fn answer(
    visit: &Visit,
    record: &IdentityProviderRecord,
    config: &SamlConfig,
    mut attempt: Attempt,
    browser: &Browser,
    again: bool,
) -> Result<Result<Response, ProviderError>, Need> {
    attempt.force = again || config.force_authn;
    let departure = match ask(visit, record, config, &attempt, browser)? {
        Ok(departure) => departure,
        Err(error) => return Ok(Err(error)),
    };
    let response = match &departure {
        Departure::Redirect(address) => Response::redirect(address),
        Departure::Post(form) => departure::render(&departure::View {
            frame: visit.frame(),
            lead: "You are being taken to your provider.",
            form,
        }),
    };
    Ok(Ok(resting::keep(visit, &mut attempt, response)))
}

fn ask(
    visit: &Visit,
    record: &IdentityProviderRecord,
    config: &SamlConfig,
    attempt: &Attempt,
    browser: &Browser,
) -> Result<Result<Departure, ProviderError>, Need> {
    let keys = Keys::new(visit.known);
    let held = if config.sign_request { key_record(visit, &record.id)? } else { None };
    let signer = held.and_then(|held| keys.signer(held));
    let policy = config.name_id_format.clone().map(|format| NameIdPolicy {
        format: Some(format),
        sp_name_qualifier: None,
        allow_create: true,
    });
    let question =
        Question { force_authn: attempt.force, name_id_policy: policy, ..Question::default() };
    let us = us(visit, &record.id);
    let mut peer = peer(config);
    let longest = config.max_sso_url_length.map_or(usize::MAX, |limit| limit as usize);
    loop {
        let mut dice = dice(browser, attempt);
        let (state, now) = (Some(attempt.id.as_str()), moment(visit.here));
        let asking = us.ask(&peer, &question, state, signer.as_ref(), &mut dice, now);
        let departure = match keys.drive(asking)? {
            Ok(Asked { departure, .. }) => departure,
            Err(AskError::Unsigned) => return Ok(Err(ProviderError::Incomplete("signing key"))),
            Err(error) => return Ok(Err(ProviderError::NotAsked(error))),
        };
        let services = &mut peer.single_sign_on_services;
        match &departure {
            // What is too long for an address is posted, if that is to be had.
            Departure::Redirect(address)
                if address.len() > longest
                    && services.iter().any(|service| service.binding == HTTP_POST) =>
            {
                services.retain(|service| service.binding == HTTP_POST);
            }
            _ => return Ok(Ok(departure)),
        }
    }
}

/// The ID of the attempt's request.
pub(super) fn request_id(browser: &Browser, attempt: &Attempt) -> String {
    fresh_id(&mut dice(browser, attempt))
}

/// The ID is the only thing that is thrown for: it comes out of what the browser alone knows.
fn dice(browser: &Browser, attempt: &Attempt) -> impl FnMut(&mut [u8]) + use<> {
    let secret = browser.request_id(attempt);
    move |bytes| {
        for (byte, secret) in bytes.iter_mut().zip(secret) {
            *byte = secret;
        }
    }
}
