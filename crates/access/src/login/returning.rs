//! Somebody comes back from a provider, with an answer or what is given out for one. What does not
//! fit signs nobody in, and is logged with a reason of its own.

use edge_state::access::call::{Spend, Spent};
use http::Method;

use super::attempt::{Attempt, Target};
use super::finish;
use super::place::Given;
use super::refusal::retry;
use crate::encoding::Form;
use crate::event::Action;
use crate::need::Call;
use crate::page::{Link, repost};
use crate::visit::{Visit, Words};
use crate::{Need, Response};

/// Marks what our own page posted once more.
const AGAIN: &str = "lintel_again";

/// Whether cookies may be missing merely because another site posted.
pub(crate) fn lacks_cookies(visit: &Visit, given: &Form) -> bool {
    visit.request.method == Method::POST && given.get(AGAIN).is_none()
}

/// The provider is asked again with what it posted, now that our cookies come with it.
pub(crate) fn post_again(visit: &Visit, given: &Form) -> Response {
    let mut fields: Vec<_> = given.pairs().collect();
    fields.push((AGAIN, "1"));
    repost::render(&repost::View { frame: visit.frame(), action: visit.request.path, fields })
}

/// Whether this counts for the first time; else our answer.
pub(crate) fn spend(
    visit: &Visit,
    target: &Target,
    token: String,
    until: i64,
) -> Result<Result<(), Response>, Need> {
    let spend = Spend { auth_domain: visit.home().clone(), token, until };
    Ok(match visit.known.call::<Spent>(Call::Spend(spend))? {
        Ok(Spent { first: true }) => Ok(()),
        Ok(Spent { first: false }) => Err(onward(visit, target, "the callback was used before")?),
        Err(why) => Err(visit.unavailable(&why.0, target.login_url())),
    })
}

/// An answer that is spent or too old signs nobody in, but leads where the person wanted to go: on
/// with the session that lives, or through a new attempt. So the back button does no harm.
pub(crate) fn onward(visit: &Visit, target: &Target, reason: &str) -> Result<Response, Need> {
    let event = visit.event(Action::Login, false, reason);
    let response = match visit.session()? {
        Some(session) => finish::proceed(visit, &session, target, &Given::default())?,
        None => Response::redirect(target.login_url()),
    };
    Ok(response.with_event(event))
}

/// Refuses what does not fit an attempt that is ours.
pub(crate) fn unfit(visit: &Visit, attempt: &Attempt, reason: &str) -> Response {
    let mut response = refuse(visit, reason, vec![retry(&attempt.target)]);
    for event in &mut response.events {
        event.application_id.clone_from(&attempt.target.application);
        event.identity_provider_id = Some(attempt.provider.clone());
    }
    response
}

/// Refuses what is none of ours.
pub(crate) fn refuse(visit: &Visit, reason: &str, links: Vec<Link>) -> Response {
    let words = Words {
        status: 400,
        title: "That did not work",
        text: "The sign-in could not be completed. Please start again from here.",
        links,
    };
    visit.refuse(words, visit.event(Action::Login, false, reason))
}
