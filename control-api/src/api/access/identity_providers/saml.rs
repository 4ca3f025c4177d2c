//! Providers of SAML: `config` as a client writes it, and as the edge is told. What a client writes
//! counts; what it leaves out comes from the provider's metadata, if it has given that.

use std::time::SystemTime;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use edge_state::access::origin_header;
use edge_state::access::saml::{Endpoint, HeaderAttribute, SamlConfig};
use saml::binding::{HTTP_POST, HTTP_REDIRECT};
use saml::metadata::{self as peer, Entity};
use saml::name_id::format;
use saml::pasted::{FoundKey, read_keys};

use crate::api::ApiError;
use crate::api::access::echo::{Sent, invalid};
use crate::api::access::metadata::{self, Role, Source};
use crate::saml_metadata::MOST_KEYS;

/// Members of `config` that are judged here.
pub(super) const OBJECTS: &[&str] = &["header_attributes", "max_sso_url_length", "idp_metadata"];

/// Where the provider describes itself, if the client says.
pub(super) fn source(sent: &Sent) -> Result<Option<Source>, ApiError> {
    let Some(url) = sent.text(METADATA_URL)? else { return Ok(None) };
    let certificates = sent.texts(METADATA_CERTIFICATES)?.unwrap_or_default();
    Ok(Some(Source {
        field: METADATA_URL,
        url: url.to_owned(),
        role: Role::IdentityProvider,
        entity_id: sent.text("config.issuer_url")?.map(str::to_owned),
        certificates_field: METADATA_CERTIFICATES,
        certificates: certificates.into_iter().map(str::to_owned).collect(),
        allow_sha1: sent.switch("config.allow_sha1")?.unwrap_or(false),
    }))
}

/// Judges what a client wrote by itself.
pub(super) fn judge(sent: &Sent) -> Result<(), ApiError> {
    let pasted = sent.text(METADATA)?.is_some();
    let address = sent.text(METADATA_URL)?.is_some();
    if pasted && address {
        let message = format!("{METADATA} cannot be together with {METADATA_URL}: give one");
        return Err(invalid(METADATA, message));
    }
    if !address && sent.value(METADATA_CERTIFICATES).is_some() {
        let message = format!("{METADATA_CERTIFICATES} needs {METADATA_URL}");
        return Err(invalid(METADATA_CERTIFICATES, message));
    }
    if !pasted && !address {
        for field in ["config.sso_target_url", "config.issuer_url", CERTIFICATES] {
            if sent.value(field).is_none() {
                let message = format!("{field} is required, unless metadata is given");
                return Err(invalid(field, message));
            }
        }
    }
    if sent.list(CERTIFICATES)?.is_some_and(<[_]>::is_empty) {
        let message = format!("{CERTIFICATES} must name at least one certificate");
        return Err(invalid(CERTIFICATES, message));
    }
    certificates(sent)?;
    headers(sent)?;
    sent.short_text("config.issuer_url", 1024)?;
    sent.integer("config.max_sso_url_length", 256, 65_536)?;
    let field = "config.name_id_format";
    if let Some(text) = sent.text(field)?
        && (!text.contains(':') || text.chars().any(|c| c.is_whitespace() || c.is_control()))
    {
        return Err(invalid(field, format!("{field} must be a URI, as {}", format::PERSISTENT)));
    }
    Ok(())
}

/// The provider as its metadata describes it: pasted, or `fetched`.
pub(super) fn entity(
    sent: &Sent,
    fetched: Option<&Entity>,
    now: SystemTime,
) -> Result<Option<Entity>, ApiError> {
    let Some(xml) = sent.text(METADATA)? else { return Ok(fetched.cloned()) };
    let entity_id = sent.text("config.issuer_url")?;
    metadata::read_upload(METADATA, xml, Role::IdentityProvider, entity_id, now).map(Some)
}

/// The same, of what was judged before: time has gone on since.
pub(super) fn known_entity(
    sent: &Sent,
    fetched: Option<&Entity>,
) -> Result<Option<Entity>, ApiError> {
    entity(sent, fetched, SystemTime::UNIX_EPOCH)
}

/// What the edge is told.
pub(super) fn record(sent: &Sent, entity: Option<&Entity>) -> Result<SamlConfig, ApiError> {
    let role = entity.and_then(|entity| entity.identity_provider.as_ref());
    let text = |name: &str| -> Result<Option<String>, ApiError> {
        Ok(sent.text(&format!("config.{name}"))?.map(str::to_owned))
    };
    let switch = |name: &str| sent.switch(&format!("config.{name}"));
    let mut certificates = certificates(sent)?;
    if certificates.is_empty() {
        let signing = role.map(|role| role.signing.as_slice()).unwrap_or_default();
        certificates.extend(signing.iter().map(|certificate| STANDARD.encode(certificate.der())));
    }
    let target = text("sso_target_url")?;
    let services = match (&target, role) {
        (None, Some(role)) => endpoints(&role.single_sign_on_services),
        _ => Vec::new(),
    };
    let logout = match (text("single_logout_service_url")?, role) {
        (Some(location), _) => vec![redirect(location)],
        (None, Some(role)) => endpoints(&role.single_logout_services),
        (None, None) => Vec::new(),
    };
    let of = |binding: &str| services.iter().find(|service| service.binding == binding);
    let first = of(HTTP_REDIRECT).or_else(|| of(HTTP_POST)).map(|service| service.location.clone());
    let attributes = sent.texts("config.attributes")?.unwrap_or_default();
    let most = sent.integer("config.max_sso_url_length", 0, i64::from(u32::MAX))?;
    Ok(SamlConfig {
        idp_public_certs: certificates,
        issuer_url: text("issuer_url")?
            .or_else(|| entity.map(|entity| entity.entity_id.clone()))
            .unwrap_or_default(),
        sso_target_url: target.or(first).unwrap_or_default(),
        single_sign_on_services: services,
        single_logout_services: logout,
        attributes: attributes.into_iter().map(str::to_owned).collect(),
        email_attribute_name: text("email_attribute_name")?,
        subject_attribute_name: text("subject_attribute_name")?,
        groups_attribute_name: text("groups_attribute_name")?,
        header_attributes: headers(sent)?,
        name_id_format: text("name_id_format")?,
        sign_request: switch("sign_request")?
            .unwrap_or_else(|| role.is_some_and(|role| role.want_authn_requests_signed)),
        force_authn: switch("force_authn")?.unwrap_or(false),
        enable_encryption: switch("enable_encryption")?.unwrap_or(false),
        require_signed_response: switch("require_signed_response")?.unwrap_or(false),
        allow_unsigned_assertion: switch("allow_unsigned_assertion")?.unwrap_or(false),
        allow_unsolicited: switch("allow_unsolicited")?.unwrap_or(false),
        allow_sha1: switch("allow_sha1")?.unwrap_or(false),
        allow_cbc: switch("allow_cbc")?.unwrap_or(false),
        max_sso_url_length: most.and_then(|most| u32::try_from(most).ok()),
    })
}

/// Every key in `idp_public_certs`: base64 of the DER of a certificate, or of a public key.
fn certificates(sent: &Sent) -> Result<Vec<String>, ApiError> {
    let mut found = Vec::new();
    for (index, pasted) in sent.texts(CERTIFICATES)?.unwrap_or_default().into_iter().enumerate() {
        let field = format!("{CERTIFICATES}[{index}]");
        let keys = read_keys(pasted.as_bytes())
            .map_err(|error| invalid(&field, format!("{field}: {error}")))?;
        for key in keys {
            let text = STANDARD.encode(match &key {
                FoundKey::Certificate(certificate) => certificate.der(),
                FoundKey::PublicKey(key) => key.spki(),
            });
            if !found.contains(&text) {
                found.push(text);
            }
        }
    }
    if found.len() > MOST_KEYS {
        let message = format!("{CERTIFICATES} must not hold more than {MOST_KEYS} certificates");
        return Err(invalid(CERTIFICATES, message));
    }
    Ok(found)
}

fn headers(sent: &Sent) -> Result<Vec<HeaderAttribute>, ApiError> {
    let mut headers: Vec<HeaderAttribute> = Vec::new();
    for (index, value) in sent.list(HEADERS)?.unwrap_or_default().iter().enumerate() {
        let field = format!("{HEADERS}[{index}]");
        let known = |name: &str| ["attribute_name", "header_name"].contains(&name);
        let header = value
            .as_object()
            .filter(|object| object.keys().all(|name| known(name)))
            .and_then(|_| serde_json::from_value::<HeaderAttribute>(value.clone()).ok())
            .ok_or_else(|| {
                let form = r#"{"attribute_name": "groups", "header_name": "X-Groups"}"#;
                invalid(&field, format!("{field} must have the form {form}"))
            })?;
        let (field, name) = (format!("{field}.header_name"), header.header_name.as_str());
        if !origin_header::is_allowed(name) {
            let message = format!(
                "{field} cannot be {name:?}: a name of letters, digits, `-` and `_` that means \
                 nothing yet, as X-Groups"
            );
            return Err(invalid(&field, message));
        }
        let same = |other: &&HeaderAttribute| {
            origin_header::normal(&other.header_name) == origin_header::normal(name)
        };
        if headers.iter().any(|other| same(&other)) {
            return Err(invalid(&field, format!("{field} is there twice, as servers read it")));
        }
        headers.push(header);
    }
    if headers.len() > MOST_HEADERS {
        let message = format!("{HEADERS} must not name more than {MOST_HEADERS} headers");
        return Err(invalid(HEADERS, message));
    }
    Ok(headers)
}

/// Those whose bindings are spoken here.
fn endpoints(found: &[peer::Endpoint]) -> Vec<Endpoint> {
    let spoken = |endpoint: &&peer::Endpoint| {
        endpoint.binding == HTTP_REDIRECT || endpoint.binding == HTTP_POST
    };
    let told = found.iter().filter(spoken).map(|endpoint| Endpoint {
        binding: endpoint.binding.clone(),
        location: endpoint.location.clone(),
        response_location: endpoint.response_location.clone(),
        index: None,
        is_default: None,
    });
    told.collect()
}

fn redirect(location: String) -> Endpoint {
    let binding = HTTP_REDIRECT.to_owned();
    Endpoint { binding, location, response_location: None, index: None, is_default: None }
}

pub(super) const CERTIFICATES: &str = "config.idp_public_certs";
pub(super) const METADATA: &str = "config.idp_metadata";
const METADATA_URL: &str = "config.idp_metadata_url";
const METADATA_CERTIFICATES: &str = "config.idp_metadata_certs";
const HEADERS: &str = "config.header_attributes";
const MOST_HEADERS: usize = 32;
