//! `saas_app`: what another company's application is told about the people who open it. Kept and
//! answered here; spoken by the edge.

use std::collections::BTreeMap;

use edge_state::Hostname;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use url::Url;

use super::check::{duration, invalid, one_of, texts, url};
use crate::api::ApiError;
use crate::duration as lengths;

/// SAML or OIDC, as `auth_type` says.
#[derive(Clone, Debug, Default, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct SaasApp {
    auth_type: Option<String>,
    sp_entity_id: Option<String>,
    consumer_service_url: Option<String>,
    name_id_format: Option<String>,
    default_relay_state: Option<String>,
    custom_attributes: Option<CustomAttributes>,
    name_id_transform_jsonata: Option<String>,
    saml_attribute_transform_jsonata: Option<String>,
    sp_metadata: Option<String>,
    sp_metadata_url: Option<String>,
    redirect_uris: Option<Vec<String>>,
    scopes: Option<Vec<String>>,
    grant_types: Option<Vec<String>>,
    custom_claims: Option<Vec<CustomClaim>>,
    group_filter_regex: Option<String>,
    app_launcher_url: Option<String>,
    access_token_lifetime: Option<String>,
    refresh_token_options: Option<RefreshTokenOptions>,
    allow_pkce_without_client_secret: Option<bool>,
    hybrid_and_implicit_options: Option<HybridAndImplicitOptions>,
}

/// A list; older descriptions have a map.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(untagged)]
enum CustomAttributes {
    List(Vec<CustomAttribute>),
    Map(BTreeMap<String, CustomAttribute>),
}

#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
struct CustomAttribute {
    name: Option<String>,
    friendly_name: Option<String>,
    name_format: Option<String>,
    required: Option<bool>,
    source: Option<AttributeSource>,
}

#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
struct AttributeSource {
    name: Option<String>,
    name_by_idp: Option<Value>,
}

#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
struct CustomClaim {
    name: Option<String>,
    required: Option<bool>,
    scope: Option<String>,
    source: Option<ClaimSource>,
}

#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
struct ClaimSource {
    name: Option<String>,
    name_by_idp: Option<BTreeMap<String, String>>,
}

#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
struct RefreshTokenOptions {
    lifetime: Option<String>,
}

#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
struct HybridAndImplicitOptions {
    return_access_token_from_authorization_endpoint: Option<bool>,
    return_id_token_from_authorization_endpoint: Option<bool>,
}

/// The two ways in.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum AuthType {
    /// SAML 2.0.
    Saml,
    /// OpenID Connect.
    Oidc,
}

impl AuthType {
    /// As in JSON.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Saml => "saml",
            Self::Oidc => "oidc",
        }
    }
}

impl SaasApp {
    /// `saml` unless said.
    #[must_use]
    pub fn auth_type(&self) -> AuthType {
        if self.auth_type.as_deref() == Some("oidc") { AuthType::Oidc } else { AuthType::Saml }
    }

    /// Refuses what could not be spoken.
    pub fn judge(&self) -> Result<(), ApiError> {
        let auth_type = self.auth_type.as_deref().unwrap_or("saml");
        one_of("saas_app.auth_type", auth_type, &["saml", "oidc"])?;
        let (saml, oidc) = (self.saml_fields(), self.oidc_fields());
        let foreign = if self.auth_type() == AuthType::Saml { oidc } else { saml };
        if let Some(field) = foreign {
            let message = format!("means nothing where auth_type is {auth_type}");
            return Err(invalid(&format!("saas_app.{field}"), &message));
        }
        match self.auth_type() {
            AuthType::Saml => self.judge_saml(),
            AuthType::Oidc => self.judge_oidc(),
        }
    }

    /// Of the fields of SAML one that is set.
    fn saml_fields(&self) -> Option<&'static str> {
        let empty = match &self.custom_attributes {
            None => true,
            Some(CustomAttributes::List(list)) => list.is_empty(),
            Some(CustomAttributes::Map(map)) => map.is_empty(),
        };
        [
            ("sp_entity_id", self.sp_entity_id.is_some()),
            ("consumer_service_url", self.consumer_service_url.is_some()),
            ("name_id_format", self.name_id_format.is_some()),
            ("default_relay_state", self.default_relay_state.is_some()),
            ("custom_attributes", !empty),
            ("name_id_transform_jsonata", self.name_id_transform_jsonata.is_some()),
            ("saml_attribute_transform_jsonata", self.saml_attribute_transform_jsonata.is_some()),
            ("sp_metadata", self.sp_metadata.is_some()),
            ("sp_metadata_url", self.sp_metadata_url.is_some()),
        ]
        .into_iter()
        .find_map(|(field, set)| set.then_some(field))
    }

    /// Of the fields of OIDC one that is set.
    fn oidc_fields(&self) -> Option<&'static str> {
        let filled = |list: &Option<Vec<String>>| list.as_ref().is_some_and(|l| !l.is_empty());
        [
            ("redirect_uris", filled(&self.redirect_uris)),
            ("scopes", filled(&self.scopes)),
            ("grant_types", filled(&self.grant_types)),
            ("custom_claims", self.custom_claims.as_ref().is_some_and(|claims| !claims.is_empty())),
            ("group_filter_regex", self.group_filter_regex.is_some()),
            ("app_launcher_url", self.app_launcher_url.is_some()),
            ("access_token_lifetime", self.access_token_lifetime.is_some()),
            ("refresh_token_options", self.refresh_token_options.is_some()),
            (
                "allow_pkce_without_client_secret",
                self.allow_pkce_without_client_secret == Some(true),
            ),
            ("hybrid_and_implicit_options", self.hybrid_and_implicit_options.is_some()),
        ]
        .into_iter()
        .find_map(|(field, set)| set.then_some(field))
    }

    fn judge_saml(&self) -> Result<(), ApiError> {
        // What the service provider's own metadata says need not be typed again.
        let described = self.sp_metadata.is_some() || self.sp_metadata_url.is_some();
        for (field, value) in [
            ("saas_app.sp_entity_id", &self.sp_entity_id),
            ("saas_app.consumer_service_url", &self.consumer_service_url),
        ] {
            if value.is_none() && !described {
                return Err(invalid(
                    field,
                    "is missing: the service provider's documentation has it",
                ));
            }
        }
        texts("saas_app.sp_entity_id", self.sp_entity_id.iter(), 1024)?;
        url("saas_app.consumer_service_url", self.consumer_service_url.as_deref())?;
        url("saas_app.sp_metadata_url", self.sp_metadata_url.as_deref())?;
        texts("saas_app.sp_metadata", self.sp_metadata.iter(), 256 << 10)?;
        texts("saas_app.default_relay_state", self.default_relay_state.iter(), 2048)?;
        texts(
            "saas_app.name_id_transform_jsonata",
            self.name_id_transform_jsonata.iter(),
            16 << 10,
        )?;
        let transform = self.saml_attribute_transform_jsonata.iter();
        texts("saas_app.saml_attribute_transform_jsonata", transform, 16 << 10)?;
        if let Some(format) = &self.name_id_format {
            one_of("saas_app.name_id_format", format, &["id", "email"])?;
        }
        let attributes: Vec<_> = match &self.custom_attributes {
            None => Vec::new(),
            Some(CustomAttributes::List(list)) => list.iter().collect(),
            Some(CustomAttributes::Map(map)) => map.values().collect(),
        };
        for (index, attribute) in attributes.into_iter().enumerate() {
            attribute.judge(&format!("saas_app.custom_attributes[{index}]"))?;
        }
        Ok(())
    }

    fn judge_oidc(&self) -> Result<(), ApiError> {
        if self.redirect_uris.as_ref().is_none_or(Vec::is_empty) {
            return Err(invalid(
                "saas_app.redirect_uris",
                "is missing: the client's documentation has it",
            ));
        }
        for (index, uri) in self.redirect_uris.iter().flatten().enumerate() {
            if !is_redirect_uri(uri) {
                let field = format!("saas_app.redirect_uris[{index}]");
                return Err(invalid(&field, "must be an absolute URI without a fragment"));
            }
        }
        for (index, scope) in self.scopes.iter().flatten().enumerate() {
            one_of(&format!("saas_app.scopes[{index}]"), scope, SCOPES)?;
        }
        for (index, grant) in self.grant_types.iter().flatten().enumerate() {
            one_of(&format!("saas_app.grant_types[{index}]"), grant, GRANT_TYPES)?;
        }
        for (index, claim) in self.custom_claims.iter().flatten().enumerate() {
            claim.judge(&format!("saas_app.custom_claims[{index}]"))?;
        }
        texts("saas_app.group_filter_regex", self.group_filter_regex.iter(), 1024)?;
        url("saas_app.app_launcher_url", self.app_launcher_url.as_deref())?;
        let lifetime = self.access_token_lifetime.as_deref();
        duration("saas_app.access_token_lifetime", lifetime, 24 * 3600)?;
        if lifetime.and_then(|text| lengths::seconds(text).ok()).is_some_and(|seconds| seconds < 60)
        {
            return Err(invalid("saas_app.access_token_lifetime", "must be at least 1m"));
        }
        let refresh = self.refresh_token_options.as_ref();
        let lifetime = refresh.and_then(|options| options.lifetime.as_deref());
        if lifetime.is_some_and(|text| !is_refresh_lifetime(text)) {
            let message = "must be longer than 1m, as 90m, 12h or 30d";
            return Err(invalid("saas_app.refresh_token_options.lifetime", message));
        }
        Ok(())
    }

    /// Where the App Launcher leads.
    #[must_use]
    pub fn launch_url(&self, auth_domain: &Hostname, id: &str) -> Option<String> {
        match self.auth_type() {
            AuthType::Saml => {
                Some(format!("https://{}", endpoint(auth_domain, AuthType::Saml, id)))
            }
            AuthType::Oidc => self.app_launcher_url.clone(),
        }
    }
}

impl CustomAttribute {
    fn judge(&self, field: &str) -> Result<(), ApiError> {
        texts(&format!("{field}.name"), self.name.iter(), 350)?;
        texts(&format!("{field}.friendly_name"), self.friendly_name.iter(), 350)?;
        if let Some(format) = &self.name_format {
            one_of(&format!("{field}.name_format"), format, NAME_FORMATS)?;
        }
        let Some(source) = &self.source else {
            return Err(invalid(&format!("{field}.source"), "is missing"));
        };
        texts(&format!("{field}.source.name"), source.name.iter(), 350)
    }
}

impl CustomClaim {
    fn judge(&self, field: &str) -> Result<(), ApiError> {
        texts(&format!("{field}.name"), self.name.iter(), 350)?;
        if let Some(scope) = &self.scope {
            one_of(&format!("{field}.scope"), scope, SCOPES)?;
        }
        let source = self.source.as_ref();
        let by_provider = source.and_then(|source| source.name_by_idp.as_ref());
        texts(
            &format!("{field}.source.name_by_idp"),
            by_provider.into_iter().flat_map(BTreeMap::values),
            350,
        )?;
        texts(&format!("{field}.source.name"), source.and_then(|source| source.name.as_ref()), 350)
    }
}

/// `{team domain}/access/sso/{saml|oidc}/{application}`
#[must_use]
pub fn endpoint(auth_domain: &Hostname, auth_type: AuthType, id: &str) -> String {
    format!("{auth_domain}/access/sso/{}/{id}", auth_type.name())
}

/// What the server adds to `saas_app` in an answer.
pub struct Added<'a> {
    /// The organisation.
    pub auth_domain: &'a Hostname,
    /// The application.
    pub id: &'a str,
    /// Of an OIDC client.
    pub client_id: Option<&'a str>,
    /// What the organisation signs with, PEM.
    pub public_key: Option<&'a str>,
}

/// `saas_app` as it is answered: as it was sent, with defaults and with what is the server's.
#[must_use]
pub fn shown(sent: &Map<String, Value>, added: &Added<'_>) -> Map<String, Value> {
    let mut answer = sent.clone();
    let oidc = answer.get("auth_type").is_some_and(|auth_type| auth_type == "oidc");
    let mut default = |field: &str, value: Value| {
        answer.entry(field).or_insert(value);
    };
    default("auth_type", "saml".into());
    if let Some(key) = added.public_key {
        default("public_key", key.into());
    }
    if oidc {
        default("access_token_lifetime", "5m".into());
        default("allow_pkce_without_client_secret", false.into());
        default("client_id", added.client_id.unwrap_or_default().into());
    } else {
        let sso = endpoint(added.auth_domain, AuthType::Saml, added.id);
        default("sso_endpoint", format!("https://{sso}").into());
        default("idp_entity_id", format!("https://{}", added.auth_domain).into());
    }
    answer
}

/// RFC 6749 §3.1.2: absolute, no fragment. Besides `https` and `http`, schemes of native
/// applications (RFC 8252 §7.1: with a dot), and none that a browser would run.
fn is_redirect_uri(text: &str) -> bool {
    let short = text.len() <= 2048 && !text.chars().any(|c| c.is_control() || c.is_whitespace());
    short
        && Url::parse(text).is_ok_and(|url| {
            let web = matches!(url.scheme(), "http" | "https") && url.has_host();
            let plain = url.username().is_empty() && url.password().is_none();
            (web || url.scheme().contains('.')) && url.fragment().is_none() && plain
        })
}

/// Minutes, hours or days; more than one minute.
fn is_refresh_lifetime(text: &str) -> bool {
    let split = text.len().saturating_sub(1);
    let (Some(number), Some(unit)) = (text.get(..split), text.get(split..)) else { return false };
    let number = number.bytes().all(|b| b.is_ascii_digit()).then(|| number.parse::<u32>());
    match (number, unit) {
        (Some(Ok(number)), "m") => (2..=5_256_000).contains(&number),
        (Some(Ok(number)), "h") => (1..=87_600).contains(&number),
        (Some(Ok(number)), "d") => (1..=3_650).contains(&number),
        _ => false,
    }
}

/// The server's own members of `saas_app`: SDKs send them back.
pub const READ_ONLY: &[&str] = &[
    "idp_entity_id",
    "sso_endpoint",
    "public_key",
    "client_id",
    "client_secret",
    "created_at",
    "updated_at",
];

const SCOPES: &[&str] = &["openid", "groups", "email", "profile"];
const GRANT_TYPES: &[&str] =
    &["authorization_code", "authorization_code_with_pkce", "refresh_tokens", "hybrid", "implicit"];
const NAME_FORMATS: &[&str] = &[
    "urn:oasis:names:tc:SAML:2.0:attrname-format:unspecified",
    "urn:oasis:names:tc:SAML:2.0:attrname-format:basic",
    "urn:oasis:names:tc:SAML:2.0:attrname-format:uri",
];

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn judged(body: Value) -> Result<(), String> {
        let body: SaasApp = serde_json::from_value(body).map_err(|error| error.to_string())?;
        body.judge().map_err(|error| error.to_string())
    }

    #[test]
    fn saml_needs_to_know_whom_it_speaks_to() {
        let whole = json!({"sp_entity_id": "urn:sp", "consumer_service_url": "https://sp.com/acs"});
        judged(whole).unwrap();
        judged(json!({"sp_metadata_url": "https://sp.com/metadata"})).unwrap();
        for (body, named) in [
            (json!({}), "sp_entity_id"),
            (json!({"sp_entity_id": "urn:sp"}), "consumer_service_url"),
            (
                json!({"sp_entity_id": "urn:sp", "consumer_service_url": "javascript:1"}),
                "consumer_service_url",
            ),
            (json!({"auth_type": "ldap"}), "auth_type"),
            (json!({"sp_metadata": "<x/>", "name_id_format": "x"}), "name_id_format"),
            (json!({"sp_metadata": "<x/>", "redirect_uris": ["https://a.com"]}), "redirect_uris"),
            (
                json!({"sp_metadata": "<x/>", "custom_attributes": [{"name": "a"}]}),
                "custom_attributes[0].source",
            ),
        ] {
            let error = judged(body.clone()).unwrap_err();
            assert!(error.contains(named), "{body}: {error}");
        }
    }

    #[test]
    fn oidc_needs_to_know_where_it_may_return_to() {
        let with = |more: Value| {
            let mut body = json!({"auth_type": "oidc", "redirect_uris": ["https://a.com/cb"]});
            body.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
            judged(body)
        };
        with(json!({"scopes": ["openid"], "access_token_lifetime": "1m",
            "refresh_token_options": {"lifetime": "30d"}}))
        .unwrap();
        for more in [
            json!({"redirect_uris": []}),
            json!({"redirect_uris": ["https://a.com/#f"]}),
            json!({"redirect_uris": ["/cb"]}),
            json!({"redirect_uris": ["javascript:alert(1)"]}),
            json!({"redirect_uris": [null]}),
            json!({"scopes": ["all"]}),
            json!({"grant_types": ["password"]}),
            json!({"access_token_lifetime": "59s"}),
            json!({"access_token_lifetime": "25h"}),
            json!({"refresh_token_options": {"lifetime": "1m"}}),
            json!({"refresh_token_options": {"lifetime": "x"}}),
            json!({"sp_entity_id": "urn:sp"}),
        ] {
            assert!(with(more.clone()).is_err(), "{more}");
        }
        with(json!({"redirect_uris": ["com.example.app:/cb"]})).unwrap();
    }

    #[test]
    fn an_answer_has_what_was_sent_with_defaults_and_what_is_ours() {
        let auth_domain = Hostname::parse("team.saas.com").unwrap();
        let added =
            Added { auth_domain: &auth_domain, id: "app", client_id: Some("c"), public_key: None };
        let Value::Object(saml) = json!({"sp_entity_id": "urn:sp"}) else { panic!() };
        let expected = json!({"auth_type": "saml", "sp_entity_id": "urn:sp",
            "idp_entity_id": "https://team.saas.com",
            "sso_endpoint": "https://team.saas.com/access/sso/saml/app"});
        assert_eq!(Value::Object(shown(&saml, &added)), expected);
        let Value::Object(oidc) = json!({"auth_type": "oidc", "access_token_lifetime": "1h"})
        else {
            panic!()
        };
        let expected = json!({"auth_type": "oidc", "access_token_lifetime": "1h", "client_id": "c",
            "allow_pkce_without_client_secret": false});
        assert_eq!(Value::Object(shown(&oidc, &added)), expected);
    }
}
