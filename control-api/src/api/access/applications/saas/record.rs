//! What the edge is told of a SAML application.

use edge_state::access::saml::{
    AttributeSettings, AttributeSource, Encrypted, NameIdFormat, NameIdSettings, SamlApplication,
    ServiceProvider, Signed,
};

use super::body::{self, SaasApp};
use crate::api::ApiError;

/// The application, as the edge has it. `sso_endpoint` is our entity ID unless another was chosen.
pub fn of(
    saas: &SaasApp,
    service_provider: ServiceProvider,
    sso_endpoint: String,
) -> Result<SamlApplication, ApiError> {
    let mut attributes = Vec::new();
    for (key, attribute) in saas.attributes() {
        let name = attribute.name.as_deref().or(key).unwrap_or_default().to_owned();
        attributes.push(AttributeSettings {
            name,
            friendly_name: attribute.friendly_name.clone(),
            name_format: attribute.name_format.clone(),
            required: attribute.required == Some(true),
            source: attribute.source.as_ref().map(source).transpose()?.unwrap_or_default(),
        });
    }
    let name_id = NameIdSettings {
        format: match saas.name_id_format.as_deref() {
            Some("id") => Some(NameIdFormat::Id),
            Some("email") => Some(NameIdFormat::Email),
            _ => None,
        },
        source: saas.name_id_source.as_ref().map(source).transpose()?,
        transform: saas.name_id_transform_jsonata.clone(),
    };
    Ok(SamlApplication {
        entity_id: saas.custom_entity_id.clone().unwrap_or(sso_endpoint),
        service_provider,
        name_id,
        attributes,
        attribute_transform: saas.saml_attribute_transform_jsonata.clone(),
        group_filter: saas.group_filter_regex.clone(),
        default_relay_state: saas.default_relay_state.clone(),
        signed: match saas.sign.as_deref() {
            Some("assertion") => Signed::Assertion,
            Some("response") => Signed::Response,
            _ => Signed::Both,
        },
        encrypted: match saas.encrypt.as_deref() {
            Some("assertion") => Encrypted::Assertion,
            Some("name_id") => Encrypted::NameId,
            _ => Encrypted::Nothing,
        },
    })
}

fn source(source: &body::AttributeSource) -> Result<AttributeSource, ApiError> {
    Ok(AttributeSource {
        name: source.name.clone().unwrap_or_default(),
        name_by_idp: source.by_provider("source")?,
    })
}
