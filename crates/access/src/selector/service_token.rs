//! `service_token`, `any_valid_service_token`, `linked_app_token`.

use super::{Held, Party, Unevaluable, View};

/// `service_token`
pub(super) fn is(view: &View<'_>, token_id: &str) -> bool {
    any(view) && view.subject.service_token.is_some_and(|token| token.id == token_id)
}

/// `any_valid_service_token`. Whoever made the subject has compared the secret.
pub(super) fn any(view: &View<'_>) -> bool {
    view.subject.service_token.is_some_and(|token| {
        token.enabled
            && token.auth_domain == view.org.auth_domain
            && token.expires_at.is_none_or(|at| view.here.now() < at)
    })
}

/// `linked_app_token`
pub(super) fn linked(view: &View<'_>, app_uid: &str) -> Held {
    match view.party {
        Party::Anybody | Party::Machine => {
            Ok(view.subject.linked_app_tokens.iter().any(|id| id == app_uid))
        }
        Party::Person(_) | Party::Unknown => Err(Unevaluable::MachinesOnly.into()),
    }
}
