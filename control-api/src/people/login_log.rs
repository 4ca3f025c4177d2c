//! The login log: what edges decided.

use edge_state::Hostname;
use edge_state::access::Identity;
use edge_state::access::call::{LogBatch, LoginEvent};
use std::collections::BTreeMap;

use super::{Error, People, records};
use crate::metrics::LOGINS;
use crate::store::Tx;
use crate::store::logins::{self, Filter, LoginRow, Part};

impl People {
    /// Writes down a batch; what is there already stays as it is. Lines of an organisation that is
    /// not there are nobody's and are left out, as a batch that is refused would come again and
    /// again.
    ///
    /// # Errors
    /// The database failed, or the batch is too large.
    pub async fn log(&self, batch: LogBatch) -> Result<(), Error> {
        if batch.events.len() > MAX_EVENTS {
            return Err(Error::Invalid("a batch has at most 1000 events"));
        }
        let mut tx = self.db.begin().await?;
        let mut accounts: BTreeMap<Hostname, Option<String>> = BTreeMap::new();
        let (mut allowed, mut denied) = (0_u64, 0_u64);
        for event in batch.events {
            if !accounts.contains_key(&event.auth_domain) {
                let account = records::account(&mut tx, &event.auth_domain).await?;
                accounts.insert(event.auth_domain.clone(), account);
            }
            let account = accounts.get(&event.auth_domain).and_then(Option::as_deref);
            let Some(account) = account else { continue };
            let row = row(event, account, self.clock.now_millis());
            if logins::insert(&mut tx, &row).await? {
                *if row.allowed { &mut allowed } else { &mut denied } += 1;
            }
        }
        tx.commit().await?;
        for (count, outcome) in [(allowed, "allowed"), (denied, "denied")] {
            metrics::counter!(LOGINS, "outcome" => outcome).increment(count);
        }
        Ok(())
    }
}

/// Decisions about people, newest first, at most `limit`, since `since` (Unix milliseconds): with
/// what policies saw, so that other policies can judge them again.
///
/// # Errors
/// The database failed.
pub async fn replay(
    tx: &mut Tx,
    account_id: &str,
    application_id: Option<&str>,
    since: i64,
    limit: i64,
) -> Result<Vec<LoginEvent>, Error> {
    let mut filter = Filter { since: Some(since), machine: Some(false), ..Filter::default() };
    if let Some(id) = application_id {
        filter.columns.push(("app_uid", logins::Match::Is(id.to_owned())));
    }
    let part = Part { ascending: false, after: None, limit, offset: 0 };
    let rows = logins::list(tx, account_id, &filter, &part).await?;
    let events = rows.into_iter().filter(|row| row.identity.is_some()).map(event);
    events.collect()
}

/// Bounded, and without what PostgreSQL does not take: edges pass on what visitors send.
fn row(event: LoginEvent, account_id: &str, now: i64) -> LoginRow {
    let identity = event.identity.and_then(|identity| serde_json::to_string(&identity).ok());
    LoginRow {
        id: short(event.id, 64),
        account_id: account_id.to_owned(),
        auth_domain: event.auth_domain.to_string(),
        // A clock that is ahead must not make lines that stay for ever.
        created_at: event.at_millis.clamp(0, now + MOST_AHEAD),
        action: short(event.action, 64),
        allowed: event.allowed,
        app_uid: event.application_id.map(|text| short(text, 64)),
        app_domain: event.application_domain.map(|text| short(text, 1024)),
        app_type: event.application_type.map(|text| short(text, 64)),
        identity_provider_id: event.identity_provider_id.map(|text| short(text, 64)),
        connection: event.connection.map(|text| short(text, 64)),
        user_email: event.user_email.map(|text| short(text.to_ascii_lowercase(), 320)),
        user_id: event.user_id.map(|text| short(text, 64)),
        non_identity: event.non_identity.map(|text| short(text, 256)),
        ip_address: event.ip_address.map(|text| short(text, 64)),
        country: event.country.map(|text| short(text, 8)),
        ray_id: short(event.ray_id, 64),
        policy_id: event.policy_id.map(|text| short(text, 64)),
        reason: short(event.reason, 4096),
        code: event.code.map(|text| short(text, 16)),
        justification: event.justification.map(|text| short(text, 4096)),
        identity: identity.filter(|json| json.len() <= MAX_IDENTITY),
    }
}

fn event(row: LoginRow) -> Result<LoginEvent, Error> {
    let auth_domain = Hostname::parse(&row.auth_domain);
    let identity: Option<Identity> =
        row.identity.map(|json| serde_json::from_str(&json)).transpose()?;
    Ok(LoginEvent {
        id: row.id,
        auth_domain: auth_domain.map_err(|_| Error::Invalid("a stored team domain is none"))?,
        at_millis: row.created_at,
        action: row.action,
        allowed: row.allowed,
        application_id: row.app_uid,
        application_domain: row.app_domain,
        application_type: row.app_type,
        identity_provider_id: row.identity_provider_id,
        connection: row.connection,
        user_email: row.user_email,
        user_id: row.user_id,
        non_identity: row.non_identity,
        ip_address: row.ip_address,
        country: row.country,
        ray_id: row.ray_id,
        policy_id: row.policy_id,
        reason: row.reason,
        code: row.code,
        justification: row.justification,
        identity,
    })
}

fn short(mut text: String, most: usize) -> String {
    if text.contains('\0') {
        text.retain(|c| c != '\0');
    }
    text.truncate(text.floor_char_boundary(most));
    text
}

const MAX_EVENTS: usize = 1000;
const MAX_IDENTITY: usize = 64 * 1024;
const MOST_AHEAD: i64 = 5 * 60_000;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_is_cut_between_characters() {
        assert_eq!(short("aé\0b".to_owned(), 2), "a");
        assert_eq!(short("aé\0b".to_owned(), 9), "aéb");
    }
}
