//! A SAML identity provider, as far as its metadata goes, and a server that has it.

use std::sync::{Arc, Mutex};
use std::time::{Duration, UNIX_EPOCH};

use axum::Router;
use axum::body::Body;
use axum::extract::State;
use axum::http::{HeaderMap, Response, header};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use saml::binding::{HTTP_POST, HTTP_REDIRECT};
use saml::certificate::Certificate;
use saml::key::SignatureAlgorithm;
use saml::metadata::{
    Endpoint, Entity, IdentityProviderRole, IndexedEndpoint, ServiceProviderRole,
};
use saml::native::SigningKey;
use tokio::net::TcpListener;

use crate::lab::NOW;

pub const ENTITY: &str = "https://idp.corp.com/saml";

/// A key with its certificate.
pub struct PeerKey {
    der: Vec<u8>,
    pub certificate: Certificate,
}

impl PeerKey {
    pub fn new(name: &str) -> Self {
        Self::until(name, 2040)
    }

    /// Its certificate ends in that year.
    pub fn until(name: &str, year: i32) -> Self {
        let key = rcgen::KeyPair::generate().unwrap();
        let mut params = rcgen::CertificateParams::default();
        params.distinguished_name.push(rcgen::DnType::CommonName, name);
        params.not_before = rcgen::date_time_ymd(2020, 1, 1);
        params.not_after = rcgen::date_time_ymd(year, 1, 1);
        let certificate = params.self_signed(&key).unwrap();
        let certificate = Certificate::from_der(certificate.der()).unwrap();
        Self { der: key.serialize_der(), certificate }
    }

    /// Base64 of DER, as the edge is told.
    pub fn text(&self) -> String {
        STANDARD.encode(self.certificate.der())
    }
}

/// An identity provider that signs with these keys.
pub fn entity(keys: &[&PeerKey]) -> Entity {
    let endpoint = |binding: &str, path: &str| Endpoint {
        binding: binding.to_owned(),
        location: format!("https://idp.corp.com/{path}"),
        response_location: None,
    };
    let role = IdentityProviderRole {
        signing: keys.iter().map(|key| key.certificate.clone()).collect(),
        want_authn_requests_signed: true,
        single_sign_on_services: vec![
            endpoint(HTTP_POST, "post"),
            endpoint(HTTP_REDIRECT, "redirect"),
            endpoint("urn:oasis:names:tc:SAML:2.0:bindings:SOAP", "soap"),
        ],
        single_logout_services: vec![endpoint(HTTP_REDIRECT, "logout")],
        ..IdentityProviderRole::default()
    };
    Entity { entity_id: ENTITY.to_owned(), identity_provider: Some(role), ..Entity::default() }
}

/// As [`entity`], in XML, and signed by one of the keys or another.
pub async fn signed(keys: &[&PeerKey], signer: &PeerKey) -> String {
    let certificate = Some(signer.certificate.clone());
    let algorithm = SignatureAlgorithm::EcdsaSha256;
    let signer = SigningKey::from_pkcs8(&signer.der, algorithm, certificate).unwrap();
    entity(keys).to_signed_xml("_metadata", &signer).await.unwrap()
}

/// As [`entity`], in XML.
pub fn plain(keys: &[&PeerKey]) -> String {
    entity(keys).to_xml().unwrap()
}

/// A service provider that signs with some keys and is encrypted to with others, in XML.
pub fn service_provider(signing: &[&PeerKey], encryption: &[&PeerKey]) -> String {
    let certificates = |keys: &[&PeerKey]| keys.iter().map(|key| key.certificate.clone()).collect();
    let role = ServiceProviderRole {
        signing: certificates(signing),
        encryption: certificates(encryption),
        assertion_consumer_services: vec![IndexedEndpoint {
            binding: HTTP_POST.to_owned(),
            location: "https://sp.com/acs".to_owned(),
            index: 0,
            is_default: Some(true),
        }],
        ..ServiceProviderRole::default()
    };
    let entity_id = "urn:sp".to_owned();
    let entity = Entity { entity_id, service_provider: Some(role), ..Entity::default() };
    entity.to_xml().unwrap()
}

/// After or before the labs' time.
pub fn lasting_until(mut entity: Entity, millis: i64) -> String {
    let until = Duration::from_millis(u64::try_from(NOW + millis).unwrap());
    entity.valid_until = Some(UNIX_EPOCH + until);
    entity.to_xml().unwrap()
}

/// What the server has, and who asked for it.
#[derive(Default)]
pub struct Shelf {
    pub status: u16,
    pub headers: Vec<(&'static str, String)>,
    pub body: String,
    /// Nothing is ever answered.
    pub silent: bool,
    pub asked: Vec<HeaderMap>,
}

/// A server of metadata.
#[derive(Clone)]
pub struct Server {
    pub url: String,
    shelf: Arc<Mutex<Shelf>>,
}

impl Server {
    pub async fn start() -> Self {
        let shelf = Arc::new(Mutex::new(Shelf { status: 200, ..Shelf::default() }));
        let router = Router::new().fallback(answer).with_state(shelf.clone());
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}/metadata.xml", listener.local_addr().unwrap());
        tokio::spawn(async move { axum::serve(listener, router).await });
        Self { url, shelf }
    }

    /// Has this document from now on.
    pub fn has(&self, body: impl Into<String>) {
        let body = body.into();
        self.change(|shelf| {
            (shelf.status, shelf.silent, shelf.body) = (200, false, body);
            shelf.headers = vec![("content-type", "application/samlmetadata+xml".to_owned())];
        });
    }

    pub fn change(&self, change: impl FnOnce(&mut Shelf)) {
        change(&mut self.shelf.lock().unwrap());
    }

    /// How often it was asked.
    pub fn asked(&self) -> usize {
        self.shelf.lock().unwrap().asked.len()
    }
}

async fn answer(State(shelf): State<Arc<Mutex<Shelf>>>, headers: HeaderMap) -> Response<Body> {
    let (response, silent) = {
        let mut shelf = shelf.lock().unwrap();
        let etag = shelf.headers.iter().find(|(name, _)| *name == "etag").map(|(_, etag)| etag);
        let known = headers.get(header::IF_NONE_MATCH).and_then(|etag| etag.to_str().ok());
        let same = etag.is_some() && etag.map(String::as_str) == known;
        let mut response = Response::builder().status(if same { 304 } else { shelf.status });
        for (name, value) in &shelf.headers {
            response = response.header(*name, value);
        }
        let body = if same { String::new() } else { shelf.body.clone() };
        shelf.asked.push(headers);
        (response.body(Body::from(body)).unwrap(), shelf.silent)
    };
    if silent {
        std::future::pending::<()>().await;
    }
    response
}
