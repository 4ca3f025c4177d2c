//! Who asks. The extractors refuse before the body is read.

use std::marker::PhantomData;

use axum::extract::{FromRequestParts, RawPathParams};
use http::request::Parts;
use http::{HeaderMap, Method, header};
use secrecy::ExposeSecret as _;
use sha2::{Digest as _, Sha256};
use subtle::ConstantTimeEq as _;

use super::error::{ApiError, Malformed, Refusal};
use super::permission::{Area, Grants, Level, Policy, StoredPolicy, Target, group};
use super::{App, is_id};
use crate::store::accounts::AccountRow;
use crate::store::tokens::TokenRow;
use crate::store::zones::ZoneRow;
use crate::store::{Tx, accounts, tokens, zones};

/// Who asks.
#[derive(Clone, Debug)]
pub struct Caller {
    /// Id of the token.
    pub token_id: String,
    /// What it may do.
    pub grants: Grants,
    /// When it begins and ends, for `verify`.
    pub not_before: Option<i64>,
    /// As above.
    pub expires_at: Option<i64>,
    /// The account that it belongs to; `None`: to the user.
    pub account_id: Option<String>,
}

/// Anybody with a valid token.
pub struct Authenticated(pub Caller);

/// May act on the user with permission `P`: look by GET, change by any other method.
pub struct ForUser<P> {
    /// Who asks.
    pub caller: Caller,
    permission: PhantomData<P>,
}

/// May act in the account of the path.
pub struct ForAccount<P> {
    /// Who asks.
    pub caller: Caller,
    /// The account.
    pub account: AccountRow,
    permission: PhantomData<P>,
}

/// May act in the zone of the path.
pub struct ForZone<P> {
    /// Who asks.
    pub caller: Caller,
    /// The zone.
    pub zone: ZoneRow,
    permission: PhantomData<P>,
}

/// May act on the Access objects of an account: that of the path, or that of the path's zone.
/// There is one set of them per account, so whoever reaches only the zone cannot have them.
pub struct ForAccess<P> {
    /// Who asks.
    pub caller: Caller,
    /// The account.
    pub account: AccountRow,
    permission: PhantomData<P>,
}

/// A permission that an extractor asks for.
pub trait Permission: Send {
    /// What it is about; `None`: any permission there will do for looking, as when asking for the
    /// name of what the token works on anyway.
    fn area(level: Level) -> Option<Area>;
}

macro_rules! permission {
    ($($(#[$doc:meta])* $name:ident => $area:ident),+ $(,)?) => {$(
        $(#[$doc])*
        pub struct $name;
        impl Permission for $name {
            fn area(_: Level) -> Option<Area> {
                Some(Area::$area)
            }
        }
    )+};
}

permission! {
    /// The user's own tokens.
    ApiTokens => ApiTokens,
    /// The user.
    UserDetails => UserDetails,
    /// Tokens of an account.
    AccountApiTokens => AccountApiTokens,
    /// Settings of zones.
    ZoneSettings => ZoneSettings,
    /// Custom hostnames.
    SslAndCertificates => SslAndCertificates,
    /// Access: applications, policies, tags.
    AccessApps => AccessApps,
    /// Access: organizations, identity providers, groups, users.
    AccessOrganizations => AccessOrganizations,
    /// Access: service tokens.
    AccessServiceTokens => AccessServiceTokens,
    /// Access: CAs of client certificates.
    AccessCertificates => AccessCertificates,
    /// Access: pages of one's own.
    AccessCustomPages => AccessCustomPages,
    /// Access: who signed in.
    AccessAuditLogs => AccessAuditLogs,
    /// Access: device posture.
    AccessDevicePosture => AccessDevicePosture,
    /// Lists, seats, risk scores.
    ZeroTrust => ZeroTrust,
}

/// An account itself.
pub struct AccountItself;

impl Permission for AccountItself {
    fn area(level: Level) -> Option<Area> {
        (level == Level::Edit).then_some(Area::AccountSettings)
    }
}

/// A zone itself.
pub struct ZoneItself;

impl Permission for ZoneItself {
    fn area(level: Level) -> Option<Area> {
        (level == Level::Edit).then_some(Area::Zone)
    }
}

impl Caller {
    /// Refuses unless the token may do this there. Who cannot reach the target at all does not learn
    /// whether it exists.
    pub fn require(
        &self,
        area: Option<Area>,
        level: Level,
        target: Target<'_>,
        what: &'static str,
    ) -> Result<(), ApiError> {
        if !self.grants.reach(target) {
            return Err(ApiError::OutOfReach(what));
        }
        match area {
            Some(area) if !self.grants.allow(area, level, target) => {
                Err(ApiError::Forbidden(group::name(area, level).to_owned()))
            }
            _ => Ok(()),
        }
    }

    fn all_powerful() -> Self {
        let (not_before, expires_at, account_id) = (None, None, None);
        let token_id = BOOTSTRAP_ID.to_owned();
        Self { token_id, grants: Grants::All, not_before, expires_at, account_id }
    }
}

impl FromRequestParts<App> for Authenticated {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self, ApiError> {
        let mut tx = app.db.read().await?;
        caller(&parts.headers, app, &mut tx).await.map(Self)
    }
}

impl<P: Permission> FromRequestParts<App> for ForUser<P> {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self, ApiError> {
        let Authenticated(caller) = Authenticated::from_request_parts(parts, app).await?;
        let level = level(&parts.method);
        if let Some(area) = P::area(level)
            && !caller.grants.allow(area, level, Target::User)
        {
            return Err(ApiError::Forbidden(group::name(area, level).to_owned()));
        }
        Ok(Self { caller, permission: PhantomData })
    }
}

impl<P: Permission> FromRequestParts<App> for ForAccount<P> {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self, ApiError> {
        let mut tx = app.db.read().await?;
        let caller = caller(&parts.headers, app, &mut tx).await?;
        let id = path_id(parts, app, "account_id").await?;
        let level = level(&parts.method);
        caller.require(P::area(level), level, Target::Account(&id), "account")?;
        // Only who reaches all accounts comes here with an id that does not exist.
        let account = accounts::find(&mut tx, &id).await?.ok_or(ApiError::NotFound("account"))?;
        Ok(Self { caller, account, permission: PhantomData })
    }
}

impl<P: Permission> FromRequestParts<App> for ForZone<P> {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self, ApiError> {
        let mut tx = app.db.read().await?;
        let caller = caller(&parts.headers, app, &mut tx).await?;
        let id = path_id(parts, app, "zone_id").await?;
        let level = level(&parts.method);
        let zone = zones::find(&mut tx, &id).await?;
        let account = zone.as_ref().map_or("", |zone| zone.account_id.as_str());
        caller.require(P::area(level), level, Target::Zone { id: &id, account }, "zone")?;
        let zone = zone.ok_or(ApiError::NotFound("zone"))?;
        Ok(Self { caller, zone, permission: PhantomData })
    }
}

impl<P: Permission> FromRequestParts<App> for ForAccess<P> {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self, ApiError> {
        let mut tx = app.db.read().await?;
        let caller = caller(&parts.headers, app, &mut tx).await?;
        let level = level(&parts.method);
        let account_id = if let Some(id) = param(parts, app, "zone_id").await {
            let id = well_formed(parts, Some(id))?;
            let zone = zones::find(&mut tx, &id).await?;
            let account = zone.as_ref().map_or("", |zone| zone.account_id.as_str());
            caller.require(None, level, Target::Zone { id: &id, account }, "zone")?;
            let zone = zone.ok_or(ApiError::NotFound("zone"))?;
            // Who reaches the zone may know its account.
            if let Some(area) = P::area(level)
                && !caller.grants.allow(area, level, Target::Account(&zone.account_id))
            {
                return Err(ApiError::Forbidden(group::name(area, level).to_owned()));
            }
            zone.account_id
        } else {
            let id = path_id(parts, app, "account_id").await?;
            caller.require(P::area(level), level, Target::Account(&id), "account")?;
            id
        };
        let account = accounts::find(&mut tx, &account_id).await?;
        let account = account.ok_or(ApiError::NotFound("account"))?;
        Ok(Self { caller, account, permission: PhantomData })
    }
}

/// Finds who asks, and refuses tokens that are not valid now.
async fn caller(headers: &HeaderMap, app: &App, tx: &mut Tx) -> Result<Caller, ApiError> {
    match identify(headers, app, tx).await? {
        Identity::Bootstrap => Ok(Caller::all_powerful()),
        Identity::Token(row) => match refusal(&row, app.clock.now_millis()) {
            Some(refusal) => Err(ApiError::Unauthenticated(refusal)),
            None => as_caller(row),
        },
        Identity::Unknown => Err(ApiError::Unauthenticated(Refusal::Unknown)),
    }
}

/// Whose token it is, valid or not.
pub(crate) enum Identity {
    /// The one from configuration.
    Bootstrap,
    /// One of ours.
    Token(TokenRow),
    /// Nobody's.
    Unknown,
}

/// Reads the header and looks the token up.
pub(crate) async fn identify(
    headers: &HeaderMap,
    app: &App,
    tx: &mut Tx,
) -> Result<Identity, ApiError> {
    let hash = hash(bearer(headers)?);
    if let Some(bootstrap) = &app.config.bootstrap_token {
        // Hashes, so that the comparison takes as long for every length.
        let expected = self::hash(bootstrap.expose_secret());
        if bool::from(expected.ct_eq(&hash)) {
            return Ok(Identity::Bootstrap);
        }
    }
    match tokens::find_by_hash(tx, &hash).await? {
        Some(row) if bool::from(row.hash.ct_eq(&hash)) => Ok(Identity::Token(row)),
        _ => Ok(Identity::Unknown),
    }
}

/// Why a token is not valid at `now`, if it is not.
pub(crate) fn refusal(row: &TokenRow, now: i64) -> Option<Refusal> {
    if row.status == "disabled" {
        Some(Refusal::Disabled)
    } else if row.expires_at.is_some_and(|end| end <= now) {
        Some(Refusal::Expired)
    } else if row.not_before.is_some_and(|begin| begin > now) {
        Some(Refusal::NotYet)
    } else {
        None
    }
}

/// The form in which a token is kept.
pub(crate) fn hash(token: &str) -> [u8; 32] {
    Sha256::digest(token.as_bytes()).into()
}

fn as_caller(row: TokenRow) -> Result<Caller, ApiError> {
    let policies = StoredPolicy::read_all(&row.policies)
        .and_then(|stored| stored.iter().map(Policy::try_from).collect::<Result<Vec<_>, _>>());
    let policies = policies.map_err(|error| {
        tracing::error!(token = row.id, error, "a stored policy cannot be read");
        ApiError::Internal
    })?;
    let TokenRow { id, not_before, expires_at, account_id, .. } = row;
    Ok(Caller {
        token_id: id,
        grants: Grants::Policies(policies),
        not_before,
        expires_at,
        account_id,
    })
}

fn bearer(headers: &HeaderMap) -> Result<&str, ApiError> {
    let Some(value) = headers.get(header::AUTHORIZATION) else {
        return Err(if headers.contains_key("x-auth-key") {
            ApiError::MalformedCredentials(Malformed::AuthKey)
        } else {
            ApiError::NoCredentials
        });
    };
    let malformed = || ApiError::MalformedCredentials(Malformed::Authorization);
    let (scheme, token) =
        value.to_str().ok().and_then(|text| text.split_once(' ')).ok_or_else(malformed)?;
    let token = token.trim();
    // RFC 6750 §2.1: b64token.
    let fits = |b: u8| b.is_ascii_alphanumeric() || b"-._~+/=".contains(&b);
    if !scheme.eq_ignore_ascii_case("bearer") || token.is_empty() || !token.bytes().all(fits) {
        return Err(malformed());
    }
    Ok(token)
}

/// GET and HEAD look; everything else changes.
fn level(method: &Method) -> Level {
    if method.is_safe() { Level::Read } else { Level::Edit }
}

async fn path_id(parts: &mut Parts, app: &App, name: &str) -> Result<String, ApiError> {
    let id = param(parts, app, name).await;
    well_formed(parts, id)
}

async fn param(parts: &mut Parts, app: &App, name: &str) -> Option<String> {
    let params = RawPathParams::from_request_parts(parts, app).await.ok()?;
    params.iter().find(|(key, _)| *key == name).map(|(_, value)| value.to_owned())
}

fn well_formed(parts: &Parts, id: Option<String>) -> Result<String, ApiError> {
    let malformed = || ApiError::MalformedId { path: parts.uri.path().to_owned() };
    id.filter(|id| is_id(id)).ok_or_else(malformed)
}

/// What stands for the token from configuration, where ids of tokens are kept.
pub(crate) const BOOTSTRAP_ID: &str = "00000000000000000000000000000000";

#[cfg(test)]
mod tests {
    use http::HeaderValue;

    use super::*;

    #[test]
    fn only_a_bearer_token_is_read() {
        let read = |name: &'static str, value: &str| {
            let value = HeaderValue::from_str(value).unwrap();
            bearer(&HeaderMap::from_iter([(http::HeaderName::from_static(name), value)]))
                .map(str::to_owned)
        };
        assert_eq!(read("authorization", "Bearer abc").unwrap(), "abc");
        assert_eq!(read("authorization", "bearer  abc ").unwrap(), "abc");
        for wrong in ["abc", "Basic abc", "Bearer ", "Bearer a b", "Bearer a\u{e9}"] {
            let error = read("authorization", wrong).unwrap_err();
            assert!(
                matches!(error, ApiError::MalformedCredentials(Malformed::Authorization)),
                "{wrong}"
            );
        }
        let error = read("x-auth-key", "0123").unwrap_err();
        assert!(matches!(error, ApiError::MalformedCredentials(Malformed::AuthKey)));
        assert!(matches!(bearer(&HeaderMap::new()).unwrap_err(), ApiError::NoCredentials));
    }
}
