//! What of a SAML provider will not work, or not as well as it could, in sentences for whoever writes
//! it. None of it is a mistake.

use std::time::{Duration, SystemTime};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use edge_state::access::saml::SamlConfig;
use saml::certificate::Certificate;
use saml::metadata::Entity;
use saml::name_id::format;

use super::saml::{CERTIFICATES, METADATA};
use crate::api::ApiError;
use crate::api::access::echo::Sent;

/// Of what was sent, of what the edge is told by it, and of what the provider says of itself.
pub(super) fn remarks(
    sent: &Sent,
    config: &SamlConfig,
    entity: Option<&Entity>,
    now: SystemTime,
) -> Result<Vec<String>, ApiError> {
    let mut remarks = of_certificates(config, now);
    if let Some(entity) = entity {
        remarks.extend(of_metadata(sent, entity, now)?);
    }
    remarks.extend(of_addresses(config));
    remarks.extend(of_people(sent, config)?);
    remarks.extend(of_what_is_allowed(config));
    Ok(remarks)
}

fn of_certificates(config: &SamlConfig, now: SystemTime) -> Vec<String> {
    let mut remarks = Vec::new();
    for text in &config.idp_public_certs {
        let Ok(der) = STANDARD.decode(text) else { continue };
        let Ok(certificate) = Certificate::from_der(&der) else { continue };
        let subject = certificate.subject();
        if certificate.validity().1 <= now {
            remarks.push(format!(
                "The certificate of {subject:?} has expired. Its key counts all the same, as \
                 metadata has it; providers change keys then, so ask for the new one."
            ));
        }
        if is_signed_with_sha1(&der) {
            remarks.push(format!(
                "The certificate of {subject:?} is itself signed with SHA-1. Its key alone counts \
                 here; messages signed with SHA-1 are refused unless allow_sha1 is set."
            ));
        }
    }
    remarks
}

fn of_metadata(sent: &Sent, entity: &Entity, now: SystemTime) -> Result<Vec<String>, ApiError> {
    let role = entity.identity_provider.as_ref();
    let unusable = role.map(|role| role.unusable_keys.as_slice()).unwrap_or_default();
    let unusable = unusable.iter();
    let mut remarks: Vec<_> =
        unusable.map(|error| format!("A key of the metadata cannot be used: {error}.")).collect();
    if sent.value(CERTIFICATES).is_some() {
        let added = "idp_public_certs is set: certificates of the metadata do not count, and new \
                     ones have to be added by hand.";
        remarks.push(added.to_owned());
    }
    if sent.switch("config.sign_request")? == Some(false)
        && role.is_some_and(|role| role.want_authn_requests_signed)
    {
        let unsigned = "The metadata says that requests must be signed, and sign_request is off.";
        remarks.push(unsigned.to_owned());
    }
    let left = entity.valid_until.map(|until| until.duration_since(now).unwrap_or_default());
    if sent.value(METADATA).is_some() && left.is_some_and(|left| left < SOON) {
        let ends = "The metadata says that it ends within 30 days. Give idp_metadata_url, from \
                    which new versions are fetched.";
        remarks.push(ends.to_owned());
    }
    Ok(remarks)
}

fn of_addresses(config: &SamlConfig) -> Option<String> {
    let services = config.single_sign_on_services.iter().map(|service| service.location.as_str());
    let mut all = services.chain([config.sso_target_url.as_str()]);
    let plain = "Sign-in goes over plain http: whoever is in between can answer in the provider's \
                 place.";
    all.any(|url| url.starts_with("http://")).then(|| plain.to_owned())
}

/// By what its people are known.
fn of_people(sent: &Sent, config: &SamlConfig) -> Result<Vec<String>, ApiError> {
    let mut remarks = Vec::new();
    let format = config.name_id_format.as_deref();
    if format == Some(format::TRANSIENT) && config.subject_attribute_name.is_none() {
        let strangers = "With transient names nobody is recognised at the next sign-in: set \
                         subject_attribute_name to an attribute that stays.";
        remarks.push(strangers.to_owned());
    }
    if config.email_attribute_name.is_none() && format.is_some_and(|it| it != format::EMAIL) {
        let unnamed = "No attribute is named for the address. The usual ones (mail, email, \
                       emailaddress) are looked for; set email_attribute_name if it has another \
                       name.";
        remarks.push(unnamed.to_owned());
    }
    if sent.list("config.email_domains")?.is_none_or(<[_]>::is_empty) {
        let apart = "email_domains is not set: people of this provider are recognised by its own \
                     names for them alone, and not taken for those with the same address from \
                     other providers.";
        remarks.push(apart.to_owned());
    }
    Ok(remarks)
}

fn of_what_is_allowed(config: &SamlConfig) -> impl Iterator<Item = String> {
    let weaker = [
        (config.allow_sha1, "allow_sha1", "collisions of SHA-1 can be made"),
        (config.allow_cbc, "allow_cbc", "CBC does not tell whether a message was altered"),
        (
            config.allow_unsolicited,
            "allow_unsolicited",
            "somebody can be signed in as another person",
        ),
    ];
    let on = weaker.into_iter().filter(|(on, ..)| *on);
    on.map(|(_, name, what)| format!("{name} is on, which is weaker: {what}."))
}

fn is_signed_with_sha1(der: &[u8]) -> bool {
    use x509_parser::prelude::FromDer as _;
    x509_parser::certificate::X509Certificate::from_der(der).is_ok_and(|(_, certificate)| {
        // RSA (RFC 8017 appendix A.2.4) and ECDSA (RFC 3279 §2.2.3).
        let by = certificate.signature_algorithm.algorithm.to_id_string();
        by == "1.2.840.113549.1.1.5" || by == "1.2.840.10045.4.1"
    })
}

/// Metadata that ends so soon is nothing to paste.
const SOON: Duration = Duration::from_hours(30 * 24);
