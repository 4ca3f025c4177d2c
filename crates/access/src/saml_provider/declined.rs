//! The provider itself said no (SAML core §3.2.2.2). Unless it is signed anybody could say so, and
//! nothing follows from it but a page.

use edge_state::access::IdentityProviderRecord;
use saml::response::Status;

use crate::Response;
use crate::event::{Action, Parties as _};
use crate::login::attempt::Target;
use crate::login::refusal::{other_ways, retry};
use crate::visit::{Visit, Words};

/// What the person reads.
pub(super) fn page(
    visit: &Visit,
    record: &IdentityProviderRecord,
    target: &Target,
    status: &Status,
) -> Response {
    let (title, text) = match status.subcode.as_deref() {
        Some(Status::AUTHN_FAILED | Status::REQUEST_DENIED | Status::UNKNOWN_PRINCIPAL) => (
            "You were not signed in",
            "The sign-in was cancelled, or the provider does not let you use this application.",
        ),
        Some(Status::NO_PASSIVE) => {
            ("Your provider wants a word with you", "Please try again and answer what it asks.")
        }
        Some(Status::NO_AUTHN_CONTEXT) => (
            "Your provider asks for another way to sign in",
            "It cannot sign you in as securely as was asked. Please tell your administrator.",
        ),
        _ if status.code == Status::RESPONDER => (
            "Your provider has trouble",
            "It could not sign you in just now. Please try again in a moment.",
        ),
        _ => (
            "You were not signed in",
            "Your provider answered with an error. If that goes on, tell your administrator.",
        ),
    };
    let reason = format!("the provider answered {status}");
    let event = visit.event(Action::Login, false, reason).provider(Some(record));
    let links = vec![retry(target), other_ways(target)];
    visit.refuse(Words { status: 403, title, text, links }, event)
}
