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
        if !is_own(cx, door).await? {
            let message = format!(
                "names {}, which is neither a custom hostname nor below a zone of this account",
                door.host_pattern
            );
            return Err(invalid("domain", &message));
        }
    }
    Ok(())
}

/// Whether a hostname is this account's: a custom hostname belongs to who made it, any other name to
/// the nearest zone above it.
async fn is_own(cx: &mut Context<'_>, door: &Door) -> Result<bool, ApiError> {
    if let Some(hostname) = hostnames::find_by_name(cx.tx, &door.host_pattern).await? {
        let zone = zones::find(cx.tx, &hostname.zone_id).await?;
        return Ok(zone.is_some_and(|zone| zone.account_id == cx.account_id));
    }
    let mut name = door.gate.strip_prefix("*.").unwrap_or(&door.gate);
    loop {
        let nearest = zones::list(cx.tx, Some(name), None).await?;
        if let Some(zone) = nearest.first() {
            return Ok(zone.account_id == cx.account_id);
        }
        match name.split_once('.') {
            Some((_, parent)) => name = parent,
            None => return Ok(false),
        }
    }
}
