//! What it takes to run a whole Lintel on one machine: `make run` and the end-to-end tests.
//!
//! - [`child`]: a program that never outlives us, and the tail of its log
//! - [`wait`]: asking until a condition holds
//! - [`client`]: the public API, as far as one who onboards a hostname needs it
//! - [`failure`]: why something did not work, as one text for a person
//!
//! The rest is `make run` itself, see `main.rs`:
//!
//! - [`config`]: ports and folders, from the environment
//! - [`state`]: what survives a restart, below `.lintel`
//! - [`house`]: the programs, in the order in which they start and stop
//! - [`onboard`]: account, zone, token and the demo hostname, through the public API
//! - [`origin`]: the demo origin; [`provider`]: the demo identity provider
//! - [`application`]: the demo SAML application
//! - [`access`]: organisation, provider and applications, through the public API
//! - [`announcement`]: `.lintel/dev.json`, and what is printed

pub mod access;
pub mod announcement;
pub mod application;
pub mod child;
pub mod client;
pub mod config;
pub mod failure;
pub mod house;
pub mod onboard;
pub mod origin;
pub mod provider;
pub mod state;
pub mod wait;

pub use failure::{Context, Failure};
