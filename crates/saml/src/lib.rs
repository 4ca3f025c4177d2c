//! SAML 2.0 web single sign-on for identity providers and service providers, in pure Rust, natively
//! and in wasm.
//!
//! The library does no I/O. Keys come in through `async` traits ([`key`]), so that WebCrypto can
//! hold them; time and randomness come in as arguments; what must be remembered goes out
//! ([`replay`]). It speaks the Redirect and POST bindings, the Web Browser SSO and Single Logout
//! profiles over the front channel, and metadata. Artifacts, SOAP, ECP and attribute queries are
//! not implemented.
//!
//! # The map
//!
//! | to | begin at |
//! | --- | --- |
//! | answer service providers | [`identity_provider::IdentityProvider`] |
//! | believe identity providers | [`service_provider::ServiceProvider`] |
//! | say what a peer is and may do | [`peer`], out of [`metadata`] or by hand |
//! | take messages out of requests, and send them | [`binding`] |
//! | log people out | [`logout::LogoutParty`] |
//! | read keys that somebody pasted | [`pasted::read_keys`] |
//! | hold keys | [`key`]; with the feature `native`, ready-made on aws-lc-rs |
//!
//! Below these are the messages ([`authn_request`], [`response`], [`assertion`], [`name_id`]), XML
//! signature and encryption ([`signature`], [`encryption`]), and [`xml`].
//!
//! # What holds it together
//!
//! - One parser makes one tree ([`xml`]). There are no DTDs, no entities and no second parse, an ID
//!   occurs once, and every document has bounds.
//! - What a signature covers is compared with the element that is about to be read, not looked up
//!   by ID. The result is a [`signature::Verified`], which nothing else makes.
//! - Keys are trusted because an operator said so. `KeyInfo` is not read; an empty list of keys
//!   refuses everything; what is required is required.
//! - Elements are read in the order of the schema, and whatever has no place there is an error.
//! - What is decrypted is verified like anything else.
//! - Errors are for logs. Whoever sent a message learns that it was refused, and no more.
//!
//! # An identity provider
//!
//! A service provider sends people to our single sign-on endpoint with a request in the query. We
//! check it, sign them in by whatever means, and send them back with a form.
//!
//! ```
//! use saml::assertion::{Attribute, AuthnStatement, authn_context};
//! use saml::identity_provider::{IdentityProvider, Issue, Signed};
//! use saml::key::{NoEncrypter, Random};
//! use saml::name_id::{NameId, format};
//! use saml::native::{Native, SigningKey};
//! use saml::peer::ServiceProviderPeer;
//! use std::time::SystemTime;
//!
//! async fn single_sign_on(
//!     query: &str,
//!     key: &SigningKey,
//!     random: &mut impl Random,
//!     now: SystemTime,
//! ) -> Result<String, Box<dyn std::error::Error>> {
//!     let us = IdentityProvider::new("https://idp.example/metadata", "https://idp.example/sso");
//!     // In earnest: the record of `incoming.claimed_issuer()`, by its metadata.
//!     let shop = ServiceProviderPeer::new("https://shop.example", "https://shop.example/acs");
//!
//!     let incoming = saml::binding::redirect::decode(query)?;
//!     let accepted = us.read_request(&incoming, &shop, &Native, now).await?;
//!     // Here: refuse `accepted.once` if it is known, remember it, and sign the person in. Where
//!     // that takes further requests, keep `accepted.request`, and make the target anew by
//!     // `shop.target(…)`. What cannot be had, `accepted.check(…)` says: send `us.refuse(…)`.
//!
//!     let name_id = NameId::new("alice@example.com", format::EMAIL);
//!     let authn = AuthnStatement {
//!         authn_instant: now,
//!         session_index: Some("3f2a".to_owned()),
//!         session_not_on_or_after: None,
//!         class: Some(authn_context::PASSWORD_PROTECTED_TRANSPORT.to_owned()),
//!     };
//!     let groups = Attribute {
//!         name: "groups".to_owned(),
//!         values: vec!["staff".to_owned()],
//!         ..Attribute::default()
//!     };
//!     let issue = Issue {
//!         name_id: Some(&name_id),
//!         authn: &authn,
//!         attributes: &[groups],
//!         signed: Signed::Both,
//!         encrypted_to: None,
//!         name_encrypted_to: None,
//!     };
//!     let form = us.issue(&accepted.target, &issue, key, &NoEncrypter, random, now).await?;
//!     Ok(form.page(None)) // Or show `form.action` and `form.fields` in a page of your own.
//! }
//! ```
//!
//! Our metadata is a [`metadata::Entity`] with an
//! [`IdentityProviderRole`](metadata::IdentityProviderRole), written by
//! [`to_signed_xml`](metadata::Entity::to_signed_xml).
//!
//! # A service provider
//!
//! We send people to the identity provider, remember in their browser which request that was, and
//! read what they come back with.
//!
//! ```
//! use saml::key::{NoDecrypter, NoSigner, Random};
//! use saml::metadata::Metadata;
//! use saml::native::Native;
//! use saml::peer::IdentityProviderPeer;
//! use saml::service_provider::{Asked, Expectation, Question, ServiceProvider};
//! use std::time::SystemTime;
//!
//! type Failure = Box<dyn std::error::Error>;
//!
//! fn us() -> ServiceProvider {
//!     ServiceProvider::new("https://shop.example", "https://shop.example/acs")
//! }
//!
//! fn identity_provider(metadata: &[u8], now: SystemTime) -> Result<IdentityProviderPeer, Failure> {
//!     let metadata = Metadata::parse(metadata)?;
//!     metadata.entities[0].check_validity(now)?;
//!     Ok(IdentityProviderPeer::from_metadata(&metadata.entities[0]).ok_or("no identity provider")?)
//! }
//!
//! /// `asked.departure` is where to send the browser; `asked.id` goes into a cookie of its own.
//! async fn begin(
//!     peer: &IdentityProviderPeer,
//!     random: &mut impl Random,
//!     now: SystemTime,
//! ) -> Result<Asked, Failure> {
//!     let question = Question::default();
//!     Ok(us().ask(peer, &question, Some("/cart"), None::<&NoSigner>, random, now).await?)
//! }
//!
//! /// `body` is the form that came to `/acs`, `id` is out of the cookie.
//! async fn finish(
//!     body: &str,
//!     id: &str,
//!     peer: &IdentityProviderPeer,
//!     now: SystemTime,
//! ) -> Result<String, Failure> {
//!     let incoming = saml::binding::post::decode(body)?;
//!     let expectation = Expectation { in_response_to: Some(id), ..Expectation::default() };
//!     let login = us()
//!         .read_response(&incoming, peer, &expectation, &[NoDecrypter], &Native, now)
//!         .await?;
//!     // Here: refuse `login.get().once` if it is known, and remember it.
//!     Ok(login.get().name_id().ok_or("nobody")?.value.clone())
//! }
//! ```
//!
//! # In a worker
//!
//! Implement [`key::Signer`], [`key::Verifier`] and, where something is encrypted,
//! [`key::Decrypter`] and [`key::Encrypter`] on `crypto.subtle`: [`key::PublicKey::spki`] is what
//! `importKey("spki", …)` takes, `RSASSA-PKCS1-v1_5`, `ECDSA` and `RSA-OAEP` are the algorithms,
//! and WebCrypto's ECDSA signatures are what XML Signature wants. No future has to be `Send`.

pub mod assertion;
pub mod authn_request;
mod base64;
pub mod binding;
pub mod certificate;
pub mod encryption;
pub mod identity_provider;
mod instant;
pub mod key;
pub mod logout;
pub mod message;
pub mod metadata;
pub mod name_id;
#[cfg(feature = "native")]
pub mod native;
pub mod pasted;
pub mod peer;
mod public_key;
pub mod replay;
pub mod response;
pub mod service_provider;
pub mod signature;
mod x509;
pub mod xml;
