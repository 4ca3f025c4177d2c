//! A word of justification, and others who agree.

use edge_state::access::Policy;
use edge_state::access::call::{ApprovalState, AskApproval, DecideApproval, FindApproval};
use edge_state::key::is_token;
use http::Method;
use sha2::{Digest as _, Sha256};

use super::attempt::Target;
use super::place::{Given, Place};
use super::refusal::foreign;
use super::target::home;
use crate::event::{Action, nonce, uuid};
use crate::known::Unanswered;
use crate::need::Call;
use crate::page::{Link, approval as page, justify as form, message};
use crate::visit::{Visit, Words};
use crate::{Need, Response, csrf};

/// Whether others agreed.
pub(crate) enum Agreed {
    /// They did, for so long: seconds since 1970.
    Until(i64),
    /// A page that asks, waits, or says no.
    NotYet(Response),
}

/// The longest time that can be asked for, in seconds.
const MAX_SECONDS: u64 = 24 * 60 * 60;

/// Asks those who have to agree, once the person has said why.
pub(crate) fn ask(place: &Place, policy: &Policy, given: &Given) -> Result<Agreed, Need> {
    let visit = place.visit;
    let identity = place.session.identity();
    let find = FindApproval {
        auth_domain: visit.home().clone(),
        application_id: place.application.id.clone(),
        policy_id: policy.id.clone(),
        user_id: identity.user_id.clone(),
    };
    let mut state = visit.known.call::<ApprovalState>(Call::FindApproval(find))?;
    let none = |state: &Result<ApprovalState, Unanswered>| match state {
        Ok(ApprovalState::Unknown | ApprovalState::Refused) => true,
        Ok(ApprovalState::Approved { until }) => *until <= visit.now(),
        _ => false,
    };
    let may_ask = none(&state);
    if let (true, Some(justification), Some(asked)) = (may_ask, &given.justification, &given.form) {
        // The same form asks once, however often it is sent; nobody else can name this request.
        let id = Sha256::new_with_prefix(&place.session.live.nonce);
        let id = id.chain_update(&policy.id).chain_update(&place.application.id);
        let ask = AskApproval {
            auth_domain: visit.home().clone(),
            id: uuid(id.chain_update(asked).finalize().into()),
            application_id: place.application.id.clone(),
            policy_id: policy.id.clone(),
            user_id: identity.user_id.clone(),
            email: identity.email.clone(),
            justification: justification.clone(),
            seconds: given.seconds.clamp(60, MAX_SECONDS),
        };
        state = visit.known.call::<ApprovalState>(Call::AskApproval(ask))?;
    }
    Ok(match state {
        Ok(ApprovalState::Approved { until }) if until > visit.now() => Agreed::Until(until),
        Ok(ApprovalState::Pending { id, .. }) => Agreed::NotYet(page::wait(&page::Wait {
            frame: visit.frame(),
            application: &place.application.name,
            decide: format!("{}/access/approvals/{id}", visit.origin()),
            again: again(visit, place.target),
        })),
        Ok(ApprovalState::Refused) => {
            let error = "Your last request was refused. You may ask again.";
            Agreed::NotYet(justify(place, policy, Some(error)))
        }
        Ok(ApprovalState::Unknown | ApprovalState::Approved { .. }) => {
            Agreed::NotYet(justify(place, policy, None))
        }
        Err(why) => Agreed::NotYet(visit.unavailable(&why.0, place.target.login_url())),
    })
}

/// Asks why.
pub(crate) fn justify(place: &Place, policy: &Policy, error: Option<&str>) -> Response {
    let visit = place.visit;
    let target = place.target;
    let mut fields = vec![
        ("redirect_url", target.url.clone()),
        ("form", nonce(visit.here.dice("justification"))),
    ];
    fields.extend(target.meta.as_ref().map(|meta| ("meta", meta.seal(visit.home(), visit.here))));
    form::render(&form::View {
        frame: visit.frame(),
        application: &place.application.name,
        prompt: policy.justification_prompt.as_deref(),
        action: &place.action(),
        fields,
        approval: policy.approval_required,
        error,
    })
}

/// The login page once more, with all that is known of the browser.
fn again(visit: &Visit, target: &Target) -> String {
    let url = target.login_url();
    match &target.meta {
        Some(meta) => format!("{url}&meta={}", meta.seal(visit.home(), visit.here)),
        None => url,
    }
}

/// `/access/approvals/{id}`: somebody who may decides.
pub(crate) fn answer(visit: &Visit, id: &str) -> Result<Response, Need> {
    let url = format!("/access/approvals/{id}");
    if !is_token(id) {
        return Ok(nothing_to_decide(visit));
    }
    let Some(session) = visit.session()? else {
        let url = format!("{}{url}", visit.origin());
        let target = Target { application: None, url, meta: None };
        return Ok(Response::redirect(target.login_url()));
    };
    let mut approve = None;
    if visit.request.method == Method::POST {
        if let Err(why) = csrf::check(visit.request.headers, &visit.origin()) {
            return Ok(foreign(visit, &why.to_string(), url));
        }
        approve = match visit.form()?.get("decision") {
            Some("approve") => Some(true),
            Some("refuse") => Some(false),
            _ => None,
        };
    }
    let approver = session.identity();
    let decide = DecideApproval {
        auth_domain: visit.home().clone(),
        id: id.to_owned(),
        approver_email: approver.email.clone(),
        approver_id: approver.user_id.clone(),
        approve,
    };
    let state = visit.known.call::<ApprovalState>(Call::DecideApproval(decide))?;
    let decided = |title: &str| {
        let view = message::View {
            frame: visit.frame(),
            status: 200,
            title,
            text: Vec::new(),
            code: None,
            links: vec![home()],
        };
        message::render(&view)
    };
    let log = |response: Response| match approve {
        Some(approve) => {
            use crate::event::Parties as _;
            let reason = format!("{} request {id}", if approve { "agreed to" } else { "refused" });
            let event = visit.event(Action::Approval, true, reason);
            response.with_event(event.identity(Some(approver)))
        }
        None => response,
    };
    Ok(match state {
        Ok(ApprovalState::Pending { .. }) if approve.is_some() => {
            log(decided("Thank you. Others have to agree as well."))
        }
        Ok(ApprovalState::Pending { email, application_id, justification, .. }) => {
            let application = visit.known.records.application(&application_id)?;
            page::decide(&page::Decide {
                frame: visit.frame(),
                email: &email,
                application: application.map_or(&application_id, |application| &application.name),
                justification: &justification,
                action: &url,
            })
        }
        Ok(ApprovalState::Approved { .. }) => log(decided("Access was granted.")),
        Ok(ApprovalState::Refused) => log(decided("Access was refused.")),
        Ok(ApprovalState::Unknown) => nothing_to_decide(visit),
        Err(why) => visit.unavailable(&why.0, url),
    })
}

fn nothing_to_decide(visit: &Visit) -> Response {
    let words = Words {
        status: 403,
        title: "There is nothing to decide here",
        text: "The request does not exist, is over, or is not yours to decide.",
        links: vec![Link { label: "Your applications".to_owned(), href: "/".to_owned() }],
    };
    let reason = "the request does not exist, or the person has no say in it";
    visit.refuse(words, visit.event(Action::Approval, false, reason))
}
