//! Before a self-hosted application: who may pass, with which headers, and what the others are told.
//!
//! Policies are weighed with every request. A token that has run out is replaced in passing while
//! its session lives, whatever kind of request it is: nobody is sent anywhere, no form is lost.

mod answer;
mod attributes;
mod machine;
mod own;
mod person;

use std::borrow::Cow;

use edge_state::access::call::LoginEvent;
use edge_state::access::{ApplicationRecord, OrganizationRecord, Policy};
use edge_state::key::is_given_client_id;

use crate::admission::{Entrance, admit};
use crate::classify::{Kind, classify};
use crate::cookie::{APPLICATION_SESSION, AUTHORIZATION, BINDING};
use crate::cors::{self, Preflight};
use crate::door::{self, Doors};
use crate::event::{self, Action, Parties as _};
use crate::policy::{self, Circumstances, Outcome, Subject, Verdict};
use crate::token::{Bearer, ForApplication, issue_application};
use crate::{Here, Known, Need, Request, Response, cookie};

use machine::Machine;
use person::{Person, Proof, Shown};

/// What the gate says to a request.
#[derive(Clone, Debug, PartialEq)]
pub enum Gate {
    /// No application stands before this path.
    Unguarded {
        /// Headers to take away from what the visitor sent, lower case: where applications stand
        /// before other paths of the hostname, its origin believes what these say.
        remove: Vec<String>,
    },
    /// The origin may answer.
    Open(Passage),
    /// We answer.
    Answer(Response),
}

/// A request that may pass, and what changes about it.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Passage {
    /// Whose origin it is.
    pub application_id: String,
    /// Headers to take away from what the visitor sent, lower case.
    pub remove: Vec<String>,
    /// Headers to the origin.
    pub set: Vec<(Cow<'static, str>, String)>,
    /// Headers to append to what the origin answers.
    pub response_headers: Vec<(&'static str, String)>,
    /// For the login log.
    pub events: Vec<LoginEvent>,
}

/// One application before one request.
#[derive(Clone, Copy)]
pub(crate) struct Case<'a> {
    pub(crate) request: &'a Request<'a>,
    pub(crate) known: &'a Known,
    pub(crate) here: &'a Here<'a>,
    pub(crate) kind: Kind,
    pub(crate) organization: &'a OrganizationRecord,
    pub(crate) application: &'a ApplicationRecord,
}

/// What the gate of this hostname says.
///
/// # Errors
/// [`Need`]
pub fn check(request: &Request, known: &Known, here: &Here) -> Result<Gate, Need> {
    let applications = match door::find(request.host, request.owner, request.path, known)? {
        Doors::None => return Ok(Gate::Unguarded { remove: Vec::new() }),
        _ if own::is_own(request.path) => {
            return own::answer(request, known, here).map(Gate::Answer);
        }
        Doors::Beside => {
            return Ok(Gate::Unguarded { remove: attributes::beside(request, known)? });
        }
        Doors::Unreadable => return Ok(Gate::Answer(answer::unreadable(request))),
        Doors::Applications(applications) => applications,
    };
    let mut passage: Option<Passage> = None;
    for id in &applications {
        let case = match open_case(id, request, known, here)? {
            Ok(case) => case,
            Err(response) => return Ok(Gate::Answer(*response)),
        };
        match case.judge(passage.is_none())? {
            Err(response) => return Ok(Gate::Answer(*response)),
            // The other applications that a path may be read as agree: the first one's token goes on.
            Ok(more) => match &mut passage {
                None => passage = Some(more),
                Some(passage) => passage.events.extend(more.events),
            },
        }
    }
    Ok(passage.map_or_else(|| Gate::Unguarded { remove: Vec::new() }, Gate::Open))
}

/// Whether an application stands before this request, so that it must come over HTTPS.
///
/// # Errors
/// [`Need`]
pub fn guards(request: &Request, known: &Known) -> Result<bool, Need> {
    Ok(match door::find(request.host, request.owner, request.path, known)? {
        Doors::None => false,
        Doors::Beside => own::is_own(request.path),
        Doors::Applications(_) | Doors::Unreadable => true,
    })
}

/// The parties of an entrance, all of them there and on; else our answer.
fn open_case<'a>(
    application_id: &str,
    request: &'a Request<'a>,
    known: &'a Known,
    here: &'a Here<'a>,
) -> Result<Result<Case<'a>, Box<Response>>, Need> {
    let Some(application) = known.records.application(application_id)? else {
        return Ok(Err(Box::new(answer::unavailable(request, None))));
    };
    let entrance = Entrance {
        auth_domain: &application.auth_domain,
        application: Some(application_id),
        provider: None,
        user: None,
        issued_at: None,
        service_token: None,
        now: here.now(),
    };
    Ok(match admit(&entrance, known)? {
        Ok(admitted) => {
            let kind = classify(request);
            let organization = admitted.organization;
            Ok(Case { request, known, here, kind, organization, application })
        }
        Err(refused) => {
            let auth_domain = &application.auth_domain;
            let reason = refused.to_string();
            let event = event::event(request, here, auth_domain, Action::Login, false, reason);
            let event = event.application(Some(application));
            Err(Box::new(answer::unavailable(request, Some(event))))
        }
    })
}

/// A passage, or our answer.
type Judged = Result<Passage, Box<Response>>;

impl Case<'_> {
    /// Weighs the application's policies. Only the application of the path as it was sent renews
    /// tokens: a browser keeps one cookie of the name.
    fn judge(&self, is_first: bool) -> Result<Judged, Need> {
        match cors::preflight(self.request, self.application) {
            Some(Preflight::Pass) => return Ok(Ok(self.passage(None))),
            Some(Preflight::Answer(response)) => return Ok(Err(response)),
            None => {}
        }
        let machine = self.machine()?;
        // `strict_service_token_auth`: a service token that is sent decides alone.
        let strict = self.organization.strict_service_token_auth && machine.was_sent();
        let shown = if strict { Shown::Nobody } else { self.shown()? };
        let linked = self.linked_applications()?;
        let by_cookie = match &shown {
            Shown::Machine { record, .. } => Some(*record),
            _ => None,
        };
        let subject = Subject {
            identity: shown.person().map(|person| &person.live.identity),
            service_token: machine.record().or(by_cookie),
            linked_app_tokens: &linked,
        };
        let (verdict, anew) = self.weigh(&subject, shown.person())?;
        match verdict.outcome {
            Outcome::Bypass { .. } => {
                let mut passage = self.passage(None);
                passage.events.push(self.decided(Action::Bypass, true, &verdict));
                Ok(Ok(passage))
            }
            Outcome::Service { policy } => {
                self.let_machine_in(&machine, &shown, policy, &verdict, strict)
            }
            Outcome::Allow { policy } => match shown.person() {
                Some(person) => self.let_person_in(person, policy, &verdict, anew, is_first),
                // Nobody without an identity is allowed: there is no such outcome.
                None => Ok(Err(Box::new(self.ask_to_sign_in(None)))),
            },
            Outcome::SignIn | Outcome::Deny { .. } => {
                Ok(Err(Box::new(self.keep_out(&machine, &shown, &verdict, strict))))
            }
        }
    }

    /// What the policies say, and whether services that evaluate were asked for it: they are when a
    /// token is made, and not with every request.
    fn weigh(&self, subject: &Subject, person: Option<&Person>) -> Result<(Verdict, bool), Need> {
        let circumstances = Circumstances {
            ip: self.request.ip,
            country: self.request.country,
            certificate: self.request.certificate,
        };
        let policies = &self.application.policies;
        let (known, here, organization) = (self.known, self.here, self.organization);
        if let Some(Proof::Token { policy_id, .. }) = person.map(|person| &person.proof) {
            let by = policy_id.as_deref();
            let verdict = policy::evaluate_again(
                policies,
                subject,
                &circumstances,
                known,
                here,
                organization,
                by,
            )?;
            if verdict.outcome != Outcome::SignIn {
                return Ok((verdict, false));
            }
        }
        let verdict =
            policy::evaluate(policies, subject, &circumstances, known, here, organization)?;
        Ok((verdict, true))
    }

    fn let_person_in(
        &self,
        person: &Person,
        policy: usize,
        verdict: &Verdict,
        anew: bool,
        is_first: bool,
    ) -> Result<Judged, Need> {
        let Some(policy) = self.application.policies.get(policy) else {
            return Ok(Err(Box::new(self.ask_to_sign_in(None))));
        };
        let mut renewed = None;
        let admitted_by_it = match &person.proof {
            Proof::Token { policy_id, .. } => policy_id.as_deref() == Some(&policy.id),
            Proof::Credential => false,
        };
        if asks_first(policy) && !admitted_by_it {
            return Ok(Err(Box::new(self.ask_to_sign_in(None))));
        }
        let token = match &person.proof {
            Proof::Token { text, .. } if !anew => text.clone(),
            _ if !is_first => return Ok(Ok(self.passage(None))),
            _ => {
                let issued = issue_application(
                    &ForApplication {
                        application: self.application,
                        bearer: person.bearer(),
                        policy_id: Some(&policy.id),
                        seconds: policy.session_seconds,
                        country: self.request.country,
                    },
                    self.known,
                    self.here,
                )?;
                match issued {
                    Ok(issued) => renewed.insert(issued).token.clone(),
                    Err(why) => return Ok(Err(Box::new(self.unavailable(&why.to_string())))),
                }
            }
        };
        let mut passage = self.passage(Some(&token));
        let email = &person.live.identity.email;
        if email.bytes().all(|b| b.is_ascii_graphic()) {
            passage.set.push(("cf-access-authenticated-user-email".into(), email.clone()));
        }
        attributes::tell(&mut passage, self.request.headers, &person.live.identity);
        if let Some(issued) = renewed {
            let mut event = self.decided(Action::Login, true, verdict);
            event.reason = format!("renewed: {}", event.reason);
            passage.events.push(event.identity(Some(&person.live.identity)));
            for cookie in self.token_cookies(&issued, &person.live.nonce) {
                passage.response_headers.push(("set-cookie", cookie));
            }
        }
        Ok(Ok(passage))
    }

    fn let_machine_in(
        &self,
        machine: &Machine,
        shown: &Shown,
        policy: usize,
        verdict: &Verdict,
        strict: bool,
    ) -> Result<Judged, Need> {
        if let (Shown::Machine { text, .. }, None) = (shown, machine.record()) {
            return Ok(Ok(self.passage(Some(text))));
        }
        let policy = self.application.policies.get(policy);
        let by_certificate = self.request.certificate.and_then(|c| c.common_name.as_deref());
        // A token with that name would be taken for the service token's.
        let by_certificate = by_certificate.filter(|name| !is_given_client_id(name));
        let name = machine.record().map(|record| record.client_id.as_str()).or(by_certificate);
        let issued = issue_application(
            &ForApplication {
                application: self.application,
                bearer: Bearer::Service { common_name: name.unwrap_or_default() },
                policy_id: policy.map(|policy| policy.id.as_str()),
                seconds: policy.and_then(|policy| policy.session_seconds),
                country: None,
            },
            self.known,
            self.here,
        )?;
        let issued = match issued {
            Ok(issued) => issued,
            Err(why) => return Ok(Err(Box::new(self.unavailable(&why.to_string())))),
        };
        let mut passage = self.passage(Some(&issued.token));
        if machine.record().is_some() && !strict {
            passage.response_headers.push(("set-cookie", self.token_cookie(&issued)));
        }
        let mut event = self.decided(Action::ServiceAuth, true, verdict);
        event.non_identity = name.map(str::to_owned);
        passage.events.push(event);
        Ok(Ok(passage))
    }

    fn keep_out(
        &self,
        machine: &Machine,
        shown: &Shown,
        verdict: &Verdict,
        strict: bool,
    ) -> Response {
        let wants_machines = self.application.service_auth_401
            && self.application.policies.iter().any(is_for_machines);
        if let (Machine::Refused(why), true) = (machine, strict) {
            return self.unauthorized(Some(why));
        }
        let why = machine.refused().or(shown.refused());
        if machine.record().is_some() && (strict || verdict.outcome != Outcome::SignIn) {
            return self.deny(verdict, None, self.denied(machine, shown, verdict));
        }
        match (verdict.outcome, shown.person()) {
            (Outcome::SignIn, _) | (Outcome::Deny { policy: None }, None) if wants_machines => {
                self.unauthorized(why)
            }
            (Outcome::SignIn, _) => self.ask_to_sign_in(why),
            (_, person) => {
                let identity = person.map(|person| &person.live.identity);
                self.deny(verdict, identity, self.denied(machine, shown, verdict))
            }
        }
    }

    /// What the log says of somebody who was denied, also of what they showed in vain.
    fn denied(&self, machine: &Machine, shown: &Shown, verdict: &Verdict) -> LoginEvent {
        let action = if machine.was_sent() { Action::ServiceAuth } else { Action::Login };
        let mut event = self.decided(action, false, verdict);
        if let Some(why) = machine.refused().or(shown.refused()) {
            event.reason = format!("{}; {why}", event.reason);
        }
        event.non_identity = machine.record().map(|record| record.client_id.clone());
        event.identity(shown.person().map(|person| &person.live.identity))
    }

    /// What changes about a request that may pass, with the token that lets it.
    fn passage(&self, token: Option<&str>) -> Passage {
        let mut passage =
            Passage { application_id: self.application.id.clone(), ..Passage::default() };
        let headers = self.request.headers;
        if headers.contains_key(http::header::COOKIE) {
            let mut ours = vec![APPLICATION_SESSION, BINDING];
            let authorization = token.map(|token| {
                ours.push(AUTHORIZATION);
                format!("{AUTHORIZATION}={token}")
            });
            let others = cookie::without(headers, &ours);
            // The token that counts is the only one that the origin sees.
            let cookies: Vec<_> = others.into_iter().chain(authorization).collect();
            if cookies.is_empty() {
                passage.remove.push("cookie".to_owned());
            } else {
                passage.set.push(("cookie".into(), cookies.join("; ")));
            }
        }
        if let Some(name) = self.secret_header() {
            passage.remove.push(name);
        }
        attributes::strip(&mut passage, headers, self.organization);
        if let Some(token) = token {
            passage.set.push(("cf-access-jwt-assertion".into(), token.to_owned()));
        }
        passage
    }

    fn event(&self, action: Action, allowed: bool, reason: impl Into<String>) -> LoginEvent {
        let auth_domain = &self.organization.auth_domain;
        event::event(self.request, self.here, auth_domain, action, allowed, reason)
            .application(Some(self.application))
    }

    fn decided(&self, action: Action, allowed: bool, verdict: &Verdict) -> LoginEvent {
        let policy = verdict.outcome.policy().and_then(|at| self.application.policies.get(at));
        let event = self.event(action, allowed, verdict.reason());
        event.policy(policy.map(|policy| policy.id.as_str()))
    }
}

/// Whether a policy wants words from the person, or from others, before it lets somebody in.
fn asks_first(policy: &Policy) -> bool {
    policy.justification_required || policy.approval_required
}

fn is_for_machines(policy: &Policy) -> bool {
    policy.decision == edge_state::access::policy::Decision::NonIdentity
}

#[cfg(test)]
mod tests;
