//! What clients write about Access.
//!
//! - [`objects`]: every object, as it was sent
//! - [`organizations`]: the one of each account
//! - [`secrets`]: what must not be read in it
//! - [`links`]: which policies decide about which application
//! - [`doors`]: what applications guard
//! - [`policy_tests`]: what policies would have said
//! - [`saml_metadata`]: of SAML peers, fetched from where clients say

pub mod doors;
pub mod links;
pub mod objects;
pub mod organizations;
pub mod policy_tests;
pub mod saml_metadata;
pub mod secrets;
