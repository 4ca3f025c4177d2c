//! What a certain provider says: `login_method`, `auth_context`, `azureAD`, `github-organization`,
//! `gsuite`, `okta`, `saml`, `oidc`, `cloudflare_account_member`. What another provider says under
//! the same name counts for nothing.

use edge_state::access::Identity;
use edge_state::access::session::IdentityGroup;
use serde_json::Value;

use super::{Held, View};

/// `login_method`
pub(super) fn signed_in_by(view: &View<'_>, id: &str) -> Held {
    Ok(view.identity()?.idp.id == id)
}

/// `auth_context`: Entra names the contexts that a sign-in met in `acrs`.
pub(super) fn auth_context(view: &View<'_>, provider: &str, ac_id: &str) -> Held {
    said_by(view, provider, |identity| {
        identity.acr.as_deref() == Some(ac_id)
            || identity.claims.get("acrs").is_some_and(|claim| says(claim, ac_id))
    })
}

/// `azureAD`
pub(super) fn azure(view: &View<'_>, provider: &str, id: &str) -> Held {
    in_group(view, provider, |group| is(group.id.as_ref(), |found| found.eq_ignore_ascii_case(id)))
}

/// `github-organization`: GitHub's names are the same in either case.
pub(super) fn github(view: &View<'_>, provider: &str, name: &str, team: Option<&str>) -> Held {
    in_group(view, provider, |group| {
        is(group.name.as_ref(), |found| match (found.split_once('/'), team) {
            (None, None) => found.eq_ignore_ascii_case(name),
            (Some((organization, slug)), Some(team)) => {
                organization.eq_ignore_ascii_case(name) && slug.eq_ignore_ascii_case(team)
            }
            _ => false,
        })
    })
}

/// `gsuite`
pub(super) fn gsuite(view: &View<'_>, provider: &str, email: &str) -> Held {
    in_group(view, provider, |group| {
        is(group.email.as_ref(), |found| found.eq_ignore_ascii_case(email))
    })
}

/// `okta`
pub(super) fn okta(view: &View<'_>, provider: &str, name: &str) -> Held {
    in_group(view, provider, |group| is(group.name.as_ref(), |found| found == name))
}

/// `saml`, `oidc`: an attribute or claim with this value, or with this among its values. `groups`
/// is where the provider's groups are found if they were not asked for as a claim.
pub(super) fn claim(view: &View<'_>, provider: &str, name: &str, value: &str) -> Held {
    said_by(view, provider, |identity| match identity.claims.get(name) {
        Some(claim) => says(claim, value),
        None if name == "groups" => identity.groups.iter().any(|group| {
            [&group.id, &group.name, &group.email]
                .into_iter()
                .any(|named| is(named.as_ref(), |found| found == value))
        }),
        None => false,
    })
}

/// `cloudflare_account_member`
pub(super) fn member(view: &View<'_>, account_id: Option<&str>) -> Held {
    view.own_account(account_id)?;
    Ok(view.identity()?.account_member)
}

fn said_by(view: &View<'_>, provider: &str, says: impl FnOnce(&Identity) -> bool) -> Held {
    let identity = view.identity()?;
    Ok(identity.idp.id == provider && says(identity))
}

fn in_group(view: &View<'_>, provider: &str, is: impl Fn(&IdentityGroup) -> bool) -> Held {
    said_by(view, provider, |identity| identity.groups.iter().any(is))
}

/// What is empty is nobody's name.
fn is(found: Option<&String>, is: impl FnOnce(&str) -> bool) -> bool {
    found.is_some_and(|found| !found.is_empty() && is(found))
}

fn says(claim: &Value, value: &str) -> bool {
    match claim {
        Value::String(text) => text == value,
        Value::Bool(yes) => value == if *yes { "true" } else { "false" },
        Value::Number(number) => number.to_string() == value,
        Value::Array(values) => values.iter().any(|one| !one.is_array() && says(one, value)),
        Value::Null | Value::Object(_) => false,
    }
}
