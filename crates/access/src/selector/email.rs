//! `email`, `email_domain`, `email_list`. Letters beyond ASCII are compared as they are: folding
//! them makes two different addresses one.

use super::{Held, Unevaluable, View};
use crate::Need;

/// `email`
pub(super) fn is(view: &View<'_>, email: &str) -> Held {
    let identity = view.identity()?;
    Ok(!email.is_empty() && identity.email.eq_ignore_ascii_case(email))
}

/// `email_domain`: all after the last `@`, exactly; so neither subdomains nor `a@b@example.com`'s
/// first domain.
pub(super) fn in_domain(view: &View<'_>, domain: &str) -> Held {
    let identity = view.identity()?;
    let domain = domain.strip_prefix('@').unwrap_or(domain);
    Ok(identity.email.rsplit_once('@').is_some_and(|(local, of)| {
        !local.is_empty() && !domain.is_empty() && of.eq_ignore_ascii_case(domain)
    }))
}

/// `email_list`
pub(super) fn on_list(view: &View<'_>, id: &str) -> Result<Held, Need> {
    let identity = match view.identity() {
        Ok(identity) => identity,
        Err(unknown) => return Ok(Err(unknown)),
    };
    let Some(list) = view.known.records.list(id)? else {
        return Ok(Err(Unevaluable::NoList.into()));
    };
    if list.kind != "EMAIL" {
        return Ok(Err(Unevaluable::OtherList.into()));
    }
    let email = identity.email.to_ascii_lowercase();
    Ok(Ok(!email.is_empty() && list.values.binary_search(&email).is_ok()))
}
