//! One identity provider and one service provider that know each other, at one moment.

use std::pin::pin;
use std::task::{Context, Poll, Waker};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use saml::assertion::{Attribute, AuthnStatement, authn_context, name_format};
use saml::authn_request::ConsumerService;
use saml::binding::post::{self, Form};
use saml::binding::{HTTP_POST, HTTP_REDIRECT, Incoming};
use saml::encryption::{ContentEncryption, Recipient};
use saml::identity_provider::{IdentityProvider, Issue, Signed, Target};
use saml::key::{Encrypter, KeyTransport, Signer};
use saml::metadata::Endpoint;
use saml::name_id::{NameId, format};
use saml::native::{DecryptionKey, Native};
use saml::peer::{IdentityProviderPeer, ServiceProviderPeer};
use saml::service_provider::{Expectation, Login, ResponseError, ServiceProvider};
use saml::signature::Verified;

use super::keys::{IDP, SP};

pub const IDP_ID: &str = "https://idp.example/metadata";
pub const SSO: &str = "https://idp.example/sso";
pub const SP_ID: &str = "https://sp.example/metadata";
pub const ACS: &str = "https://sp.example/acs";
pub const REQUEST: &str = "_request";
/// 2026-11-21T14:00:00Z
pub fn now() -> SystemTime {
    UNIX_EPOCH + Duration::from_hours(498_686)
}

/// All futures here are ready at once.
pub fn run<F: Future>(future: F) -> F::Output {
    match pin!(future).poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(output) => output,
        Poll::Pending => panic!("a native future waits"),
    }
}

/// Counts instead of throwing dice.
pub fn random() -> impl FnMut(&mut [u8]) {
    let mut count = 0_u8;
    move |bytes| {
        for byte in bytes {
            count = count.wrapping_mul(5).wrapping_add(113);
            *byte = count;
        }
    }
}

pub struct World {
    pub idp: IdentityProvider,
    pub sp: ServiceProvider,
    /// The service provider as the identity provider knows it.
    pub sp_peer: ServiceProviderPeer,
    /// The identity provider as the service provider knows it.
    pub idp_peer: IdentityProviderPeer,
    pub name_id: NameId,
    pub attributes: Vec<Attribute>,
    pub authn: AuthnStatement,
    pub expected: Option<&'static str>,
    pub now: SystemTime,
}

impl Default for World {
    fn default() -> Self {
        let endpoint = |binding: &str, location: &str| Endpoint {
            binding: binding.to_owned(),
            location: location.to_owned(),
            response_location: None,
        };
        let mut sp_peer = ServiceProviderPeer::new(SP_ID, ACS);
        sp_peer.signing_keys = vec![SP.public()];
        sp_peer.single_logout_services = vec![endpoint(HTTP_REDIRECT, "https://sp.example/slo")];
        Self {
            idp: IdentityProvider::new(IDP_ID, SSO),
            sp: ServiceProvider::new(SP_ID, ACS),
            sp_peer,
            idp_peer: IdentityProviderPeer {
                entity_id: IDP_ID.to_owned(),
                single_sign_on_services: vec![endpoint(HTTP_REDIRECT, SSO)],
                single_logout_services: vec![endpoint(HTTP_POST, "https://idp.example/slo")],
                signing_keys: vec![IDP.public()],
                ..IdentityProviderPeer::default()
            },
            name_id: NameId::new("alice@example.com", format::EMAIL),
            attributes: vec![
                Attribute {
                    name: "groups".to_owned(),
                    name_format: Some(name_format::BASIC.to_owned()),
                    friendly_name: Some("Groups".to_owned()),
                    values: vec!["staff".to_owned(), "a<b>&\"c'\u{a0}\r\n\t".to_owned()],
                },
                Attribute { name: "empty".to_owned(), ..Attribute::default() },
            ],
            authn: AuthnStatement {
                authn_instant: now() - Duration::from_secs(5),
                session_index: Some("session-1".to_owned()),
                session_not_on_or_after: Some(now() + Duration::from_hours(8)),
                class: Some(authn_context::PASSWORD_PROTECTED_TRANSPORT.to_owned()),
            },
            expected: Some(REQUEST),
            now: now(),
        }
    }
}

/// AES-256-GCM under RSA-OAEP, to the service provider.
pub fn recipient() -> Recipient {
    Recipient {
        key: SP.public(),
        transport: KeyTransport::OaepSha1,
        content: ContentEncryption::Aes256Gcm,
    }
}

impl World {
    pub fn target(&self) -> Target {
        let default = ConsumerService::Default;
        self.sp_peer.target(&default, self.expected, Some("state")).unwrap()
    }

    pub fn issue(&self, signed: Signed) -> Issue<'_> {
        Issue {
            name_id: Some(&self.name_id),
            authn: &self.authn,
            attributes: &self.attributes,
            signed,
            encrypted_to: None,
            name_encrypted_to: None,
        }
    }

    pub fn form(&self, issue: &Issue<'_>) -> Form {
        self.form_by(issue, &IDP.rsa_signer(), &Native)
    }

    pub fn form_by(
        &self,
        issue: &Issue<'_>,
        signer: &impl Signer,
        native: &impl Encrypter,
    ) -> Form {
        let target = self.target();
        let mut random = random();
        let issuing = self.idp.issue(&target, issue, signer, native, &mut random, self.now);
        run(issuing).unwrap()
    }

    /// A response as XML.
    pub fn response(&self, signed: Signed) -> String {
        message(&self.form(&self.issue(signed)))
    }

    /// What the service provider says to this XML.
    pub fn receive(&self, xml: &str) -> Result<Login, ResponseError> {
        self.receive_incoming(&incoming(xml)).map(Verified::into_inner)
    }

    pub fn receive_incoming(&self, incoming: &Incoming) -> Result<Verified<Login>, ResponseError> {
        let keys: [DecryptionKey; 1] = [SP.decrypter()];
        let expectation = Expectation { in_response_to: self.expected, ..Expectation::default() };
        let reading =
            self.sp.read_response(incoming, &self.idp_peer, &expectation, &keys, &Native, self.now);
        run(reading)
    }
}

/// The XML in a form.
pub fn message(form: &Form) -> String {
    String::from_utf8(BASE64_STANDARD.decode(&form.fields[0].1).unwrap()).unwrap()
}

/// The body that a browser makes of a form.
pub fn body(fields: &[(&str, String)]) -> String {
    let escape = |text: &str| utf8_percent_encode(text, NON_ALPHANUMERIC).to_string();
    let pairs: Vec<_> =
        fields.iter().map(|(name, value)| format!("{name}={}", escape(value))).collect();
    pairs.join("&")
}

/// XML as it arrives by POST.
pub fn incoming(xml: &str) -> Incoming {
    let fields = [("SAMLResponse", BASE64_STANDARD.encode(xml))];
    post::decode(&body(&fields)).unwrap_or_else(|error| panic!("{error}: {xml}"))
}
