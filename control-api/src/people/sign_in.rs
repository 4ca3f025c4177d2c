//! Whose identity it is. A session begins.

use edge_state::access::call::{FindSession, SessionFound, SignIn, SignedIn};
use edge_state::access::identity_provider::Protocol;
use edge_state::access::session::sealing_context;
use edge_state::access::{Identity, IdentityProviderRecord, SessionRecord};
use edge_state::{Key, Record as _};
use uuid::Uuid;

use super::{Error, People, records};
use crate::metrics::SIGN_INS;
use crate::store::sessions::{self, SessionRow};
use crate::store::users::{self, IdentityKey, UserRow};
use crate::store::{Tx, changes};

impl People {
    /// A provider said who somebody is.
    ///
    /// # Errors
    /// The database failed, or the question is none.
    pub async fn sign_in(&self, ask: SignIn) -> Result<SignedIn, Error> {
        let signed_in = self.try_sign_in(ask).await?;
        let outcome = match signed_in {
            SignedIn::Session(_) => "session",
            SignedIn::Disabled => "disabled",
            SignedIn::Refused => "refused",
        };
        metrics::counter!(SIGN_INS, "outcome" => outcome).increment(1);
        Ok(signed_in)
    }

    async fn try_sign_in(&self, mut ask: SignIn) -> Result<SignedIn, Error> {
        ask.identity.email = super::normalized(&ask.identity.email);
        judge(&ask)?;
        let mut tx = self.db.read().await?;
        let organization = records::organization(&mut tx, &ask.auth_domain).await?;
        let provider = records::provider(&mut tx, &ask.auth_domain, &ask.identity.idp.id).await?;
        let (Some(organization), Some(provider)) = (organization, provider) else {
            return Ok(SignedIn::Refused);
        };
        let others: Vec<_> = organization.identity_providers.iter().map(|it| &it.id).collect();
        let spoken_for = spoken_for(&mut tx, &others, &ask.identity.email).await?;
        let Some(link) = Link::of(&provider, &ask.identity) else { return Ok(SignedIn::Refused) };
        if let Some(known) = sessions::find(&mut tx, &ask.nonce).await? {
            return self.again(&ask, &known);
        }
        drop(tx);
        let account = organization.account_id;
        // Before the transaction that writes: others' servers are asked here.
        let posture = self.posture.ask(&self.db, &self.vault, &account, &ask.identity).await?;
        ask.identity.device_posture = posture;
        let member = self.settings.operator.as_deref() == Some(ask.identity.email.as_str());
        ask.identity.account_member = member && matches!(link, Link::Address);

        let now = self.clock.now_millis();
        let mut tx = self.db.begin().await?;
        let Some(mut user) = self.user(&mut tx, &account, &link, &ask.identity, now).await? else {
            // Deleted between two statements; who tries again begins anew.
            return Ok(SignedIn::Refused);
        };
        if !user.enabled {
            tx.commit().await?;
            return Ok(SignedIn::Disabled);
        }
        // From here to the commit nobody else takes an address.
        changes::lock(&mut tx).await?;
        ask.identity.email_is_anothers = link == Link::Subject
            && (spoken_for
                || is_anothers(&mut tx, &account, &user.id, &ask.identity.email, now).await?);
        ask.identity.user_id.clone_from(&user.id);
        ask.identity.risk_score.clone_from(&user.risk_score);
        let identity = serde_json::to_string(&ask.identity)?;
        user.email.clone_from(&ask.identity.email);
        user.name = ask.identity.name.clone().or(user.name);
        user.access_seat = true;
        user.last_login_at = Some(now);
        user.updated_at = now;
        user.last_identity = Some(identity.clone());
        users::update(&mut tx, &user).await?;

        let whose = (account.as_str(), user.id.as_str());
        let Some(record) = self.begin_session(&mut tx, &ask, whose, &identity, now).await? else {
            // The same question at the same moment was faster.
            let known = sessions::find(&mut tx, &ask.nonce).await?;
            return known.map_or(Ok(SignedIn::Refused), |known| self.again(&ask, &known));
        };
        self.commit(tx).await?;
        Ok(SignedIn::Session(Box::new(record)))
    }

    /// Writes the session of a user of an account, for them and for the edge. `None`: there is one of
    /// this nonce.
    async fn begin_session(
        &self,
        tx: &mut Tx,
        ask: &SignIn,
        (account_id, user_id): (&str, &str),
        identity: &str,
        now: i64,
    ) -> Result<Option<SessionRecord>, Error> {
        let seconds = i64::try_from(ask.session_seconds).unwrap_or(i64::MAX);
        let expires_at = now.div_euclid(1000) + seconds.clamp(1, LONGEST_SESSION);
        let context = sealing_context(&ask.nonce);
        let record = SessionRecord {
            nonce: ask.nonce.clone(),
            auth_domain: ask.auth_domain.clone(),
            expires_at,
            identity: self.vault.seal_for_access(&context, identity.as_bytes())?,
        };
        let row = SessionRow {
            nonce: ask.nonce.clone(),
            account_id: account_id.to_owned(),
            auth_domain: ask.auth_domain.to_string(),
            user_id: user_id.to_owned(),
            identity_provider_id: ask.identity.idp.id.clone(),
            subject: ask.identity.subject.clone(),
            record: record.encode(),
            created_at: now,
            expires_at: expires_at * 1000,
            ended_at: None,
        };
        if !sessions::insert(tx, &row).await? {
            return Ok(None);
        }
        changes::put(tx, &record.key(), Some(&row.record), now).await?;
        Ok(Some(record))
    }

    /// The answer to a question that was asked before.
    fn again(&self, ask: &SignIn, known: &SessionRow) -> Result<SignedIn, Error> {
        let same = known.auth_domain == ask.auth_domain.to_string()
            && known.identity_provider_id == ask.identity.idp.id
            && known.subject == ask.identity.subject;
        if !same || !self.goes_on(known) {
            return Ok(SignedIn::Refused);
        }
        Ok(SignedIn::Session(Box::new(SessionRecord::decode(&known.record)?)))
    }

    /// Whom the identity belongs to; who was never seen is made. Locked until the transaction ends.
    async fn user(
        &self,
        tx: &mut Tx,
        account_id: &str,
        link: &Link,
        identity: &Identity,
        now: i64,
    ) -> sqlx::Result<Option<UserRow>> {
        let key = link.key(account_id, identity);
        let fresh = Uuid::new_v4().to_string();
        let id = users::claim(tx, key, &fresh).await?;
        if id == fresh {
            users::insert(tx, &new_user(&fresh, account_id, &identity.email, now)).await?;
        }
        users::find_for_update(tx, account_id, &id).await
    }

    fn goes_on(&self, session: &SessionRow) -> bool {
        session.ended_at.is_none() && session.expires_at > self.clock.now_millis()
    }

    /// A session whose record has not arrived at the edge that asks.
    ///
    /// # Errors
    /// The database failed.
    pub async fn find_session(&self, ask: FindSession) -> Result<SessionFound, Error> {
        let mut tx = self.db.read().await?;
        let found = sessions::find(&mut tx, &ask.nonce).await?;
        let domain = ask.auth_domain.to_string();
        let found = found.filter(|it| it.auth_domain == domain && self.goes_on(it));
        let session = found.map(|session| SessionRecord::decode(&session.record)).transpose()?;
        Ok(SessionFound { session })
    }
}

/// Somebody who was never seen before.
pub(crate) fn new_user(id: &str, account_id: &str, email: &str, now: i64) -> UserRow {
    UserRow {
        id: id.to_owned(),
        account_id: account_id.to_owned(),
        email: email.to_owned(),
        name: None,
        enabled: true,
        seat_uid: Uuid::new_v4().to_string(),
        access_seat: false,
        gateway_seat: false,
        risk_score: None,
        last_login_at: None,
        last_identity: None,
        created_at: now,
        updated_at: now,
    }
}

/// Whether an address that a provider merely says is somebody else's: of who had it first, or of who
/// is known by it, as its mailbox was proven or a provider speaks for its domain.
async fn is_anothers(
    tx: &mut Tx,
    account_id: &str,
    user_id: &str,
    email: &str,
    now: i64,
) -> sqlx::Result<bool> {
    if email.is_empty() {
        return Ok(false);
    }
    let known = users::identified(tx, by_address(account_id, email)).await?;
    Ok(known.is_some_and(|known| known != user_id)
        || users::had_before(tx, account_id, (user_id, email), now).await?)
}

/// Whether any of these providers speaks for the domain of an address, on or off: then it is the
/// address of whom that one says, who may never have signed in yet.
async fn spoken_for(tx: &mut Tx, providers: &[&String], email: &str) -> Result<bool, Error> {
    let Some((_, domain)) = email.rsplit_once('@') else { return Ok(false) };
    for id in providers {
        let key = Key::IdentityProvider((*id).clone());
        let provider: Option<IdentityProviderRecord> = records::read(tx, &key).await?;
        if provider.is_some_and(|provider| states(&provider, domain)) {
            return Ok(true);
        }
    }
    Ok(false)
}

/// The key of whoever is known by an address.
pub(crate) fn by_address<'a>(account_id: &'a str, email: &'a str) -> IdentityKey<'a> {
    IdentityKey { account_id, identity_provider_id: "", subject: email }
}

/// What says who somebody is.
#[derive(Debug, Eq, PartialEq)]
enum Link {
    /// Their address: the provider speaks for its domain, or has proven the mailbox.
    Address,
    /// The provider's own subject: two providers that name one address may mean two people.
    Subject,
}

impl Link {
    /// `None`: the provider may not speak for this address at all.
    fn of(provider: &IdentityProviderRecord, identity: &Identity) -> Option<Self> {
        let domain = identity.email.rsplit_once('@').map(|(_, domain)| domain);
        let states = |domain: &str| states(provider, domain);
        match domain {
            _ if provider.email_domains.is_empty() => {}
            Some(domain) if states(domain) => return Some(Self::Address),
            _ => return None,
        }
        let proven = matches!(provider.protocol, Protocol::OneTimePin {}) && domain.is_some();
        Some(if proven { Self::Address } else { Self::Subject })
    }

    fn key<'a>(&self, account_id: &'a str, identity: &'a Identity) -> IdentityKey<'a> {
        match self {
            Self::Address => by_address(account_id, &identity.email),
            Self::Subject => IdentityKey {
                account_id,
                identity_provider_id: &identity.idp.id,
                subject: &identity.subject,
            },
        }
    }
}

/// Whether a provider speaks for a domain.
fn states(provider: &IdentityProviderRecord, domain: &str) -> bool {
    provider.email_domains.iter().any(|known| known.eq_ignore_ascii_case(domain))
}

/// Refuses what no edge asks, before it is stored.
fn judge(ask: &SignIn) -> Result<(), Error> {
    let nonce = ask.nonce.as_bytes();
    let base64url = |b: &u8| b.is_ascii_alphanumeric() || b"-_".contains(b);
    if nonce.len() != 22 || !nonce.iter().all(base64url) {
        return Err(Error::Invalid("nonce must be 22 characters of base64url"));
    }
    let subject = &ask.identity.subject;
    if subject.is_empty() || subject.len() > 1024 || subject.contains('\0') {
        return Err(Error::Invalid("identity.subject must be 1 to 1024 bytes, without NUL"));
    }
    let email = &ask.identity.email;
    if email.len() > 320 || email.chars().any(char::is_control) {
        return Err(Error::Invalid("identity.email must be at most 320 bytes, without controls"));
    }
    let name = ask.identity.name.as_deref().unwrap_or_default();
    if name.len() > 1024 || name.contains('\0') {
        return Err(Error::Invalid("identity.name must be at most 1024 bytes, without NUL"));
    }
    Ok(())
}

/// Of the contract: a month.
const LONGEST_SESSION: i64 = 31 * 24 * 3600;

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn link(protocol: &serde_json::Value, domains: &[&str], email: &str) -> Option<Link> {
        let provider = json!({"v": 1, "id": "p", "auth_domain": "team.saas.com", "name": "P",
            "type": "oidc", "revision": 1, "email_domains": domains, "protocol": protocol});
        let provider = IdentityProviderRecord::decode(&provider.to_string()).unwrap();
        let identity = Identity { email: email.to_owned(), ..Identity::default() };
        Link::of(&provider, &identity)
    }

    #[test]
    fn an_address_links_only_what_is_stated_or_proven() {
        let oidc = json!({"oidc": {"client_id": "c", "scopes": [], "email_claim_name": "email",
            "groups_claim_name": "groups"}});
        let pin = json!({"one_time_pin": {}});
        for (protocol, domains, email, expected) in [
            (&oidc, &["corp.com"][..], "a@corp.com", Some(Link::Address)),
            (&oidc, &["Corp.com"], "a@corp.com", Some(Link::Address)),
            (&oidc, &["corp.com"], "a@other.com", None),
            (&oidc, &["corp.com"], "a@evil.corp.com", None),
            (&oidc, &["corp.com"], "", None),
            (&oidc, &["corp.com"], "a@corp.com@other.com", None),
            (&oidc, &[], "a@corp.com", Some(Link::Subject)),
            (&oidc, &[], "", Some(Link::Subject)),
            (&pin, &[], "a@corp.com", Some(Link::Address)),
            (&pin, &["corp.com"], "a@other.com", None),
            (&pin, &[], "", Some(Link::Subject)),
        ] {
            assert_eq!(link(protocol, domains, email), expected, "{domains:?} {email:?}");
        }
    }
}
