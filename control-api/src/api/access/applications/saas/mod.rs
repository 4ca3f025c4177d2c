//! `saas_app`: what another company's application is told about the people who open it. Kept and
//! answered here; spoken by the edge.
//!
//! - `body`: the fields, typed; `oidc`, `saml`: judged, each for its way in
//! - [`service_provider`]: the peer, out of fields and metadata
//! - [`record`]: what the edge is told of a SAML application; [`lint`]: what its service provider
//!   will refuse of that

mod body;
pub mod lint;
mod oidc;
pub mod record;
mod saml;
pub mod service_provider;

use serde_json::{Map, Value};

use super::check::{invalid, one_of};
use crate::api::ApiError;

pub use body::{AuthType, SaasApp};

impl SaasApp {
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

    /// Where the App Launcher leads. `origin` is the team domain's.
    #[must_use]
    pub fn launch_url(&self, origin: &str, id: &str) -> Option<String> {
        match self.auth_type() {
            AuthType::Saml => Some(endpoint(origin, AuthType::Saml, id)),
            AuthType::Oidc => self.app_launcher_url.clone(),
        }
    }
}

/// `{team domain}/access/sso/{saml|oidc}/{application}`
#[must_use]
pub fn endpoint(team: &str, auth_type: AuthType, id: &str) -> String {
    format!("{team}/access/sso/{}/{id}", auth_type.name())
}

/// What the server adds to `saas_app` in an answer.
pub struct Added<'a> {
    /// `https://` and the team domain.
    pub origin: &'a str,
    /// The application.
    pub id: &'a str,
    /// Of an OIDC client.
    pub client_id: Option<&'a str>,
    /// The certificate of what is signed with, PEM.
    pub public_key: Option<&'a str>,
}

/// `saas_app` as it is answered: as it was sent, with defaults and with what is the server's.
#[must_use]
pub fn shown(sent: &Map<String, Value>, added: &Added<'_>) -> Map<String, Value> {
    let mut answer = sent.clone();
    let oidc = answer.get("auth_type").is_some_and(|auth_type| auth_type == "oidc");
    let entity_id = answer.get("custom_entity_id").cloned();
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
        let sso = Value::from(endpoint(added.origin, AuthType::Saml, added.id));
        default("idp_entity_id", entity_id.unwrap_or_else(|| sso.clone()));
        default("sso_endpoint", sso);
    }
    answer
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
        let origin = "https://team.saas.com:8443";
        let added = Added { origin, id: "app", client_id: Some("c"), public_key: None };
        let Value::Object(mut saml) = json!({"sp_entity_id": "urn:sp"}) else { panic!() };
        let sso = "https://team.saas.com:8443/access/sso/saml/app";
        let mut expected = json!({"auth_type": "saml", "sp_entity_id": "urn:sp",
            "idp_entity_id": sso, "sso_endpoint": sso});
        assert_eq!(Value::Object(shown(&saml, &added)), expected);
        for field in ["custom_entity_id", "idp_entity_id"] {
            expected[field] = "urn:ours".into();
        }
        saml.insert("custom_entity_id".into(), "urn:ours".into());
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
