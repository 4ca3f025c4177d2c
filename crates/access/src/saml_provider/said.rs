//! What a SAML provider says of somebody, in the one form that policies know.

use std::collections::BTreeMap;

use edge_state::access::saml::SamlConfig;
use edge_state::access::session::{IdentityGroup, SamlSession};
use edge_state::access::{Identity, IdentityProviderRecord};
use saml::assertion::authn_context;
use saml::name_id::{NameId, format};
use saml::service_provider::Login;
use serde_json::Value;

use super::{header, seconds};
use crate::login::identity::{ProviderError, Said, identity as one_identity};
use crate::visit::Visit;

/// Attributes that hold an address, where nobody says which one does.
const EMAIL: [&str; 10] = [
    "http://schemas.xmlsoap.org/ws/2005/05/identity/claims/emailaddress",
    "urn:oid:0.9.2342.19200300.100.1.3",
    // PKCS #9 (RFC 2985): what Keycloak's own mapper says.
    "urn:oid:1.2.840.113549.1.9.1",
    "urn:mace:dir:attribute-def:mail",
    "http://schemas.xmlsoap.org/claims/EmailAddress",
    "email",
    "mail",
    "emailAddress",
    "Email",
    "user.email",
];

/// Attributes that name the person for people.
const NAME: [&str; 7] = [
    "http://schemas.microsoft.com/identity/claims/displayname",
    "urn:oid:2.16.840.1.113730.3.1.241",
    "urn:mace:dir:attribute-def:displayName",
    "displayName",
    "name",
    "urn:oid:2.5.4.3",
    "cn",
];

/// A person's names, in the order in which they are said where there is no [`NAME`].
const NAMES: [[&str; 5]; 2] = [
    [
        "http://schemas.xmlsoap.org/ws/2005/05/identity/claims/givenname",
        "urn:oid:2.5.4.42",
        "givenName",
        "firstName",
        "given_name",
    ],
    [
        "http://schemas.xmlsoap.org/ws/2005/05/identity/claims/surname",
        "urn:oid:2.5.4.4",
        "sn",
        "lastName",
        "family_name",
    ],
];

/// Attributes that list groups.
const GROUPS: [&str; 8] = [
    "http://schemas.microsoft.com/ws/2008/06/identity/claims/groups",
    "http://schemas.xmlsoap.org/claims/Group",
    "urn:oid:1.3.6.1.4.1.5923.1.5.1.1",
    "groups",
    "group",
    "Groups",
    "memberOf",
    "isMemberOf",
];

/// Where Entra says that there are more groups than it lists.
const MORE_GROUPS: &str = "http://schemas.microsoft.com/claims/groups.link";

/// Where Entra and AD FS list what the person did to authenticate.
const METHODS: &str = "http://schemas.microsoft.com/claims/authnmethodsreferences";

/// Longer subjects are no names; SAML core §8.3.7 has 256 characters.
const LONGEST_SUBJECT: usize = 1_024;

/// Who it is. `since`: when the person was to be asked anew, and was.
pub(super) fn identity(
    visit: &Visit,
    record: &IdentityProviderRecord,
    config: &SamlConfig,
    login: &Login,
    since: Option<i64>,
) -> Result<Identity, ProviderError> {
    let authn = login.authn();
    let class = authn.and_then(|authn| authn.class.as_deref());
    // A clock that is a little slow must not make an authentication older than its request.
    let at = authn.map(|authn| seconds(authn.authn_instant)).max(since);
    let said = Said {
        subject: subject(config, login)?,
        email: email(config, login).ok_or(ProviderError::NoEmail)?,
        name: name(login),
        groups: groups(config, login)?,
        claims: claims(config, login),
        amr: methods(class, login),
        acr: class.map(str::to_owned),
        authenticated_at: at,
    };
    let origin_headers = header::values(config, login)?;
    let index = authn.and_then(|authn| authn.session_index.clone());
    let session = login.name_id().map(|name| session(name, index));
    let identity = one_identity(visit, record, said)?;
    Ok(Identity { saml: session, origin_headers, ..identity })
}

/// For how many seconds the provider lets the session last (SAML core §2.7.2): by its clock, so a
/// minute there is.
pub(super) fn lasts(visit: &Visit, login: &Login) -> u64 {
    let ends = login.assertion.authn_statements.iter();
    let end = ends.filter_map(|statement| statement.session_not_on_or_after).min();
    let left = end.map(|end| seconds(end) - visit.now());
    left.map_or(u64::MAX, |left| u64::try_from(left).unwrap_or(0).max(60))
}

/// The one that stays the same: of a `NameID` that is another one each time there is none.
fn subject(config: &SamlConfig, login: &Login) -> Result<String, ProviderError> {
    let subject = match &config.subject_attribute_name {
        Some(name) => {
            let mut values = texts(login, name);
            match (values.next(), values.next()) {
                (Some(subject), None) => subject.to_owned(),
                (None, _) => return Err(ProviderError::NoSubjectAttribute(name.clone())),
                (Some(_), Some(_)) => return Err(ProviderError::Subjects(name.clone())),
            }
        }
        None => match login.name_id() {
            Some(name) if is(name, format::TRANSIENT) => {
                return Err(ProviderError::TransientSubject);
            }
            // Addresses are the same in either case; one person must not become two.
            Some(name) if is(name, format::EMAIL) => name.value.trim().to_ascii_lowercase(),
            Some(name) => name.value.trim().to_owned(),
            None => return Err(ProviderError::NoSubject),
        },
    };
    if subject.len() > LONGEST_SUBJECT {
        return Err(ProviderError::Unreadable("subject"));
    }
    Ok(subject)
}

fn email(config: &SamlConfig, login: &Login) -> Option<String> {
    let said = match &config.email_attribute_name {
        // What is chosen is the address, and nothing else is.
        Some(name) => return texts(login, name).next().map(str::to_owned),
        None => first(login, &EMAIL),
    };
    let name = || login.name_id().filter(|name| is(name, format::EMAIL));
    said.or_else(|| Some(name()?.value.as_str())).map(str::to_owned)
}

fn name(login: &Login) -> Option<String> {
    let whole = first(login, &NAME).map(str::to_owned);
    whole.or_else(|| {
        let names: Vec<_> = NAMES.iter().filter_map(|names| first(login, names)).collect();
        (!names.is_empty()).then(|| names.join(" "))
    })
}

fn groups(config: &SamlConfig, login: &Login) -> Result<Vec<IdentityGroup>, ProviderError> {
    // Without all groups, a rule that excludes one would let people in.
    if texts(login, MORE_GROUPS).next().is_some() {
        return Err(ProviderError::TooMany("groups"));
    }
    let names = match &config.groups_attribute_name {
        Some(name) => vec![name.as_str()],
        None => GROUPS.to_vec(),
    };
    let mut found: Vec<&str> = Vec::new();
    for text in names.into_iter().flat_map(|name| texts(login, name)) {
        if !found.contains(&text) {
            found.push(text);
        }
        if found.len() > MOST_GROUPS {
            return Err(ProviderError::TooMany("groups"));
        }
    }
    let group = |name: &str| IdentityGroup { name: Some(name.to_owned()), ..<_>::default() };
    Ok(found.into_iter().map(group).collect())
}

/// More are not compared with each other.
const MOST_GROUPS: usize = 1_000;

/// Text, or texts where there are several.
fn claims(config: &SamlConfig, login: &Login) -> BTreeMap<String, Value> {
    let claim = |name: &String| {
        let mut values: Vec<_> = login.attribute(name).map(Value::from).collect();
        match values.len() {
            0 => None,
            1 => Some((name.clone(), values.remove(0))),
            _ => Some((name.clone(), Value::Array(values))),
        }
    };
    config.attributes.iter().filter_map(claim).collect()
}

/// What was done, in the words of RFC 8176.
fn methods(class: Option<&str>, login: &Login) -> Vec<String> {
    let mut methods: Vec<String> = Vec::new();
    for said in class.into_iter().chain(texts(login, METHODS)) {
        let method = match said {
            authn_context::PASSWORD | authn_context::PASSWORD_PROTECTED_TRANSPORT => "pwd",
            authn_context::TIME_SYNC_TOKEN => "otp",
            authn_context::SMARTCARD_PKI | "urn:oasis:names:tc:SAML:2.0:ac:classes:Smartcard" => {
                "sc"
            }
            authn_context::TLS_CLIENT | authn_context::X509 => "swk",
            "urn:oasis:names:tc:SAML:2.0:ac:classes:Kerberos"
            | "urn:federation:authentication:windows" => "wia",
            authn_context::REFEDS_MFA
            | "urn:oasis:names:tc:SAML:2.0:ac:classes:MobileTwoFactorContract"
            | "urn:oasis:names:tc:SAML:2.0:ac:classes:MobileTwoFactorUnregistered"
            | "http://schemas.microsoft.com/claims/multipleauthn" => "mfa",
            _ => continue,
        };
        if !methods.iter().any(|found| found == method) {
            methods.push(method.to_owned());
        }
    }
    methods
}

fn session(name: &NameId, session_index: Option<String>) -> SamlSession {
    SamlSession {
        name_id: name.value.clone(),
        format: name.format.clone(),
        name_qualifier: name.name_qualifier.clone(),
        sp_name_qualifier: name.sp_name_qualifier.clone(),
        session_index,
    }
}

fn is(name: &NameId, format: &str) -> bool {
    name.format.as_deref() == Some(format)
}

fn first<'l>(login: &'l Login, names: &[&'l str]) -> Option<&'l str> {
    names.iter().find_map(|name| texts(login, name).next())
}

/// The values of an attribute that say anything.
fn texts<'l>(login: &'l Login, name: &'l str) -> impl Iterator<Item = &'l str> {
    login.attribute(name).map(str::trim).filter(|text| !text.is_empty())
}
