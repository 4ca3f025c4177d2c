//! Whole sign-ins, with real signatures, against providers that lie in every known way.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]
#![expect(clippy::needless_pass_by_value, reason = "json!() is written where it is used")]

mod application;
mod control;
mod crypto;
mod github;
#[expect(dead_code, reason = "crate saml's tests want more of them")]
#[path = "../../../saml/tests/support/keys.rs"]
mod keys;
mod provider;
mod saml_case;
mod saml_idp;
mod shop;
mod support;
mod world;

mod approvals;
mod attacks;
mod entrances;
mod flows;
mod hub;
mod launching;
mod leaving;
mod pins;
mod relying_party;
mod saml_attacks;
mod saml_chain;
mod saml_context;
mod saml_documents;
mod saml_encrypted;
mod saml_logout;
mod saml_provider;
mod saml_requests;
mod saml_resting;
mod saml_said;
mod saml_sign_in;
mod saml_signatures;
mod saml_statement;
mod saml_upstream_logout;
mod saml_wishes;
mod saml_wrapping;
