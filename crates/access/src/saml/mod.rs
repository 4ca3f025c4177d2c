//! SAML 2.0 on the team domain: we are the identity provider of applications elsewhere.
//!
//! - [`route`]: their addresses; [`party`]: one of them, and we to it
//! - [`sso`]: somebody signs in to one; [`entered`]: which ones a browser has been in
//! - [`slo`]: somebody signs out, there or here; [`through`]: or at their provider
//! - [`keys`]: our keys and peers' keys, by way of the shell; [`pieces`]: long cookies
//! - [`recipient`]: to whom it is encrypted
//! - [`statement`]: what an application is told about somebody

mod entered;
pub(crate) mod keys;
mod party;
mod pieces;
pub mod recipient;
pub(crate) mod route;
pub(crate) mod slo;
mod sso;
pub mod statement;
pub(crate) mod through;
