//! Access, as the contract has it: who may sign in where, by whom, and under which policies.
//!
//! - [`routes`]: every route of Access; [`describe`]: a route with its description, for the account
//!   and for its zones at once
//! - [`echo`]: bodies, answered as they were sent; [`object`]: what all kinds of object share; [`context`]: where
//!   and when
//! - [`publish`]: what the edge is told
//! - [`rules`]: `include`, `exclude`, `require`; [`address`]: URLs that we will ask
//! - [`organizations`], with `organization_row`, `organization_record`, [`team_domain`]
//! - [`keys`], with `signing_keys`; `saml_keys`: those of single applications and providers
//! - [`identity_providers`], with [`presets`] and `scim`
//! - [`metadata`]: of SAML peers, by address or pasted; [`metadata_polling`]: again and again
//! - the rest: one module per kind of object

pub mod address;
pub mod applications;
pub mod certificates;
pub mod context;
pub mod custom_pages;
pub mod describe;
pub mod echo;
pub mod groups;
pub mod identity_providers;
pub mod keys;
pub mod lists;
pub mod login_log;
pub mod metadata;
pub mod metadata_polling;
pub mod object;
mod organization_record;
mod organization_row;
pub mod organizations;
mod pem;
pub mod policies;
pub mod policy_tests;
pub mod posture;
pub mod presets;
pub mod publish;
pub mod risk;
pub mod routes;
pub mod rules;
mod saml_keys;
mod scim;
pub mod seats;
mod secret;
pub mod service_tokens;
mod signing_keys;
pub mod tags;
pub mod team_domain;
pub mod user_sessions;
pub mod users;
