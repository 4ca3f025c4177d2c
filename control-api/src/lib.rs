//! The control plane: Cloudflare's v4 contract over SQLite or PostgreSQL, and the runner that brings
//! custom hostnames live.

pub mod admin;
pub mod api;
pub mod caa;
pub mod chain;
pub mod check;
pub mod clock;
pub mod config;
mod description;
pub mod dns;
pub mod duration;
pub mod engine;
pub mod feed;
pub mod housekeeping;
pub mod issuer;
pub mod keys;
pub mod metrics;
pub mod net;
pub mod people;
pub mod probe;
pub mod process;
pub mod publisher;
pub mod router;
pub mod runner;
pub mod saml_metadata;
pub mod server;
pub mod signing_key;
pub mod store;
pub mod telemetry;
pub mod vault;
