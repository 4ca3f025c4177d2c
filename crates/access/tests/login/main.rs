//! Whole sign-ins, with real signatures, against providers that lie in every known way.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]
#![expect(clippy::needless_pass_by_value, reason = "json!() is written where it is used")]

mod application;
mod control;
mod crypto;
mod github;
mod provider;
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
