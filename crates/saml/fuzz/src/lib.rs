//! What the fuzz targets share: keys that are content with everything, so that what stands behind
//! a signature is reached.

use std::pin::pin;
use std::task::{Context, Poll, Waker};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use saml::binding::{Incoming, Kind, post};
use saml::certificate::Certificate;
use saml::key::{
    Decrypter, Encrypter, KeyError, KeyTransport, PublicKey, SignatureAlgorithm, Signer, Verifier,
};
use saml::metadata::{Endpoint, IndexedEndpoint};
use saml::pasted::read_keys;
use saml::peer::{IdentityProviderPeer, ServiceProviderPeer};
use zeroize::Zeroizing;

pub const IDP: &str = "https://idp.example/metadata";
pub const SP: &str = "https://sp.example/metadata";
pub const ACS: &str = "https://sp.example/acs";

/// Believes, signs and decrypts anything.
pub struct Credulous;

impl Verifier for Credulous {
    async fn verify(
        &self,
        _: &PublicKey,
        _: SignatureAlgorithm,
        _: &[u8],
        _: &[u8],
    ) -> Result<bool, KeyError> {
        Ok(true)
    }
}

impl Signer for Credulous {
    fn algorithm(&self) -> SignatureAlgorithm {
        SignatureAlgorithm::RsaSha256
    }

    fn certificate(&self) -> Option<&Certificate> {
        None
    }

    async fn sign(&self, message: &[u8]) -> Result<Vec<u8>, KeyError> {
        Ok(message.iter().take(8).copied().collect())
    }
}

impl Decrypter for Credulous {
    async fn unwrap_key(
        &self,
        _: KeyTransport,
        wrapped: &[u8],
    ) -> Result<Zeroizing<Vec<u8>>, KeyError> {
        Ok(Zeroizing::new(wrapped.to_vec()))
    }
}

impl Encrypter for Credulous {
    async fn wrap_key(
        &self,
        _: &PublicKey,
        _: KeyTransport,
        content_key: &[u8],
    ) -> Result<Vec<u8>, KeyError> {
        Ok(content_key.to_vec())
    }
}

/// All futures here are ready at once.
pub fn run<F: Future>(future: F) -> F::Output {
    match pin!(future).poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(output) => output,
        Poll::Pending => panic!("it waits"),
    }
}

pub fn now() -> SystemTime {
    UNIX_EPOCH + Duration::from_hours(498_686)
}

/// XML as it comes by POST, where it is XML.
pub fn posted(kind: Kind, xml: &[u8]) -> Option<Incoming> {
    let body: String = BASE64_STANDARD
        .encode(xml)
        .bytes()
        .map(|byte| match byte {
            b'+' => "%2B".to_owned(),
            byte => char::from(byte).to_string(),
        })
        .collect();
    post::decode(&format!("{}={body}", kind.parameter())).ok()
}

fn key() -> PublicKey {
    let pem = include_bytes!("../../tests/vectors/signer.crt");
    read_keys(pem).expect("a certificate")[0].public_key().clone()
}

fn endpoint() -> Endpoint {
    Endpoint {
        binding: saml::binding::HTTP_POST.to_owned(),
        location: "https://peer.example/slo".to_owned(),
        response_location: None,
    }
}

pub fn identity_provider() -> IdentityProviderPeer {
    IdentityProviderPeer {
        entity_id: IDP.to_owned(),
        single_logout_services: vec![endpoint()],
        signing_keys: vec![key()],
        require_signed_assertions: false,
        allow_unsolicited: true,
        allow_sha1: true,
        allow_cbc: true,
        ..IdentityProviderPeer::default()
    }
}

pub fn service_provider() -> ServiceProviderPeer {
    ServiceProviderPeer {
        entity_id: SP.to_owned(),
        assertion_consumer_services: vec![IndexedEndpoint {
            binding: saml::binding::HTTP_POST.to_owned(),
            location: ACS.to_owned(),
            index: 0,
            is_default: None,
        }],
        single_logout_services: vec![endpoint()],
        signing_keys: vec![key()],
        allow_sha1: true,
        allow_cbc: true,
        ..ServiceProviderPeer::default()
    }
}
