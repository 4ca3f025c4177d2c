//! SAML 2.0 on the team domain.
//!
//! - `keys.rs`: our keys and peers' keys, by way of the shell
//! - `sso/`: we are an application's identity provider
//! - [`statement`]: what an application is told about somebody

pub(crate) mod keys;
pub(crate) mod sso;
pub mod statement;
