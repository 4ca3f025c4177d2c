//! Global sessions: who somebody is, as long as they are.

use edge_state::access::call::{FindSession, SessionFound};
use edge_state::access::{Identity, OrganizationRecord, SessionRecord, session::sealing_context};
use edge_state::key::is_token;

use crate::need::Call;
use crate::{Here, Known, Need};

/// A session that lives.
#[derive(Clone, Debug, PartialEq)]
pub struct Live {
    /// `identity_nonce`
    pub nonce: String,
    /// Seconds since 1970.
    pub expires_at: i64,
    /// Who it is.
    pub identity: Identity,
}

/// The session of this name, if it lives. `None` also if nobody can say so: what is unreadable is
/// anonymous.
///
/// # Errors
/// [`Need`]
pub fn live(
    nonce: &str,
    organization: &OrganizationRecord,
    known: &Known,
    here: &Here,
) -> Result<Option<Live>, Need> {
    if !is_token(nonce) {
        return Ok(None);
    }
    if let Some(record) = known.records.session(nonce)? {
        return Ok(open(record, organization, here));
    }
    // The record of a session that began a moment ago may still be on its way.
    let auth_domain = organization.auth_domain.clone();
    let find = FindSession { auth_domain, nonce: nonce.to_owned() };
    let found = known.call::<SessionFound>(Call::FindSession(find))?;
    let session = found.ok().and_then(|found| found.session);
    Ok(session.filter(|record| record.nonce == nonce).and_then(|r| open(&r, organization, here)))
}

/// Reads a record, if it counts here and now.
#[must_use]
pub fn open(
    record: &SessionRecord,
    organization: &OrganizationRecord,
    here: &Here,
) -> Option<Live> {
    if record.auth_domain != organization.auth_domain || record.expires_at <= here.now() {
        return None;
    }
    let plain = here.keys.open(&record.identity, &sealing_context(&record.nonce)).ok()?;
    let identity = serde_json::from_slice(&plain).ok()?;
    Some(Live { nonce: record.nonce.clone(), expires_at: record.expires_at, identity })
}
