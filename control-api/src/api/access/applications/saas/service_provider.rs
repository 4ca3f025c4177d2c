//! The service provider that an application is: what an operator typed, beside what its metadata
//! says. What was typed wins; where the two disagree, a remark says so.

use access::saml::recipient::recipient;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use edge_state::access::saml::{Encrypted, Endpoint, SamlApplication, ServiceProvider};
use saml::binding::{HTTP_POST, HTTP_REDIRECT};
use saml::certificate::Certificate;
use saml::metadata::{self, Entity, Metadata, ServiceProviderRole};
use saml::pasted::{self, FoundKey};

use super::body::SaasApp;
use crate::api::ApiError;
use crate::api::access::applications::check::invalid;
use crate::saml_metadata::{MOST_KEYS, Role};

/// A service provider.
#[derive(Clone, Debug, Default)]
pub struct Peer {
    /// As the edge is told.
    pub service_provider: ServiceProvider,
    /// What the operator should know, though it is no mistake.
    pub remarks: Vec<String>,
}

/// Reads `sp_metadata`; the entity is the one that `sp_entity_id` names, or the only one.
pub fn uploaded(saas: &SaasApp) -> Result<Option<Entity>, ApiError> {
    let Some(xml) = saas.metadata() else { return Ok(None) };
    let metadata = Metadata::parse(xml.as_bytes());
    let metadata =
        metadata.map_err(|error| invalid(METADATA, &format!("cannot be used: {error}")))?;
    let entity = chosen(saas, metadata)?;
    let bounded = Role::ServiceProvider.check_keys(&entity);
    bounded.map_err(|problem| invalid(METADATA, &problem.to_string()))?;
    Ok(Some(entity))
}

/// The service provider of a document that is meant.
fn chosen(saas: &SaasApp, metadata: Metadata) -> Result<Entity, ApiError> {
    let mut providers: Vec<_> =
        metadata.entities.into_iter().filter(|entity| entity.service_provider.is_some()).collect();
    if providers.len() > 1 {
        let names: Vec<_> = providers.iter().take(5).map(|one| one.entity_id.clone()).collect();
        let chosen = saas.sp_entity_id.as_deref();
        let chosen = providers.iter().position(|one| Some(one.entity_id.as_str()) == chosen);
        let Some(chosen) = chosen else {
            let message = format!(
                "describes {} service providers: set sp_entity_id to the one that is meant, as {}",
                providers.len(),
                names.join(", ")
            );
            return Err(invalid(METADATA, &message));
        };
        return Ok(providers.swap_remove(chosen));
    }
    let none = "describes no service provider: it has no SPSSODescriptor for SAML 2.0";
    providers.pop().ok_or_else(|| invalid(METADATA, none))
}

/// Puts both together; `entity` is what the metadata says, where there is any.
pub fn of(saas: &SaasApp, entity: Option<&Entity>) -> Result<Peer, ApiError> {
    let role = entity.and_then(|entity| entity.service_provider.as_ref());
    let mut remarks = Vec::new();
    let entity_id = match (&saas.sp_entity_id, entity) {
        (Some(typed), Some(entity)) if *typed != entity.entity_id => {
            remarks.push(format!(
                "sp_entity_id is {typed:?}, and the metadata is of {:?}: what was typed wins.",
                entity.entity_id
            ));
            typed.clone()
        }
        (Some(typed), _) => typed.clone(),
        (None, Some(entity)) => entity.entity_id.clone(),
        (None, None) => return Err(invalid("saas_app.sp_entity_id", "is missing")),
    };
    let mut peer = ServiceProvider {
        entity_id,
        assertion_consumer_services: consumers(saas, role, &mut remarks)?,
        single_logout_services: logout(saas, role, &mut remarks),
        allow_sha1: saas.allow_sha1 == Some(true),
        ..ServiceProvider::default()
    };
    keys(saas, role, &mut peer, &mut remarks)?;
    requests(saas, role, &mut peer)?;
    encryption(saas, &peer)?;
    Ok(Peer { service_provider: peer, remarks })
}

/// Every place that takes a response by POST, the default one marked as such.
fn consumers(
    saas: &SaasApp,
    role: Option<&ServiceProviderRole>,
    remarks: &mut Vec<String>,
) -> Result<Vec<Endpoint>, ApiError> {
    let typed = saas.consumer_service_url.as_deref();
    let posts: Vec<_> = role
        .map(|role| role.assertion_consumer_services.as_slice())
        .unwrap_or_default()
        .iter()
        .filter(|one| one.binding == HTTP_POST)
        .collect();
    let known = typed.is_none_or(|typed| posts.iter().any(|one| one.location == typed));
    if let (Some(typed), false) = (typed, known) {
        if !posts.is_empty() {
            remarks.push(format!(
                "consumer_service_url is {typed}, which the metadata does not have: responses go \
                 there, and to none of the {} addresses of the metadata.",
                posts.len()
            ));
        }
        return Ok(vec![consumer(typed, 0, true)]);
    }
    let default = match typed {
        Some(typed) => posts.iter().find(|one| one.location == typed).map(|one| one.index),
        None => role.and_then(ServiceProviderRole::default_consumer_service).map(|one| one.index),
    };
    if posts.is_empty() {
        let message = "is missing, and the metadata has no AssertionConsumerService that takes \
                       responses by HTTP-POST";
        return Err(invalid("saas_app.consumer_service_url", message));
    }
    Ok(posts
        .into_iter()
        .map(|one| consumer(&one.location, one.index, Some(one.index) == default))
        .collect())
}

fn consumer(location: &str, index: u16, is_default: bool) -> Endpoint {
    Endpoint {
        binding: HTTP_POST.to_owned(),
        location: location.to_owned(),
        response_location: None,
        index: Some(index),
        is_default: Some(is_default),
    }
}

/// A typed address is one of HTTP-Redirect, unless the metadata knows better.
fn logout(
    saas: &SaasApp,
    role: Option<&ServiceProviderRole>,
    remarks: &mut Vec<String>,
) -> Vec<Endpoint> {
    let described = role.map(|role| role.single_logout_services.as_slice()).unwrap_or_default();
    let spoken =
        described.iter().filter(|one| [HTTP_POST, HTTP_REDIRECT].contains(&one.binding.as_str()));
    let described: Vec<_> = spoken.map(endpoint).collect();
    let Some(typed) = &saas.single_logout_service_url else { return described };
    let matching: Vec<_> = described.iter().filter(|one| one.location == *typed).cloned().collect();
    if !matching.is_empty() {
        return matching;
    }
    if !described.is_empty() {
        remarks.push(format!(
            "single_logout_service_url is {typed}, which the metadata does not have: logout \
             messages go there, by HTTP-Redirect."
        ));
    }
    vec![Endpoint {
        binding: HTTP_REDIRECT.to_owned(),
        location: typed.clone(),
        response_location: None,
        index: None,
        is_default: None,
    }]
}

fn endpoint(described: &metadata::Endpoint) -> Endpoint {
    Endpoint {
        binding: described.binding.clone(),
        location: described.location.clone(),
        response_location: described.response_location.clone(),
        index: None,
        is_default: None,
    }
}

fn keys(
    saas: &SaasApp,
    role: Option<&ServiceProviderRole>,
    peer: &mut ServiceProvider,
    remarks: &mut Vec<String>,
) -> Result<(), ApiError> {
    let given = saas.sp_certificates.as_deref().unwrap_or_default();
    if given.is_empty() {
        if let Some(role) = role {
            let encode = |keys: &[Certificate]| {
                keys.iter().map(|key| STANDARD.encode(key.der())).collect::<Vec<_>>()
            };
            peer.signing_certificates = encode(&role.signing);
            peer.encryption_certificates = encode(&role.encryption);
            peer.encryption_methods.clone_from(&role.encryption_methods);
        }
        return Ok(());
    }
    let mut keys: Vec<String> = Vec::new();
    for (index, pasted) in given.iter().enumerate() {
        let field = format!("saas_app.sp_certificates[{index}]");
        let found = pasted::read_keys(pasted.as_bytes())
            .map_err(|error| invalid(&field, &format!("cannot be used: {error}")))?;
        for key in found {
            let der = match &key {
                FoundKey::Certificate(certificate) => certificate.der(),
                FoundKey::PublicKey(key) => key.spki(),
            };
            let key = STANDARD.encode(der);
            if !keys.contains(&key) {
                keys.push(key);
            }
        }
    }
    if keys.len() > MOST_KEYS {
        let message = format!("holds {} keys; at most {MOST_KEYS} are taken", keys.len());
        return Err(invalid("saas_app.sp_certificates", &message));
    }
    let described = role.map_or(0, |role| role.signing.len() + role.encryption.len());
    if described > 0 {
        remarks.push(
            "sp_certificates stands in place of the keys of the metadata, also when these change."
                .to_owned(),
        );
    }
    peer.signing_certificates.clone_from(&keys);
    peer.encryption_certificates = keys;
    if let Some(role) = role {
        peer.encryption_methods.clone_from(&role.encryption_methods);
    }
    Ok(())
}

/// Whether requests must be signed: as it was typed, else as the metadata promises.
fn requests(
    saas: &SaasApp,
    role: Option<&ServiceProviderRole>,
    peer: &mut ServiceProvider,
) -> Result<(), ApiError> {
    let promised = role.is_some_and(|role| role.authn_requests_signed);
    peer.require_signed_requests = saas.require_signed_requests.unwrap_or(promised);
    if !peer.require_signed_requests || !peer.signing_certificates.is_empty() {
        return Ok(());
    }
    Err(if saas.require_signed_requests.is_some() {
        let message = "needs a key to check them by: paste the service provider's certificate \
                       into sp_certificates";
        invalid("saas_app.require_signed_requests", message)
    } else {
        let message = "says AuthnRequestsSigned, and has no signing key that can be used: paste \
                       one into sp_certificates, or set require_signed_requests to false";
        let field = if saas.sp_metadata.is_some() { "sp_metadata" } else { "sp_metadata_url" };
        invalid(&format!("saas_app.{field}"), message)
    })
}

/// What is to be encrypted must have a key that we can encrypt to.
fn encryption(saas: &SaasApp, peer: &ServiceProvider) -> Result<(), ApiError> {
    if matches!(saas.encrypt.as_deref(), None | Some("nothing")) {
        return Ok(());
    }
    let service_provider = peer.clone();
    let saml =
        SamlApplication { encrypted: Encrypted::Assertion, service_provider, ..Default::default() };
    recipient(&saml).map(drop).map_err(|why| {
        let message = format!(
            "cannot be done: {why}. Paste the service provider's RSA certificate into \
             sp_certificates, or a metadata with a key for encryption into sp_metadata"
        );
        invalid("saas_app.encrypt", &message)
    })
}

const METADATA: &str = "saas_app.sp_metadata";
