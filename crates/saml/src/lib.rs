//! SAML 2.0 without I/O: messages, exclusive canonicalisation, XML signatures and encryption,
//! bindings and metadata. Keys, clocks and randomness come in from outside.

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
pub mod peer;
pub mod replay;
pub mod response;
pub mod service_provider;
pub mod signature;
mod x509;
pub mod xml;
