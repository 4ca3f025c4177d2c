//! Writing metadata.

use std::time::SystemTime;

use super::{Endpoint, Entity, IdentityProviderRole, ServiceProviderRole};
use crate::certificate::Certificate;
use crate::instant;
use crate::key::{SignatureAlgorithm, Signer};
use crate::signature::{DigestAlgorithm, Draft, SignError, write_key_info};
use crate::xml::vocabulary::{MD, XML};
use crate::xml::{UnwritableText, Vocabulary, Writer, ns};

impl Entity {
    /// The document without signature. `id` is a fresh one where it is going to be signed.
    pub fn to_xml(&self) -> Result<String, UnwritableText> {
        Ok(self.draft(None)?.xml)
    }

    /// The document, signed. An ID by the caller, see [`crate::key::fresh_id`].
    pub async fn to_signed_xml(&self, id: &str, signer: &impl Signer) -> Result<String, SignError> {
        self.draft(Some(id))?.sign(signer).await
    }

    fn draft(&self, id: Option<&str>) -> Result<Draft, UnwritableText> {
        let mut writer = Writer::new();
        let until: Option<SystemTime> = self.valid_until;
        writer
            .open(MD, "EntityDescriptor")
            .attribute_if("ID", id)
            .attribute("entityID", &self.entity_id)
            .attribute_if("validUntil", until.map(instant::format).as_deref());
        let signature_at = writer.position();
        write_algorithms(&mut writer);
        if let Some(role) = &self.identity_provider {
            role.write(&mut writer, self.display_name.as_deref());
        }
        if let Some(role) = &self.service_provider {
            role.write(&mut writer, self.display_name.as_deref());
        }
        let id = id.unwrap_or_default().to_owned();
        Ok(Draft { xml: writer.finish()?, id, signature_at })
    }
}

/// By what others may sign what they send us: SAML V2.0 Metadata Profile for Algorithm Support.
/// Whoever is told nothing may fall back to SHA-1, as Shibboleth does in messages by HTTP-POST.
fn write_algorithms(writer: &mut Writer) {
    const ALG: Vocabulary = Vocabulary { prefix: "alg", namespace: ns::ALG };
    writer.open(MD, "Extensions");
    for digest in [DigestAlgorithm::Sha256, DigestAlgorithm::Sha384, DigestAlgorithm::Sha512] {
        writer.open(ALG, "DigestMethod").attribute("Algorithm", digest.uri()).close();
    }
    for algorithm in SignatureAlgorithm::STRONG {
        writer.open(ALG, "SigningMethod").attribute("Algorithm", algorithm.uri()).close();
    }
    writer.close();
}

fn boolean(value: bool) -> &'static str {
    if value { "true" } else { "false" }
}

impl IdentityProviderRole {
    fn write(&self, writer: &mut Writer, name: Option<&str>) {
        writer
            .open(MD, "IDPSSODescriptor")
            .attribute("WantAuthnRequestsSigned", boolean(self.want_authn_requests_signed))
            .attribute("protocolSupportEnumeration", ns::SAMLP);
        write_display_name(writer, name);
        write_keys(writer, &self.signing, &self.encryption, &[]);
        write_endpoints(writer, "SingleLogoutService", &self.single_logout_services);
        for format in &self.name_id_formats {
            writer.leaf(MD, "NameIDFormat", format);
        }
        write_endpoints(writer, "SingleSignOnService", &self.single_sign_on_services);
        writer.close();
    }
}

impl ServiceProviderRole {
    fn write(&self, writer: &mut Writer, name: Option<&str>) {
        writer
            .open(MD, "SPSSODescriptor")
            .attribute("AuthnRequestsSigned", boolean(self.authn_requests_signed))
            .attribute("WantAssertionsSigned", boolean(self.want_assertions_signed))
            .attribute("protocolSupportEnumeration", ns::SAMLP);
        write_display_name(writer, name);
        write_keys(writer, &self.signing, &self.encryption, &self.encryption_methods);
        write_endpoints(writer, "SingleLogoutService", &self.single_logout_services);
        for format in &self.name_id_formats {
            writer.leaf(MD, "NameIDFormat", format);
        }
        for endpoint in &self.assertion_consumer_services {
            writer
                .open(MD, "AssertionConsumerService")
                .attribute("Binding", &endpoint.binding)
                .attribute("Location", &endpoint.location)
                .attribute("index", &endpoint.index.to_string())
                .attribute_if("isDefault", endpoint.is_default.map(boolean))
                .close();
        }
        if !self.requested_attributes.is_empty() {
            writer.open(MD, "AttributeConsumingService").attribute("index", "0");
            writer.open(MD, "ServiceName").attribute_of(XML, "lang", "en");
            writer.text(name.unwrap_or("Service")).close();
            for attribute in &self.requested_attributes {
                writer
                    .open(MD, "RequestedAttribute")
                    .attribute("Name", &attribute.name)
                    .attribute_if("NameFormat", attribute.name_format.as_deref())
                    .attribute_if("FriendlyName", attribute.friendly_name.as_deref())
                    .attribute("isRequired", boolean(attribute.required))
                    .close();
            }
            writer.close();
        }
        writer.close();
    }
}

fn write_display_name(writer: &mut Writer, name: Option<&str>) {
    const MDUI: Vocabulary = Vocabulary { prefix: "mdui", namespace: ns::MDUI };
    if let Some(name) = name {
        writer.open(MD, "Extensions").open(MDUI, "UIInfo");
        writer.open(MDUI, "DisplayName").attribute_of(XML, "lang", "en").text(name);
        writer.close().close().close();
    }
}

/// One that serves both purposes is written once, without `use`.
fn write_keys(
    writer: &mut Writer,
    signing: &[Certificate],
    encryption: &[Certificate],
    methods: &[String],
) {
    let both = |certificate| signing.contains(certificate) && encryption.contains(certificate);
    let only_encryption = encryption.iter().filter(|certificate| !signing.contains(certificate));
    for certificate in signing.iter().chain(only_encryption) {
        let encrypts = encryption.contains(certificate);
        let purpose = match (both(certificate), encrypts) {
            (true, _) => None,
            (false, true) => Some("encryption"),
            (false, false) => Some("signing"),
        };
        writer.open(MD, "KeyDescriptor").attribute_if("use", purpose);
        write_key_info(writer, certificate);
        for method in methods.iter().filter(|_| encrypts) {
            writer.open(MD, "EncryptionMethod").attribute("Algorithm", method).close();
        }
        writer.close();
    }
}

fn write_endpoints(writer: &mut Writer, name: &'static str, endpoints: &[Endpoint]) {
    for endpoint in endpoints {
        writer
            .open(MD, name)
            .attribute("Binding", &endpoint.binding)
            .attribute("Location", &endpoint.location)
            .attribute_if("ResponseLocation", endpoint.response_location.as_deref())
            .close();
    }
}
