//! The team domain's own way to the edge: it is a custom hostname like any other, made here without
//! being asked for, so that certificates and checks come by themselves.

use edge_state::Hostname;
use lifecycle::Timestamp;
use serde_json::{Map, Value};

use super::echo::invalid;
use super::object::Context;
use crate::api::custom_hostnames::requested::{Requested, RequestedSsl};
use crate::api::{ApiError, custom_hostnames};
use crate::store::hostnames;
use crate::store::zones::{self, ZoneRow};

/// What a new team domain needs.
pub struct Team {
    made: Option<String>,
    obsolete: Option<String>,
}

/// Judges a team domain, and makes its custom hostname unless the account has it already.
pub async fn judge(
    cx: &mut Context<'_>,
    text: &str,
    obsolete: Option<String>,
) -> Result<Team, ApiError> {
    let field = "auth_domain";
    if let Some(team) = text.strip_suffix(FOREIGN) {
        // Names below it are not ours to serve; those who come from there keep theirs for a while.
        let name = Hostname::parse(text);
        if team.is_empty() || team.contains('.') || name.is_err() {
            return Err(invalid(field, format!("{field} must be one label below {FOREIGN}")));
        }
        return Ok(Team { made: None, obsolete });
    }
    let rules = lifecycle::name::Rules { allowed_reserved: &cx.app.config.allowed_reserved_tlds };
    let name = lifecycle::name::parse(text, rules)
        .map_err(|error| invalid(field, format!("{field}: {error}")))?;
    if name.is_wildcard() {
        return Err(invalid(field, format!("{field} must be one hostname, not a wildcard")));
    }
    let zones = zones::list(cx.tx, None, Some(cx.account_id)).await?;
    let Some(zone) = home(&zones, &name) else {
        let message = format!("{field} needs a zone of this account, below which it is served");
        return Err(invalid(field, message));
    };
    let known = hostnames::find_by_name(cx.tx, name.as_str()).await?;
    if known.is_some_and(|known| zones.iter().any(|zone| zone.id == known.zone_id)) {
        return Ok(Team { made: None, obsolete });
    }
    let ssl = RequestedSsl {
        method: Some("http".to_owned()),
        kind: Some("dv".to_owned()),
        ..RequestedSsl::default()
    };
    let requested = Requested { ssl: Some(ssl), ..Requested::default() };
    let now = Timestamp::from_millis(cx.now);
    let row = custom_hostnames::new_row(&zone.id, &name, &requested, now)?;
    if !hostnames::insert(cx.tx, &row).await? {
        let message = "access.api.error.conflict: this auth_domain is another account's hostname";
        return Err(ApiError::Conflict(message.to_owned()));
    }
    Ok(Team { made: Some(row.id), obsolete })
}

/// Remembers what was made, so that it can go when the team domain does.
pub fn note(team: &Team, owned: &mut Map<String, Value>) {
    match &team.made {
        Some(id) => drop(owned.insert(MADE.to_owned(), id.clone().into())),
        None => drop(owned.remove(MADE)),
    }
}

/// The custom hostname that was made for the team domain, if one was.
pub fn noted(owned: &Map<String, Value>) -> Option<String> {
    owned.get(MADE)?.as_str().map(str::to_owned)
}

/// Begins the life of the custom hostname, and ends that of the one before.
pub async fn begin(cx: &mut Context<'_>, team: &Team) -> Result<(), ApiError> {
    let now = Timestamp::from_millis(cx.now);
    if let Some(id) = &team.made {
        cx.app.engine.begin(cx.tx, id, now).await?;
    }
    if let Some(id) = &team.obsolete {
        match cx.app.engine.delete(cx.tx, id, now).await.map_err(ApiError::from) {
            // Somebody deleted it by hand.
            Ok(()) | Err(ApiError::HostnameNotFound) => {}
            Err(error) => return Err(error),
        }
    }
    Ok(())
}

/// The zone whose domain the name lies below, or else the first one.
fn home<'a>(zones: &'a [ZoneRow], name: &Hostname) -> Option<&'a ZoneRow> {
    let below = |zone: &&ZoneRow| {
        let rest = name.as_str().strip_suffix(&zone.name);
        rest.is_some_and(|rest| rest.is_empty() || rest.ends_with('.'))
    };
    zones.iter().filter(below).max_by_key(|zone| zone.name.len()).or_else(|| zones.first())
}

const FOREIGN: &str = ".cloudflareaccess.com";
const MADE: &str = "custom_hostname_id";
