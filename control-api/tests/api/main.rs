//! The contract, over HTTP, on every database. One binary, so that it links once.

#![allow(
    clippy::expect_used,
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a test fails by panicking; a missing JSON member reads as null"
)]

mod access_applications;
mod access_certificates;
mod access_edge;
mod access_groups;
mod access_identity_providers;
mod access_lab;
mod access_lists;
mod access_logs;
mod access_matrix;
mod access_organizations;
mod access_policies;
mod access_policy_tests;
mod access_posture;
mod access_publishing;
mod access_saas;
mod access_same_address;
mod access_saml;
mod access_saml_address;
mod access_saml_keys;
mod access_saml_metadata;
mod access_saml_providers;
mod access_saml_test;
mod access_saml_uploads;
mod access_service_tokens;
mod access_tags;
mod access_users;
mod access_world;
mod accounts;
mod authorization;
mod custom_hostnames;
mod input;
mod lab;
mod lists;
mod openapi;
mod patch;
mod saml_peer;
mod tokens;
mod transport;
mod zones;

#[path = "../support/databases.rs"]
mod databases;
#[path = "../support/organization.rs"]
mod organization;
