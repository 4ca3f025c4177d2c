//! What a SAML provider sends to `/access/callback/{provider}`.

use edge_state::access::IdentityProviderRecord;
use edge_state::access::identity_provider::Protocol;
use edge_state::access::saml::SamlConfig;
use http::Method;
use saml::binding::{BindingError, Incoming, Kind, post, redirect as by_redirect};
use saml::service_provider::{Expectation, Login, ResponseError};
use std::time::{Duration, UNIX_EPOCH};

use super::start::request_id;
use super::{
    declined, key_record, logged_out, logout, moment, peer, resting, said, seconds, us_as_asked,
};
use crate::admission::{Entrance, NotAdmitted, admit};
use crate::encoding::{Form, query};
use crate::login::attempt::{Attempt, Browser, Target};
use crate::login::finish;
use crate::login::identity::ProviderError;
use crate::login::refusal::{failed, refused};
use crate::login::returning::{lacks_cookies, onward, post_again, refuse, spend, unfit};
use crate::login::target::{self, home};
use crate::saml::keys::Keys;
use crate::visit::Visit;
use crate::{Need, Response, redirect};

/// Reads a message. Whatever is wrong with it, it signs nobody in and is logged with a reason of its
/// own.
pub(crate) fn answer(visit: &Visit, provider: &str, given: &Form) -> Result<Response, Need> {
    if Browser::find(visit.request.headers).is_none() && lacks_cookies(visit, given) {
        return Ok(post_again(visit, given));
    }
    let incoming = match decode(visit) {
        Ok(incoming) => incoming,
        Err(error) => return Ok(refuse(visit, &error.to_string(), vec![home()])),
    };
    match incoming.kind() {
        Kind::Request => logged_out::request(visit, provider, &incoming),
        Kind::Response if incoming.name() == "LogoutResponse" => {
            logout::answered(visit, provider, &incoming)
        }
        // Profiles §4.1.2: a response is too long for an address, and must not be in one.
        Kind::Response if visit.request.method == Method::POST => {
            response(visit, provider, &incoming)
        }
        Kind::Response => Ok(refuse(visit, "a response comes by POST alone", vec![home()])),
    }
}

/// Our own address, after all applications were led through: the provider is answered.
pub(crate) fn resumed(visit: &Visit, provider: &str, given: &Form) -> Result<Response, Need> {
    let sealed = given.get("answer").unwrap_or_default();
    logged_out::resumed(visit, provider, sealed, given.get("partial").is_some())
}

/// The message, as it came.
fn decode(visit: &Visit) -> Result<Incoming, BindingError> {
    if visit.request.method == Method::POST {
        post::decode(visit.request.form.unwrap_or_default())
    } else {
        by_redirect::decode(visit.request.query.unwrap_or_default())
    }
}

/// Who answers, and to what.
struct Answered<'a> {
    visit: &'a Visit<'a>,
    record: &'a IdentityProviderRecord,
    config: &'a SamlConfig,
    incoming: &'a Incoming,
}

fn response(visit: &Visit, provider: &str, incoming: &Incoming) -> Result<Response, Need> {
    let browser = Browser::find(visit.request.headers);
    let resting = incoming.relay_state().and_then(|id| resting::find(visit, id));
    let asked = match (resting, browser) {
        (Some(attempt), _) if attempt.provider != provider => {
            return Ok(unfit(visit, &attempt, "mix-up: the attempt belongs to another provider"));
        }
        (Some(attempt), Some(browser)) if attempt.is_of(&browser) => Some((attempt, browser)),
        (Some(attempt), _) => {
            return Ok(unfit(visit, &attempt, "the attempt belongs to another browser"));
        }
        (None, _) => None,
    };
    let target = asked.as_ref().map(|(attempt, _)| &attempt.target);
    if let Some((attempt, _)) = asked.as_ref().filter(|(a, _)| a.is_over(visit.now())) {
        return onward(visit, &attempt.target, "the attempt is too old");
    }
    let entrance = Entrance {
        application: target.and_then(|target| target.application.as_deref()),
        provider: Some(provider),
        ..visit.entrance()
    };
    let record = match admit(&entrance, visit.known)?.map(|admitted| admitted.provider) {
        Ok(Some(record)) => Ok(record),
        Ok(None) => Err(NotAdmitted::NoProvider),
        Err(reason) => Err(reason),
    };
    let record = match record {
        Ok(record) => record,
        Err(reason) => {
            let target = target.cloned().unwrap_or_else(|| launcher(visit));
            return refused(visit, reason, Some(provider), &target);
        }
    };
    let Protocol::Saml(config) = &record.protocol else {
        return Ok(refuse(visit, "mix-up: this provider does not speak SAML", vec![home()]));
    };
    let answered = Answered { visit, record, config, incoming };
    match asked {
        Some((attempt, browser)) => answered.asked(&attempt, &browser),
        None if config.allow_unsolicited => answered.unasked(),
        None => {
            let reason = "nobody asked for this response: no attempt of this browser waits for it";
            let mut response = refuse(visit, reason, vec![home()]);
            for event in &mut response.events {
                event.identity_provider_id = Some(record.id.clone());
            }
            Ok(response)
        }
    }
}

impl Answered<'_> {
    /// The answer to a request that this browser was sent off with.
    fn asked(&self, attempt: &Attempt, browser: &Browser) -> Result<Response, Need> {
        let (visit, target) = (self.visit, &attempt.target);
        let id = request_id(browser, attempt);
        let began = u64::try_from(attempt.at).unwrap_or(0);
        let expectation = Expectation {
            in_response_to: Some(&id),
            authenticated_since: attempt.force.then(|| UNIX_EPOCH + Duration::from_secs(began)),
        };
        let login = match self.read(&expectation)? {
            Ok(login) => login,
            Err(error) => return Ok(self.not_believed(target, error)),
        };
        let token = format!("attempt:{}", attempt.id);
        if let Err(response) = spend(visit, target, token, attempt.until())? {
            return Ok(response);
        }
        let since = attempt.force.then_some(attempt.at);
        let response = self.sign_in(&login, target, since)?;
        Ok(resting::let_go(visit, attempt, response))
    }

    /// What the provider began by itself. Where it leads is the provider's to say, within the
    /// organisation.
    fn unasked(&self) -> Result<Response, Need> {
        let visit = self.visit;
        let login = match self.read(&Expectation::default())? {
            Ok(login) => login,
            Err(error) => return Ok(self.not_believed(&launcher(visit), error)),
        };
        let (target, events) = match led_to(visit, self.incoming.relay_state())? {
            Ok(target) => (target, Vec::new()),
            Err(refused) => (launcher(visit), refused.events),
        };
        let mut response = self.sign_in(&login, &target, None)?;
        response.events.extend(events);
        Ok(response)
    }

    fn read(&self, expectation: &Expectation) -> Result<Result<Login, ResponseError>, Need> {
        let (visit, id) = (self.visit, &self.record.id);
        let keys = Keys::new(visit.known);
        let held = key_record(visit, id)?;
        let decrypters = held.map(|held| keys.decrypters(held)).unwrap_or_default();
        let (us, peer) = (us_as_asked(visit, id), peer(self.config));
        let now = moment(visit.here);
        let reading = us.read_response(self.incoming, &peer, expectation, &decrypters, &keys, now);
        Ok(keys.drive(reading)?.map(saml::signature::Verified::into_inner))
    }

    fn not_believed(&self, target: &Target, error: ResponseError) -> Response {
        match error {
            ResponseError::Status(status) => {
                declined::page(self.visit, self.record, target, &status)
            }
            error => {
                let error = ProviderError::Response(Box::new(error));
                failed(self.visit, self.record, target, &error)
            }
        }
    }

    /// The assertion counts once, at whatever point of presence and whoever began.
    fn sign_in(
        &self,
        login: &Login,
        target: &Target,
        since: Option<i64>,
    ) -> Result<Response, Need> {
        let (visit, record) = (self.visit, self.record);
        let token = format!("saml:{}", login.once.key);
        if let Err(response) = spend(visit, target, token, seconds(login.once.until) + 1)? {
            return Ok(response);
        }
        match said::identity(visit, record, self.config, login, since) {
            Ok(identity) => {
                finish::sign_in_for(visit, record, target, &identity, said::lasts(visit, login))
            }
            Err(error) => Ok(failed(visit, record, target, &error)),
        }
    }
}

/// The App Launcher.
fn launcher(visit: &Visit) -> Target {
    Target { application: None, url: format!("{}/", visit.origin()), meta: None }
}

/// Where `RelayState` leads, if it is an address of this organisation; else a page that says why
/// not.
fn led_to(visit: &Visit, state: Option<&str>) -> Result<Result<Target, Response>, Need> {
    let url =
        state.and_then(|state| redirect::parse(Some(state), &visit.origin(), visit.here).ok());
    let host = url.as_ref().and_then(redirect::host).filter(|_| state != Some(""));
    let (Some(state), Some(host)) = (state, host) else { return Ok(Ok(launcher(visit))) };
    let given = Form::parse(Some(&query([("redirect_url", state)])));
    let segment = Some(host.as_str()).filter(|host| *host != visit.home().as_str());
    Ok(target::find(visit, segment, &given)?.map(|(target, _)| target))
}
