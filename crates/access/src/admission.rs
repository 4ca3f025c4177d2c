//! Whether the parties of an entrance exist and are on: asked on every way in, and nowhere else.
//!
//! Disabled is off, missing is no, and another organisation's is missing.

use edge_state::Hostname;
use edge_state::access::{
    ApplicationRecord, IdentityProviderRecord, OrganizationRecord, RevocationRecord,
    ServiceTokenRecord,
};

use crate::{Known, Need};

/// Who takes part in an entrance. A party that is `None` takes no part; one that is named has to be
/// there.
#[derive(Clone, Copy, Debug)]
pub struct Entrance<'a> {
    /// The organisation.
    pub auth_domain: &'a Hostname,
    /// The application's id.
    pub application: Option<&'a str>,
    /// The provider's id: of the one that speaks, or that spoke when the session began.
    pub provider: Option<&'a str>,
    /// The person: `sub`.
    pub user: Option<&'a str>,
    /// When the token was issued that is shown, in seconds since 1970; `None`: none is.
    pub issued_at: Option<i64>,
    /// The client id of a machine.
    pub service_token: Option<&'a str>,
    /// Seconds since 1970.
    pub now: i64,
}

/// The parties, all of them on.
#[derive(Clone, Copy, Debug)]
pub struct Admitted<'a> {
    /// The organisation.
    pub organization: &'a OrganizationRecord,
    /// The application, if one was named.
    pub application: Option<&'a ApplicationRecord>,
    /// The provider, if one was named.
    pub provider: Option<&'a IdentityProviderRecord>,
    /// The service token, if one was named.
    pub service_token: Option<&'a ServiceTokenRecord>,
}

/// Who is off or not there. `Display` is for the login log; visitors are told less.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
pub enum NotAdmitted {
    /// No such team domain.
    #[error("the organization does not exist")]
    NoOrganization,
    /// It is disabled.
    #[error("the organization is disabled")]
    OrganizationOff,
    /// No such application in this organisation.
    #[error("the application does not exist in this organization")]
    NoApplication,
    /// It is disabled.
    #[error("the application is disabled")]
    ApplicationOff,
    /// Its tokens were revoked after this one was issued.
    #[error("the application's tokens were revoked")]
    ApplicationRevoked,
    /// No such provider in this organisation.
    #[error("the identity provider does not exist in this organization")]
    NoProvider,
    /// It is disabled.
    #[error("the identity provider is disabled")]
    ProviderOff,
    /// The application wants others.
    #[error("the application does not allow this identity provider")]
    ProviderNotAllowed,
    /// The person is disabled.
    #[error("the user is disabled")]
    UserOff,
    /// The person's tokens were revoked after this one was issued.
    #[error("the user's sessions were revoked")]
    UserRevoked,
    /// No such service token in this organisation.
    #[error("the service token does not exist in this organization")]
    NoServiceToken,
    /// It is disabled.
    #[error("the service token is disabled")]
    ServiceTokenOff,
    /// It is too old.
    #[error("the service token has expired")]
    ServiceTokenExpired,
}

/// The one way in: all parties of `entrance`, if each is there, is on, and belongs to the same
/// organisation.
///
/// # Errors
/// [`Need`]: a record that has not been read.
pub fn admit<'a>(
    entrance: &Entrance,
    known: &'a Known,
) -> Result<Result<Admitted<'a>, NotAdmitted>, Need> {
    let records = &known.records;
    let organization = records.organization(entrance.auth_domain)?;
    let application = match entrance.application {
        Some(id) => Party::Named(records.application(id)?),
        None => Party::Unconcerned,
    };
    let provider = match entrance.provider {
        Some(id) => Party::Named(records.identity_provider(id)?),
        None => Party::Unconcerned,
    };
    let service_token = match entrance.service_token {
        Some(client_id) => Party::Named(records.service_token(client_id)?),
        None => Party::Unconcerned,
    };
    // None means that nobody was ever revoked: what does not count any more is listed, and ended
    // sessions are missing by themselves.
    let revocations = match (entrance.user, entrance.issued_at) {
        (None, None) => None,
        _ => records.revocations(entrance.auth_domain)?,
    };
    Ok(decide(entrance, organization, application, provider, service_token, revocations))
}

/// One that an entrance may name.
#[derive(Clone, Copy)]
enum Party<T> {
    Unconcerned,
    /// `None`: it is not there.
    Named(Option<T>),
}

fn decide<'a>(
    entrance: &Entrance,
    organization: Option<&'a OrganizationRecord>,
    application: Party<&'a ApplicationRecord>,
    provider: Party<&'a IdentityProviderRecord>,
    service_token: Party<&'a ServiceTokenRecord>,
    revocations: Option<&RevocationRecord>,
) -> Result<Admitted<'a>, NotAdmitted> {
    let organization = organization.ok_or(NotAdmitted::NoOrganization)?;
    let home = &organization.auth_domain;
    on(organization.enabled, NotAdmitted::OrganizationOff)?;
    let application = match application {
        Party::Named(found) => {
            let found = found.filter(|found| found.auth_domain == *home);
            let found = found.ok_or(NotAdmitted::NoApplication)?;
            on(found.enabled, NotAdmitted::ApplicationOff)?;
            Some(found)
        }
        Party::Unconcerned => None,
    };
    let provider = match provider {
        Party::Named(found) => {
            let found = found.filter(|found| found.auth_domain == *home);
            let found = found.ok_or(NotAdmitted::NoProvider)?;
            // The organisation lists what it offers; one that left the list is gone.
            let mut listed = organization.identity_providers.iter();
            let listed = listed.find(|listed| listed.id == found.id);
            let listed = listed.ok_or(NotAdmitted::NoProvider)?;
            on(found.enabled && listed.enabled, NotAdmitted::ProviderOff)?;
            let any = application
                .is_none_or(|a| a.allowed_idps.is_empty() || a.allowed_idps.contains(&found.id));
            on(any, NotAdmitted::ProviderNotAllowed)?;
            Some(found)
        }
        Party::Unconcerned => None,
    };
    let service_token = match service_token {
        Party::Named(found) => {
            let found = found.filter(|found| found.auth_domain == *home);
            let found = found.ok_or(NotAdmitted::NoServiceToken)?;
            on(found.enabled, NotAdmitted::ServiceTokenOff)?;
            let young = found.expires_at.is_none_or(|end| entrance.now < end);
            on(young, NotAdmitted::ServiceTokenExpired)?;
            Some(found)
        }
        Party::Unconcerned => None,
    };
    if let Some(revocations) = revocations {
        let old = |not_after| entrance.issued_at.is_some_and(|issued_at| issued_at <= not_after);
        if let Some(revoked) = entrance.user.and_then(|user| revocations.users.get(user)) {
            on(!revoked.disabled, NotAdmitted::UserOff)?;
            on(!old(revoked.not_after), NotAdmitted::UserRevoked)?;
        }
        let revoked = application.and_then(|a| revocations.applications.get(&a.aud));
        on(!revoked.is_some_and(|it| old(it.not_after)), NotAdmitted::ApplicationRevoked)?;
    }
    Ok(Admitted { organization, application, provider, service_token })
}

fn on(on: bool, otherwise: NotAdmitted) -> Result<(), NotAdmitted> {
    if on { Ok(()) } else { Err(otherwise) }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use edge_state::{Entry, Key, Records};

    use super::*;

    const NOW: i64 = 1_000;

    struct House {
        organization: serde_json::Value,
        application: serde_json::Value,
        provider: serde_json::Value,
        token: serde_json::Value,
        revocations: serde_json::Value,
    }

    fn house() -> House {
        let json = |text: &str| serde_json::from_str(text).unwrap();
        House {
            organization: json(
                r#"{"account_id":"a","auth_domain":"team.example","name":"T","session_seconds":60,
                "identity_providers":[{"id":"i","name":"I","kind":"oidc"}]}"#,
            ),
            application: json(
                r#"{"id":"a","auth_domain":"team.example","aud":"aud","name":"A",
                "type":"self_hosted","session_seconds":60,"policies":[]}"#,
            ),
            provider: json(
                r#"{"id":"i","auth_domain":"team.example","name":"I","type":"onetimepin",
                "revision":1,"protocol":{"one_time_pin":{}}}"#,
            ),
            token: json(
                r#"{"client_id":"t.access","id":"t","auth_domain":"team.example","name":"T",
                "expires_at":2000,"secrets":[]}"#,
            ),
            revocations: json(r#"{"auth_domain":"team.example"}"#),
        }
    }

    fn verdict(house: House) -> Result<(), NotAdmitted> {
        let mut records = Records::default();
        let home = Hostname::parse("team.example").unwrap();
        macro_rules! put {
            ($kind:ident, $name:expr, $value:expr) => {
                let entry = match $value {
                    serde_json::Value::Null => Entry::Absent,
                    value => Entry::$kind(Arc::new(serde_json::from_value(value).unwrap())),
                };
                records.insert(Key::$kind($name), entry);
            };
        }
        put!(Organization, home.clone(), house.organization);
        put!(Application, "a".into(), house.application);
        put!(IdentityProvider, "i".into(), house.provider);
        put!(ServiceToken, "t.access".into(), house.token);
        put!(Revocations, home.clone(), house.revocations);
        let entrance = Entrance {
            auth_domain: &home,
            application: Some("a"),
            provider: Some("i"),
            user: Some("u"),
            issued_at: Some(500),
            service_token: Some("t.access"),
            now: NOW,
        };
        admit(&entrance, &Known::new(records)).unwrap().map(drop)
    }

    #[test]
    fn all_on_is_admitted() {
        assert_eq!(verdict(house()), Ok(()));
        assert_eq!(verdict(House { revocations: serde_json::Value::Null, ..house() }), Ok(()));
    }

    #[test]
    fn every_party_that_is_off_missing_or_elsewhere_is_refused() {
        use NotAdmitted::*;
        type Change = fn(&mut House);
        let cases: [(NotAdmitted, Change); 17] = [
            (NoOrganization, |h| h.organization = ().into()),
            (OrganizationOff, |h| h.organization["enabled"] = false.into()),
            (NoApplication, |h| h.application = ().into()),
            (NoApplication, |h| h.application["auth_domain"] = "other.example".into()),
            (ApplicationOff, |h| h.application["enabled"] = false.into()),
            (NoProvider, |h| h.provider = ().into()),
            (NoProvider, |h| h.provider["auth_domain"] = "other.example".into()),
            (NoProvider, |h| h.organization["identity_providers"] = serde_json::json!([])),
            (ProviderOff, |h| h.provider["enabled"] = false.into()),
            (ProviderOff, |h| h.organization["identity_providers"][0]["enabled"] = false.into()),
            (ProviderNotAllowed, |h| h.application["allowed_idps"] = serde_json::json!(["j"])),
            (NoServiceToken, |h| h.token = ().into()),
            (ServiceTokenOff, |h| h.token["enabled"] = false.into()),
            (ServiceTokenExpired, |h| h.token["expires_at"] = NOW.into()),
            (UserOff, |h| h.revocations["users"]["u"] = off()),
            (UserRevoked, |h| h.revocations["users"]["u"] = serde_json::json!({"not_after": 500})),
            (ApplicationRevoked, |h| {
                h.revocations["applications"]["aud"] = serde_json::json!({"not_after": 500});
            }),
        ];
        for (expected, change) in cases {
            let mut house = house();
            change(&mut house);
            assert_eq!(verdict(house), Err(expected), "{expected:?}");
        }
    }

    fn off() -> serde_json::Value {
        serde_json::json!({"not_after": 0, "disabled": true})
    }
}
