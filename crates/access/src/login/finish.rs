//! Somebody is known: a session begins, policies are asked, and the way leads to the application.

use edge_state::access::call::{LoginEvent, SignIn, SignedIn};
use edge_state::access::policy::Decision;
use edge_state::access::{Identity, IdentityProviderRecord, Policy};

use super::approval::{self, Agreed};
use super::attempt::Target;
use super::offer;
use super::place::{Given, Place, path};
use super::refusal::refused;
use crate::admission::{NotAdmitted, admit};
use crate::event::{Action, Parties as _, nonce};
use crate::explain::Hint;
use crate::handover::{self, Handover, Meta};
use crate::need::Call;
use crate::policy::{Circumstances, Outcome, Subject, Verdict, evaluate};
use crate::token::{self, Bearer, ForApplication};
use crate::visit::{Session, Visit};
use crate::{Need, Response, session};

/// A provider said who it is. A session begins, whatever the application's policies say of it.
pub(crate) fn sign_in(
    visit: &Visit,
    record: &IdentityProviderRecord,
    target: &Target,
    identity: &Identity,
) -> Result<Response, Need> {
    sign_in_for(visit, record, target, identity, u64::MAX)
}

/// As [`sign_in`]; the provider lets the session last for so many seconds at most.
pub(crate) fn sign_in_for(
    visit: &Visit,
    record: &IdentityProviderRecord,
    target: &Target,
    identity: &Identity,
    at_most: u64,
) -> Result<Response, Need> {
    let event = |reason: &str| {
        visit.event(Action::Login, false, reason).provider(Some(record)).identity(Some(identity))
    };
    let provider = Some(record.id.as_str());
    let sign_in = SignIn {
        auth_domain: visit.home().clone(),
        identity: identity.clone(),
        session_seconds: visit.organization.session_seconds.min(at_most),
        nonce: nonce(visit.here.dice("session")), // A new one for every sign-in: none can be planted.
    };
    let live = match visit.known.call::<SignedIn>(Call::SignIn(Box::new(sign_in)))? {
        Ok(SignedIn::Session(record)) => session::open(&record, visit.organization, visit.here),
        Ok(SignedIn::Disabled) => {
            return Ok(refused(visit, NotAdmitted::UserOff, provider, target)?
                .with_event(event("the control plane says that the user is disabled")));
        }
        Ok(SignedIn::Refused) => {
            return Ok(refused(visit, NotAdmitted::ProviderOff, provider, target)?
                .with_event(event("the control plane refused the sign-in")));
        }
        Err(why) => return Ok(visit.unavailable(&why.0, target.login_url())),
    };
    let Some(live) = live else {
        let why = "the control plane's session cannot be read";
        return Ok(visit.unavailable(why, target.login_url()));
    };
    let bearer = Bearer::Person {
        nonce: &live.nonce,
        session_expires_at: live.expires_at,
        identity: &live.identity,
    };
    let country = visit.request.country;
    let issued = token::issue_global(visit.organization, bearer, country, visit.known, visit.here)?;
    let issued = match issued {
        Ok(issued) => issued,
        Err(why) => return Ok(visit.unavailable(&why.0, target.login_url())),
    };
    let cookies = visit.session_cookies(&live.nonce, &issued);
    let session = Session { live, issued_at: visit.now() };
    let mut response = proceed(visit, &session, target, &Given::default())?;
    if target.application.is_none() {
        // Where an application is the aim, its policies say what is logged.
        let event = visit.event(Action::Login, true, "signed in to the team domain");
        response = response.with_event(event.identity(Some(session.identity())));
    }
    response.headers.extend(cookies.map(|cookie| ("set-cookie", cookie)));
    Ok(response)
}

/// For so many seconds nobody is elsewhere.
const SAME_PLACE: i64 = 5 * 60;

/// Somebody is signed in: on to where they want to go, if they may.
pub(crate) fn proceed(
    visit: &Visit,
    session: &Session,
    target: &Target,
    given: &Given,
) -> Result<Response, Need> {
    let Some(id) = &target.application else { return Ok(Response::redirect(&target.url)) };
    let place = match Place::admitted(visit, session, target, id)? {
        Ok(place) => place,
        Err(response) => return Ok(response),
    };
    let Some(meta) = &target.meta else {
        // A bookmark, or the App Launcher: the application's host tells us of the browser first.
        return Ok(Response::redirect(&target.url));
    };
    match place.judged(given)? {
        Judged::In(entry) => place.hand_over(meta, &entry, given),
        Judged::Asked(response) | Judged::Denied(response) => Ok(response),
    }
}

/// What policies and others say of somebody.
pub(crate) enum Judged {
    /// They come in.
    In(Box<Entry>),
    /// There is something to say or to wait for first: a page.
    Asked(Response),
    /// They stay out: a page, or where the operator leads them.
    Denied(Response),
}

/// How somebody comes in.
pub(crate) struct Entry {
    pub(crate) policy: Policy,
    pub(crate) verdict: Verdict,
    /// For so long, in seconds, where policy or approval say so.
    pub(crate) seconds: Option<u64>,
}

/// What the application's policies say.
pub(crate) fn judge(
    visit: &Visit,
    identity: &Identity,
    policies: &[Policy],
    target: &Target,
) -> Result<Verdict, Need> {
    let subject = Subject { identity: Some(identity), ..Subject::default() };
    // As the application's host saw them, which weighs every request again: the team domain asks for
    // no certificate, and may be reached over another family of addresses.
    let meta = target.meta.as_ref();
    let mut circumstances = Circumstances {
        ip: visit.request.ip,
        country: visit.request.country,
        certificate: meta.and_then(|meta| meta.certificate.as_ref()),
    };
    if let Some(meta) = meta.filter(|meta| visit.now() - meta.at < SAME_PLACE) {
        circumstances.ip = meta.ip.or(circumstances.ip);
        circumstances.country = meta.country.as_deref().or(circumstances.country);
    }
    evaluate(policies, &subject, &circumstances, visit.known, visit.here, visit.organization)
}

impl<'p, 'a> Place<'p, 'a> {
    /// Before the door of the application of this id, if it is on for this session.
    pub(crate) fn admitted(
        visit: &'p Visit<'a>,
        session: &'p Session,
        target: &'p Target,
        id: &str,
    ) -> Result<Result<Self, Response>, Need> {
        let identity = session.identity();
        let provider = Some(identity.idp.id.as_str());
        let entrance = visit.entrance_of(session, id);
        Ok(match admit(&entrance, visit.known)?.map(|admitted| admitted.application) {
            Ok(Some(application)) => Ok(Self { visit, session, target, application }),
            Ok(None) => Err(refused(visit, NotAdmitted::NoApplication, provider, target)?),
            // The session is older than the application's revocation: it has to begin anew.
            Err(reason @ NotAdmitted::ApplicationRevoked) => {
                let application = visit.known.records.application(id)?;
                let notice = "Sessions of this application were ended. Please sign in again.";
                let event = visit.event(Action::Login, false, reason.to_string());
                let event = event.application(application).identity(Some(identity));
                let page = offer::page(visit, target, application, Some(notice), false);
                Err(page.with_event(event))
            }
            Err(reason) => Err(refused(visit, reason, provider, target)?),
        })
    }

    /// What the application's policies say of the person, and those who have to agree.
    pub(crate) fn judged(&self, given: &Given) -> Result<Judged, Need> {
        // Whom bypass and service policies let in, the gate does not send here. That a visitor looks
        // otherwise from here (IPv4 there, IPv6 here) must not send them round in circles.
        let about_people =
            |policy: &&Policy| matches!(policy.decision, Decision::Allow | Decision::Deny);
        let policies: Vec<Policy> =
            self.application.policies.iter().filter(about_people).cloned().collect();
        let verdict = judge(self.visit, self.session.identity(), &policies, self.target)?;
        let by = verdict.outcome.policy().and_then(|at| policies.get(at));
        let (Outcome::Allow { .. }, Some(policy)) = (verdict.outcome, by) else {
            return Ok(Judged::Denied(self.denied(&verdict, by)));
        };
        let mut seconds = policy.session_seconds;
        if policy.approval_required {
            match approval::ask(self, policy, given)? {
                Agreed::Until(until) => {
                    let left = u64::try_from(until - self.visit.now()).unwrap_or(0);
                    seconds = Some(seconds.unwrap_or(self.application.session_seconds).min(left));
                }
                Agreed::NotYet(response) => return Ok(Judged::Asked(response)),
            }
        } else if policy.justification_required && given.justification.is_none() {
            return Ok(Judged::Asked(approval::justify(self, policy, None)));
        }
        Ok(Judged::In(Box::new(Entry { policy: policy.clone(), verdict, seconds })))
    }

    fn hand_over(&self, meta: &Meta, entry: &Entry, given: &Given) -> Result<Response, Need> {
        let (visit, target, policy) = (self.visit, self.target, &entry.policy);
        let live = &self.session.live;
        let issued = token::issue_application(
            &ForApplication {
                application: self.application,
                bearer: Bearer::Person {
                    nonce: &live.nonce,
                    session_expires_at: live.expires_at,
                    identity: &live.identity,
                },
                policy_id: Some(&policy.id),
                seconds: entry.seconds,
                country: visit.request.country,
            },
            visit.known,
            visit.here,
        )?;
        let issued = match issued {
            Ok(issued) => issued,
            Err(why) => return Ok(visit.unavailable(&why.0, target.login_url())),
        };
        let path = path(&target.url);
        let handover = Handover {
            id: nonce(visit.here.dice("handover")),
            auth_domain: visit.home().clone(),
            application_id: self.application.id.clone(),
            nonce: live.nonce.clone(),
            session_expires_at: live.expires_at,
            token: issued.token,
            token_expires_at: issued.expires_at,
            binding: meta.binding.clone(),
            target: path,
            hops: meta.hops,
            until: visit.now() + handover::LIFETIME,
        };
        let code = handover::seal(&handover, &meta.host, visit.here);
        let event = self.entered(entry, given);
        let url = format!("{}/.access/authorized?code={code}", visit.here.origin(&meta.host));
        Ok(Response::redirect(url).with_event(event))
    }

    /// The line of the log: they came in.
    pub(crate) fn entered(&self, entry: &Entry, given: &Given) -> LoginEvent {
        let mut event = self
            .visit
            .event(Action::Login, true, entry.verdict.reason())
            .application(Some(self.application))
            .identity(Some(self.session.identity()))
            .policy(Some(&entry.policy.id));
        event.justification.clone_from(&given.justification);
        event
    }

    fn denied(&self, verdict: &Verdict, by: Option<&Policy>) -> Response {
        let hints: Vec<&str> = verdict.hints().into_iter().map(Hint::words).collect();
        self.deny(&verdict.reason(), by.map(|policy| policy.id.as_str()), &hints.join(" "))
    }
}
