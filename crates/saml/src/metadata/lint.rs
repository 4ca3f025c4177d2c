//! What a service provider will refuse of what is going to be issued to it, as far as its metadata
//! tells, and what in its metadata will be trouble later.

use std::fmt;
use std::time::{Duration, SystemTime};

use super::{Entity, ServiceProviderRole};
use crate::assertion::Attribute;
use crate::binding::HTTP_POST;
use crate::certificate::{Certificate, CertificateError};
use crate::encryption::ContentEncryption;
use crate::key::KeyKind;
use crate::name_id::format;
use crate::signature::Signed;

/// What is going to be issued.
#[derive(Clone, Copy, Debug)]
pub struct Plan<'a> {
    /// The format of the name, where there is a name.
    pub name_id_format: Option<&'a str>,
    /// The attributes; their values do not matter.
    pub attributes: &'a [Attribute],
    /// What is signed.
    pub signed: Signed,
    /// Whether assertions are encrypted.
    pub encrypted: bool,
    /// Whether unsigned requests are refused.
    pub require_signed_requests: bool,
}

/// Something about the metadata of a service provider, as a sentence.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Finding {
    /// It will not work.
    Refused(Fault),
    /// It may not work, or not for ever.
    Doubtful(Doubt),
}

/// Why signing in will fail.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
pub enum Fault {
    /// The entity is something else.
    #[error("this is no service provider: it has no SPSSODescriptor for SAML 2.0")]
    NotAServiceProvider,
    /// The metadata has run out.
    #[error("the metadata has run out: fetch it anew")]
    Expired,
    /// Responses have nowhere to go.
    #[error("no AssertionConsumerService takes responses by HTTP-POST")]
    NoConsumerService,
    /// Requests will be signed, or must be, and nothing can check it.
    #[error("requests must be signed, but no signing key in the metadata can be used")]
    NoSigningKey,
    /// Assertions must be signed and will not be.
    #[error("it wants signed assertions, and only the response is going to be signed")]
    AssertionsNotSigned,
    /// A name in a format that it does not list.
    #[error(
        "it takes names of the format {}, and gets {}",
        wanted.join(" or "),
        given.as_deref().unwrap_or("none")
    )]
    NameIdFormat {
        /// What it lists.
        wanted: Vec<String>,
        /// What it gets.
        given: Option<String>,
    },
    /// An attribute that it cannot do without.
    #[error("it requires the attribute {0}, which is not going to be sent")]
    AttributeMissing(String),
    /// Nothing to encrypt to.
    #[error("assertions are to be encrypted, and the metadata has no RSA key for encryption")]
    NoEncryptionKey,
    /// It reads nothing that we write.
    #[error("assertions are to be encrypted, and it lists neither AES-GCM algorithm: {0:?}")]
    NoEncryptionMethod(Vec<String>),
}

/// What may be trouble.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
pub enum Doubt {
    /// The metadata runs out soon.
    #[error("the metadata runs out within {0} days")]
    ExpiresSoon(u64),
    /// A key that is passed over.
    #[error("a key is passed over: {0}")]
    UnusableKey(CertificateError),
    /// A certificate whose dates are over. Keys are trusted without regard to dates here, but not
    /// everywhere.
    #[error("the certificate {0} has run out; it is used all the same")]
    CertificateExpired(String),
    /// Nothing says that requests are signed. Many sign all the same, for our metadata asks it.
    #[error(
        "requests must be signed, and the metadata does not say AuthnRequestsSigned: see that it \
         signs them"
    )]
    RequestsNotSigned,
    /// An endpoint without TLS.
    #[error("assertions travel in the clear to {0}")]
    PlainHttp(String),
    /// Attributes of another name format than it asks for.
    #[error("it asks for the attribute {name} in the format {wanted}, and gets {given}")]
    NameFormat {
        /// Which attribute.
        name: String,
        /// What it asks for.
        wanted: String,
        /// What it gets.
        given: String,
    },
    /// People stay signed in there.
    #[error("it has no SingleLogoutService: logging out here leaves people signed in there")]
    NoLogout,
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Refused(fault) => fault.fmt(f),
            Self::Doubtful(doubt) => doubt.fmt(f),
        }
    }
}

impl Entity {
    /// What is wrong with this service provider's metadata, or between it and `plan`: what will
    /// fail first, then what is doubtful.
    #[must_use]
    pub fn lint(&self, plan: &Plan<'_>, now: SystemTime) -> Vec<Finding> {
        let (mut faults, mut doubts) = (Vec::new(), Vec::new());
        match self.valid_until.map(|until| until.duration_since(now)) {
            Some(Err(_)) => faults.push(Fault::Expired),
            Some(Ok(left)) if left < Duration::from_hours(14 * 24) => {
                doubts.push(Doubt::ExpiresSoon(left.as_secs() / 86_400 + 1));
            }
            _ => {}
        }
        match &self.service_provider {
            None => faults.push(Fault::NotAServiceProvider),
            Some(role) => {
                role.find_faults(plan, &mut faults);
                role.find_doubts(plan, now, &mut doubts);
            }
        }
        let faults = faults.into_iter().map(Finding::Refused);
        faults.chain(doubts.into_iter().map(Finding::Doubtful)).collect()
    }
}

impl ServiceProviderRole {
    fn find_faults(&self, plan: &Plan<'_>, faults: &mut Vec<Fault>) {
        if self.default_consumer_service().is_none() {
            faults.push(Fault::NoConsumerService);
        }
        if (self.authn_requests_signed || plan.require_signed_requests) && self.signing.is_empty() {
            faults.push(Fault::NoSigningKey);
        }
        if self.want_assertions_signed && plan.signed == Signed::Response {
            faults.push(Fault::AssertionsNotSigned);
        }
        let listed = |given: &str| {
            let any = |wanted: &String| wanted == given || wanted == format::UNSPECIFIED;
            self.name_id_formats.is_empty() || self.name_id_formats.iter().any(any)
        };
        if !plan.name_id_format.is_some_and(listed) && !self.name_id_formats.is_empty() {
            faults.push(Fault::NameIdFormat {
                wanted: self.name_id_formats.clone(),
                given: plan.name_id_format.map(str::to_owned),
            });
        }
        for wanted in self.requested_attributes.iter().filter(|wanted| wanted.required) {
            if !plan.attributes.iter().any(|given| given.name == wanted.name) {
                faults.push(Fault::AttributeMissing(wanted.name.clone()));
            }
        }
        if plan.encrypted {
            let is_rsa = |certificate: &Certificate| {
                matches!(certificate.public_key().kind(), KeyKind::Rsa { .. })
            };
            if !self.encryption.iter().any(is_rsa) {
                faults.push(Fault::NoEncryptionKey);
            }
            let contents: Vec<_> = self
                .encryption_methods
                .iter()
                .filter(|uri| !uri.contains("rsa-") && !uri.contains("#sha"))
                .cloned()
                .collect();
            let authenticated = |uri: &String| {
                ContentEncryption::from_uri(uri).is_some_and(ContentEncryption::is_authenticated)
            };
            if !contents.is_empty() && !contents.iter().any(authenticated) {
                faults.push(Fault::NoEncryptionMethod(contents));
            }
        }
    }

    fn find_doubts(&self, plan: &Plan<'_>, now: SystemTime, doubts: &mut Vec<Doubt>) {
        doubts.extend(self.unusable_keys.iter().cloned().map(Doubt::UnusableKey));
        let encryption = self.encryption.iter().filter(|key| !self.signing.contains(key));
        for certificate in self.signing.iter().chain(encryption) {
            if certificate.validity().1 <= now {
                doubts.push(Doubt::CertificateExpired(certificate.subject().to_owned()));
            }
        }
        if plan.require_signed_requests && !self.authn_requests_signed {
            doubts.push(Doubt::RequestsNotSigned);
        }
        for endpoint in &self.assertion_consumer_services {
            if endpoint.binding == HTTP_POST && endpoint.location.starts_with("http://") {
                doubts.push(Doubt::PlainHttp(endpoint.location.clone()));
            }
        }
        for wanted in &self.requested_attributes {
            let given = plan.attributes.iter().find(|given| given.name == wanted.name);
            let formats = given.and_then(|given| given.name_format.as_ref());
            if let (Some(wanted_format), Some(given)) = (&wanted.name_format, formats)
                && wanted_format != given
            {
                doubts.push(Doubt::NameFormat {
                    name: wanted.name.clone(),
                    wanted: wanted_format.clone(),
                    given: given.clone(),
                });
            }
        }
        if self.single_logout_services.is_empty() {
            doubts.push(Doubt::NoLogout);
        }
    }
}
