//! Attributes of people that origins hear in headers (`header_attributes` of SAML providers): said
//! by the gate, and by no visitor.

use std::borrow::Cow;

use edge_state::access::origin_header::{is_allowed, normal};
use edge_state::access::{ApplicationRecord, Identity, OrganizationRecord};
use http::HeaderMap;

use super::Passage;
use crate::{Known, Need, Request, door};

/// The names, as they arrived, of all that a visitor says in the place of these headers: servers
/// tell `X_Role` from `x-role` as little as the other way round.
fn said_by(headers: &HeaderMap, reserved: &[String]) -> Vec<String> {
    let reserved: Vec<_> =
        reserved.iter().filter(|name| is_allowed(name)).map(|name| normal(name)).collect();
    let names = headers.keys().map(http::HeaderName::as_str);
    names.filter(|name| reserved.contains(&normal(name))).map(str::to_owned).collect()
}

/// Whoever asks, and whatever lets them pass.
pub(super) fn strip(passage: &mut Passage, headers: &HeaderMap, organization: &OrganizationRecord) {
    passage.remove.extend(said_by(headers, &organization.origin_headers));
}

/// The person's own, in place of whatever came.
pub(super) fn tell(passage: &mut Passage, headers: &HeaderMap, identity: &Identity) {
    let plain = |value: &str| value.bytes().all(|byte| byte == b' ' || byte.is_ascii_graphic());
    for (name, value) in &identity.origin_headers {
        if !is_allowed(name) || !plain(value) {
            continue;
        }
        for came in said_by(headers, std::slice::from_ref(name)) {
            if !passage.remove.contains(&came) {
                passage.remove.push(came);
            }
        }
        passage.set.push((Cow::Owned(name.to_ascii_lowercase()), value.clone()));
    }
}

/// So many applications of a hostname are asked for their organisation.
const MOST: usize = 8;

/// Beside the doors of a hostname stands the same origin: there, too, no visitor says them.
pub(super) fn beside(request: &Request, known: &Known) -> Result<Vec<String>, Need> {
    let mut remove: Vec<String> = Vec::new();
    let mut asked: Vec<&str> = Vec::new();
    for door in door::of(request.host, request.owner, known)? {
        let id = door.application_id.as_str();
        if asked.contains(&id) || asked.len() >= MOST {
            continue;
        }
        asked.push(id);
        let application: Option<&ApplicationRecord> = known.records.application(id)?;
        let Some(application) = application else { continue };
        let Some(organization) = known.records.organization(&application.auth_domain)? else {
            continue;
        };
        for name in said_by(request.headers, &organization.origin_headers) {
            if !remove.contains(&name) {
                remove.push(name);
            }
        }
    }
    Ok(remove)
}
