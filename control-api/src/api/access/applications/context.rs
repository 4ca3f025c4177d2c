//! What an application may be depends on what else there is: providers, tags, pages, and whose a
//! hostname is.

use edge_state::Hostname;

use super::address::Door;
use super::body::ApplicationBody;
use super::check::invalid;
use crate::api::ApiError;
use crate::api::access::object::{Context, kind};
use crate::store::access::objects::{self, Filter};
use crate::store::{hostnames, zones};

/// Refuses what names something that this account does not have.
pub async fn judge(
    cx: &mut Context<'_>,
    body: &ApplicationBody,
    doors: &[Door],
    auth_domain: &Hostname,
) -> Result<(), ApiError> {
    for (field, kind, ids) in [
        ("allowed_idps", kind::IDENTITY_PROVIDER, &body.allowed_idps),
        ("custom_pages", kind::CUSTOM_PAGE, &body.custom_pages),
    ] {
        for (index, id) in ids.iter().flatten().enumerate() {
            if objects::find(cx.tx, cx.account_id, kind, id).await?.is_none() {
                let message = format!("names {id}, which is no {kind} of this account");
                return Err(invalid(&format!("{field}[{index}]"), &message));
            }
        }
    }
    for (index, tag) in body.tags.iter().flatten().enumerate() {
        let filter = Filter { name: Some(tag), ..Filter::default() };
        if objects::count(cx.tx, cx.account_id, kind::TAG, filter).await? == 0 {
            let message = format!("names {tag:?}, which is no tag of this account: make it first");
            return Err(invalid(&format!("tags[{index}]"), &message));
        }
    }
    for door in doors {
        if door.host_pattern == auth_domain.as_str() {
            return Err(invalid("domain", "is the team domain, where people sign in"));
        }
        if owner(cx, &door.gate).await?.as_deref() != Some(cx.account_id) {
            let message = format!(
                "names {}, which is neither a custom hostname nor below a zone of this account",
                door.host_pattern
            );
            return Err(invalid("domain", &message));
        }
    }
    Ok(())
}

/// Whose a hostname is: a custom hostname, with all names that it covers, is that of the account that made
/// it; any other name is that of the nearest zone above it.
pub(crate) async fn owner(cx: &mut Context<'_>, name: &str) -> Result<Option<String>, ApiError> {
    if let Some(account_id) = custom_hostname(cx, name).await? {
        return Ok(Some(account_id));
    }
    let mut name = name.strip_prefix("*.").unwrap_or(name);
    loop {
        let nearest = zones::list(cx.tx, Some(name), None).await?;
        if let Some(zone) = nearest.into_iter().next() {
            return Ok(Some(zone.account_id));
        }
        match name.split_once('.') {
            Some((_, parent)) => name = parent,
            None => return Ok(None),
        }
    }
}

/// Whose the custom hostname is by which requests for a name are served: the very name, or the wildcard
/// above it.
async fn custom_hostname(cx: &mut Context<'_>, name: &str) -> Result<Option<String>, ApiError> {
    let wildcard = Hostname::parse(name).ok().and_then(|name| name.wildcard());
    for name in std::iter::once(name).chain(wildcard.as_ref().map(Hostname::as_str)) {
        if let Some(row) = hostnames::find_by_name(cx.tx, name).await? {
            let zone = zones::find(cx.tx, &row.zone_id).await?;
            return Ok(zone.map(|zone| zone.account_id));
        }
    }
    Ok(None)
}
