//! Sessions end and tokens count no more: rows here, records at the edge, in one transaction.
//!
//! Every function here is called after the caller's own writes and directly before the commit, as
//! edge records come last (see [`crate::store::changes::put`]).

use std::collections::BTreeMap;

use edge_state::access::RevocationRecord;
use edge_state::access::call::SignOut;
use edge_state::access::revocation::Revocation;
use edge_state::{Hostname, Key, Record as _};

use super::{Error, People};
use crate::metrics::REVOCATIONS;
use crate::store::access::organizations;
use crate::store::revocations::{self, APPLICATION, USER};
use crate::store::users::UserRow;
use crate::store::{Tx, changes, sessions, users};

/// What was issued for an application until now does not count any more. `now` is Unix milliseconds,
/// here as everywhere below.
///
/// # Errors
/// The database failed.
pub async fn application(tx: &mut Tx, account_id: &str, aud: &str, now: i64) -> sqlx::Result<()> {
    revocations::put(tx, account_id, (APPLICATION, aud), now.div_euclid(1000)).await?;
    metrics::counter!(REVOCATIONS, "kind" => APPLICATION).increment(1);
    publish_for(tx, account_id, now).await
}

/// Ends all sessions of these users, and nothing that was issued for them until now counts any more.
///
/// # Errors
/// The database failed.
pub async fn users(
    tx: &mut Tx,
    account_id: &str,
    user_ids: &[String],
    now: i64,
) -> sqlx::Result<()> {
    let mut nonces = Vec::new();
    for id in user_ids {
        revocations::put(tx, account_id, (USER, id), now.div_euclid(1000)).await?;
        nonces.extend(sessions::end_all(tx, id, now).await?);
        metrics::counter!(REVOCATIONS, "kind" => USER).increment(1);
    }
    publish_for(tx, account_id, now).await?;
    bury(tx, nonces, now).await
}

/// As [`users`] for one who is switched off, or the way back.
///
/// # Errors
/// The database failed.
pub async fn switch(tx: &mut Tx, user: &UserRow, now: i64) -> sqlx::Result<()> {
    if user.enabled {
        revocations::set_disabled(tx, &user.account_id, &user.id, false).await?;
        return publish_for(tx, &user.account_id, now).await;
    }
    let revoked = (USER, user.id.as_str());
    revocations::put(tx, &user.account_id, revoked, now.div_euclid(1000)).await?;
    revocations::set_disabled(tx, &user.account_id, &user.id, true).await?;
    users(tx, &user.account_id, std::slice::from_ref(&user.id), now).await
}

/// Writes down anew who is revoked in an account: one record, so one change for every edge.
///
/// # Errors
/// The database failed.
pub async fn publish(
    tx: &mut Tx,
    account_id: &str,
    auth_domain: &Hostname,
    now: i64,
) -> sqlx::Result<()> {
    let (mut of_users, mut of_applications) = (BTreeMap::new(), BTreeMap::new());
    for row in revocations::list(tx, account_id).await? {
        let revocation = Revocation { not_after: row.not_after, disabled: row.disabled };
        let kind = if row.kind == USER { &mut of_users } else { &mut of_applications };
        kind.insert(row.subject, revocation);
    }
    let nobody = of_users.is_empty() && of_applications.is_empty();
    let record = RevocationRecord {
        auth_domain: auth_domain.clone(),
        users: of_users,
        applications: of_applications,
    };
    let text = (!nobody).then(|| record.encode());
    changes::put(tx, &record.key(), text.as_deref(), now).await
}

/// As [`publish`], wherever the account's team domain is. What is read after the lock lacks nothing
/// that others have committed: of many revocations at once none is lost.
pub(super) async fn publish_for(tx: &mut Tx, account_id: &str, now: i64) -> sqlx::Result<()> {
    changes::lock(tx).await?;
    match organizations::auth_domain(tx, account_id).await? {
        Some(auth_domain) => publish(tx, account_id, &auth_domain, now).await,
        None => Ok(()),
    }
}

/// Takes ended sessions off the edge.
pub(super) async fn bury(tx: &mut Tx, nonces: Vec<String>, now: i64) -> sqlx::Result<()> {
    for nonce in nonces {
        changes::put(tx, &Key::Session(nonce), None, now).await?;
    }
    Ok(())
}

impl People {
    /// Ends a session, or all of its user; what is over already stays so.
    ///
    /// # Errors
    /// The database failed.
    pub async fn sign_out(&self, ask: SignOut) -> Result<(), Error> {
        let now = self.clock.now_millis();
        let mut tx = self.db.begin().await?;
        let session = sessions::find(&mut tx, &ask.nonce).await?;
        let of_domain = |row: &sessions::SessionRow| row.auth_domain == ask.auth_domain.to_string();
        let Some(session) = session.filter(of_domain) else { return Ok(()) };
        if ask.everywhere {
            // Locked, so that a sign-in at the same moment comes before this or after it.
            users::find_for_update(&mut tx, &session.account_id, &session.user_id).await?;
            users(&mut tx, &session.account_id, &[session.user_id], now).await?;
        } else if sessions::end(&mut tx, &ask.nonce, now).await? {
            bury(&mut tx, vec![ask.nonce], now).await?;
        }
        self.commit(tx).await
    }
}
