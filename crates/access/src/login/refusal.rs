//! Refused for now, and what to do instead: sign in again, or another way.

use edge_state::access::IdentityProviderRecord;

use super::attempt::Target;
use super::identity::ProviderError;
use super::{offer, target};
use crate::admission::NotAdmitted;
use crate::event::{Action, Parties as _};
use crate::page::Link;
use crate::visit::{Visit, Words};
use crate::{Need, Response};

/// A provider that does not count here: another may.
pub(crate) fn refused(
    visit: &Visit,
    reason: NotAdmitted,
    provider: Option<&str>,
    target: &Target,
) -> Result<Response, Need> {
    let application = match &target.application {
        Some(id) => visit.known.records.application(id)?,
        None => None,
    };
    let about_provider = matches!(
        reason,
        NotAdmitted::NoProvider | NotAdmitted::ProviderOff | NotAdmitted::ProviderNotAllowed
    );
    if !about_provider {
        return Ok(target::not_admitted(visit, reason, application));
    }
    let notice = "This way to sign in is not available here. Please choose another one.";
    let mut event = visit.event(Action::Login, false, reason.to_string()).application(application);
    event.identity_provider_id = provider.map(str::to_owned);
    let mut page = offer::page(visit, target, application, Some(notice), false).with_event(event);
    page.status = 403;
    Ok(page)
}

/// The provider's answer does not count.
pub(crate) fn failed(
    visit: &Visit,
    record: &IdentityProviderRecord,
    target: &Target,
    error: &ProviderError,
) -> Response {
    let event = visit.event(Action::Login, false, error.to_string()).provider(Some(record));
    let links = vec![retry(target), other_ways(target)];
    let (status, title, text) = match error {
        error if error.is_passing() => (
            502,
            "Your provider does not answer",
            "Please try again in a moment, or sign in another way.",
        ),
        ProviderError::NoEmail | ProviderError::UnverifiedEmail | ProviderError::InvalidEmail => (
            403,
            "Your e-mail address is missing",
            "The provider did not confirm an e-mail address for you, and we need one.",
        ),
        ProviderError::ForeignDomain(_) | ProviderError::ForeignAccount => (
            403,
            "Please sign in another way",
            "This provider is not the one for your e-mail address.",
        ),
        _ => (
            403,
            "You were not signed in",
            "What the provider answered does not fit what we asked, so it does not count.",
        ),
    };
    visit.refuse(Words { status, title, text, links }, event)
}

/// A form that another site posted, or an old page of ours: it does nothing.
pub(crate) fn foreign(visit: &Visit, reason: &str, retry: String) -> Response {
    let words = Words {
        status: 403,
        title: "Please try again",
        text: "This form did not come from our own page, so nothing was done.",
        links: vec![Link { label: "Start again".to_owned(), href: retry }],
    };
    visit.refuse(words, visit.event(Action::Login, false, reason))
}

pub(crate) fn retry(target: &Target) -> Link {
    Link { label: "Sign in again".to_owned(), href: target.login_url() }
}

pub(crate) fn other_ways(target: &Target) -> Link {
    Link { label: "Sign in another way".to_owned(), href: target.another_login_url() }
}
