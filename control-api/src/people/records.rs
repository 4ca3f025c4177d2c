//! What the edge knows, read where it is published: so that both go by the same.

use edge_state::access::{IdentityProviderRecord, OrganizationRecord};
use edge_state::{Hostname, Key, Record};

use super::Error;
use crate::store::{Tx, changes};

/// A record as the edge has it, or will have it soon.
pub(super) async fn read<R: Record>(tx: &mut Tx, key: &Key) -> Result<Option<R>, Error> {
    match changes::value(tx, key).await? {
        Some(text) => Ok(Some(R::decode(&text)?)),
        None => Ok(None),
    }
}

/// The organisation, if it is there and on.
pub(super) async fn organization(
    tx: &mut Tx,
    auth_domain: &Hostname,
) -> Result<Option<OrganizationRecord>, Error> {
    let organization: Option<OrganizationRecord> =
        read(tx, &Key::Organization(auth_domain.clone())).await?;
    Ok(organization.filter(|organization| organization.enabled))
}

/// A provider of the organisation, if it is there and on.
pub(super) async fn provider(
    tx: &mut Tx,
    auth_domain: &Hostname,
    id: &str,
) -> Result<Option<IdentityProviderRecord>, Error> {
    let provider: Option<IdentityProviderRecord> =
        read(tx, &Key::IdentityProvider(id.to_owned())).await?;
    Ok(provider.filter(|provider| provider.enabled && provider.auth_domain == *auth_domain))
}

/// Whose team domain it is, also while the organisation is off.
pub(super) async fn account(tx: &mut Tx, auth_domain: &Hostname) -> Result<Option<String>, Error> {
    let organization: Option<OrganizationRecord> =
        read(tx, &Key::Organization(auth_domain.clone())).await?;
    Ok(organization.map(|organization| organization.account_id))
}
