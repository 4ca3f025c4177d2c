//! Reading metadata. Federations put a great deal into it; what single sign-on has no use for is
//! passed over, in whatever order it stands.

use std::collections::BTreeSet;
use std::time::{Duration, SystemTime};

use super::{
    Endpoint, Entity, IdentityProviderRole, IndexedEndpoint, Metadata, MetadataError,
    RequestedAttribute, ServiceProviderRole, is_location,
};
use crate::base64;
use crate::certificate::{Certificate, CertificateError};
use crate::message::read_instant;
use crate::xml::{Element, ShapeError, ns};

pub(super) fn metadata(root: Element<'_>) -> Result<Metadata, MetadataError> {
    let mut entities = Vec::new();
    let mut names = BTreeSet::new();
    let mut waiting = vec![(root, None)];
    while let Some((element, above)) = waiting.pop() {
        let until = read_instant(element, "validUntil")?;
        // The nearest end around it counts.
        let until = [until, above].into_iter().flatten().min();
        if element.is(ns::MD, "EntityDescriptor") {
            let entity = entity(element, until)?;
            if !names.insert(entity.entity_id.clone()) {
                return Err(MetadataError::Duplicate(entity.entity_id));
            }
            entities.push(entity);
        } else if element.is(ns::MD, "EntitiesDescriptor") {
            let inner = element.elements().filter(|child| {
                child.is(ns::MD, "EntityDescriptor") || child.is(ns::MD, "EntitiesDescriptor")
            });
            let inner: Vec<_> = inner.map(|child| (child, until)).collect();
            waiting.extend(inner.into_iter().rev());
        } else {
            return Err(MetadataError::NotMetadata(element.local_name().to_owned()));
        }
    }
    if entities.is_empty() {
        return Err(MetadataError::Empty);
    }
    let cache_duration = root.attribute("cacheDuration").and_then(duration);
    Ok(Metadata { entities, cache_duration })
}

fn entity(element: Element<'_>, until: Option<SystemTime>) -> Result<Entity, MetadataError> {
    let entity_id = element.required("entityID")?.trim();
    if entity_id.is_empty() || entity_id.len() > 1024 {
        let expected = "a name of up to 1024 bytes";
        return Err(ShapeError::Value { what: "entityID".to_owned(), expected }.into());
    }
    let role = |name: &'static str| {
        element.elements().find(|child| {
            let protocols = child.attribute("protocolSupportEnumeration").unwrap_or_default();
            child.is(ns::MD, name) && protocols.split_ascii_whitespace().any(|p| p == ns::SAMLP)
        })
    };
    let (idp, sp) = (role("IDPSSODescriptor"), role("SPSSODescriptor"));
    Ok(Entity {
        entity_id: entity_id.to_owned(),
        valid_until: until,
        display_name: [idp, sp].into_iter().flatten().find_map(display_name),
        identity_provider: idp.map(|role| identity_provider(role)).transpose()?,
        service_provider: sp.map(|role| service_provider(role)).transpose()?,
    })
}

/// `mdui:DisplayName`, in English where there is a choice.
fn display_name(role: Element<'_>) -> Option<String> {
    let extensions = role.elements().find(|child| child.is(ns::MD, "Extensions"))?;
    let info = extensions.elements().find(|child| child.is(ns::MDUI, "UIInfo"))?;
    let names: Vec<_> = info.elements().filter(|child| child.is(ns::MDUI, "DisplayName")).collect();
    let english = names.iter().find(|name| name.attribute_ns(ns::XML, "lang") == Some("en"));
    english.or(names.first())?.trimmed().ok().map(str::to_owned)
}

#[derive(Default)]
struct Keys {
    signing: Vec<Certificate>,
    encryption: Vec<Certificate>,
    methods: Vec<String>,
    unusable: Vec<CertificateError>,
}

fn keys(role: Element<'_>) -> Result<Keys, ShapeError> {
    let mut keys = Keys::default();
    for descriptor in role.elements().filter(|child| child.is(ns::MD, "KeyDescriptor")) {
        let purpose = descriptor.attribute("use");
        for method in descriptor.elements().filter(|e| e.is(ns::MD, "EncryptionMethod")) {
            keys.methods.extend(method.attribute("Algorithm").map(str::to_owned));
        }
        let certificates = descriptor
            .elements()
            .filter(|child| child.is(ns::DS, "KeyInfo"))
            .flat_map(Element::elements)
            .filter(|child| child.is(ns::DS, "X509Data"))
            .flat_map(Element::elements)
            .filter(|child| child.is(ns::DS, "X509Certificate"));
        // Of several in one descriptor the first holds the key, the others are its chain.
        let Some(first) = certificates.into_iter().next() else {
            keys.unusable.push(CertificateError::NoCertificate);
            continue;
        };
        let der = base64::decode(first.text()?).ok_or(CertificateError::Unreadable);
        match der.and_then(|der| Certificate::from_der(&der)) {
            Ok(certificate) => {
                if purpose != Some("encryption") {
                    keys.signing.push(certificate.clone());
                }
                if purpose != Some("signing") {
                    keys.encryption.push(certificate);
                }
            }
            Err(error) => keys.unusable.push(error),
        }
    }
    Ok(keys)
}

fn endpoints(role: Element<'_>, name: &str) -> Result<Vec<Endpoint>, MetadataError> {
    let found = role.elements().filter(|child| child.is(ns::MD, name));
    found
        .map(|element| {
            let response_location =
                element.attribute("ResponseLocation").map(location).transpose()?;
            Ok(Endpoint {
                binding: element.required("Binding")?.trim().to_owned(),
                location: location(element.required("Location")?)?,
                response_location,
            })
        })
        .collect()
}

fn location(text: &str) -> Result<String, MetadataError> {
    let text = text.trim();
    if is_location(text) {
        Ok(text.to_owned())
    } else {
        Err(MetadataError::Location(text.to_owned()))
    }
}

fn formats(role: Element<'_>) -> Result<Vec<String>, ShapeError> {
    let found = role.elements().filter(|child| child.is(ns::MD, "NameIDFormat"));
    let formats: Result<Vec<_>, _> = found.map(Element::trimmed).collect();
    // An empty one (crewjam/saml writes it) names no format.
    Ok(formats?.into_iter().filter(|format| !format.is_empty()).map(str::to_owned).collect())
}

fn identity_provider(role: Element<'_>) -> Result<IdentityProviderRole, MetadataError> {
    let Keys { signing, encryption, unusable, .. } = keys(role)?;
    Ok(IdentityProviderRole {
        signing,
        encryption,
        unusable_keys: unusable,
        want_authn_requests_signed: role.boolean("WantAuthnRequestsSigned")?.unwrap_or_default(),
        single_sign_on_services: endpoints(role, "SingleSignOnService")?,
        single_logout_services: endpoints(role, "SingleLogoutService")?,
        name_id_formats: formats(role)?,
    })
}

fn service_provider(role: Element<'_>) -> Result<ServiceProviderRole, MetadataError> {
    let Keys { signing, encryption, methods, unusable } = keys(role)?;
    let mut consumers: Vec<IndexedEndpoint> = Vec::new();
    for element in role.elements().filter(|e| e.is(ns::MD, "AssertionConsumerService")) {
        let index = match element.index("index")? {
            Some(index) => index,
            // Required by the schema, and yet left out; then it stands for its place.
            None => u16::try_from(consumers.len()).unwrap_or(u16::MAX),
        };
        if consumers.iter().any(|seen| seen.index == index) {
            return Err(MetadataError::Index(index));
        }
        consumers.push(IndexedEndpoint {
            binding: element.required("Binding")?.trim().to_owned(),
            location: location(element.required("Location")?)?,
            index,
            is_default: element.boolean("isDefault")?,
        });
    }
    let requested = role
        .elements()
        .filter(|child| child.is(ns::MD, "AttributeConsumingService"))
        .flat_map(Element::elements)
        .filter(|child| child.is(ns::MD, "RequestedAttribute"));
    // Required by the schema, and yet left out; then it asks for nothing that could be given.
    let requested = requested.filter_map(|element| Some((element, element.attribute("Name")?)));
    let requested: Result<Vec<_>, ShapeError> = requested
        .map(|(element, name)| {
            Ok(RequestedAttribute {
                name: name.to_owned(),
                name_format: element.attribute("NameFormat").map(str::to_owned),
                friendly_name: element.attribute("FriendlyName").map(str::to_owned),
                required: element.boolean("isRequired")?.unwrap_or_default(),
            })
        })
        .collect();
    Ok(ServiceProviderRole {
        signing,
        encryption,
        encryption_methods: methods,
        unusable_keys: unusable,
        authn_requests_signed: role.boolean("AuthnRequestsSigned")?.unwrap_or_default(),
        want_assertions_signed: role.boolean("WantAssertionsSigned")?.unwrap_or_default(),
        assertion_consumer_services: consumers,
        single_logout_services: endpoints(role, "SingleLogoutService")?,
        name_id_formats: formats(role)?,
        requested_attributes: requested?,
    })
}

/// `xs:duration`, with a month of 30 days and a year of 365.
fn duration(text: &str) -> Option<Duration> {
    let mut seconds = 0_u64;
    let mut number = String::new();
    let mut in_time = false;
    for c in text.trim().strip_prefix('P')?.chars() {
        let unit = match (c, in_time) {
            ('T', false) => {
                in_time = true;
                continue;
            }
            ('0'..='9' | '.', _) => {
                number.push(c);
                continue;
            }
            ('Y', false) => 365 * 86_400,
            ('M', false) => 30 * 86_400,
            ('D', false) => 86_400,
            ('H', true) => 3600,
            ('M', true) => 60,
            ('S', true) => 1,
            _ => return None,
        };
        let whole = number.split('.').next()?.parse::<u64>().ok()?;
        seconds = seconds.checked_add(whole.checked_mul(unit)?)?;
        number.clear();
    }
    number.is_empty().then(|| Duration::from_secs(seconds))
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::duration;

    #[test]
    fn durations_are_those_of_xml_schema() {
        assert_eq!(duration("PT1H"), Some(Duration::from_hours(1)));
        assert_eq!(duration("P1DT2M3.5S"), Some(Duration::from_secs(86_400 + 123)));
        assert_eq!(duration("P1M"), Some(Duration::from_hours(720)));
        for text in ["", "1H", "PT1", "P1H", "-P1D", "PTT1H", "P99999999999999999999D"] {
            assert_eq!(duration(text), None, "{text}");
        }
    }
}
