//! Access without I/O: who a person is, what policies say, and how sign-in goes.
//!
//! Every function here is asked again and again with what it [`need`]s added to what is [`known`],
//! until it answers: so the order of look-ups, fetches and signatures is written once, here, and
//! tested natively, and a shell only carries out one need after the other.
//!
//! - [`admission`]: whether the parties of an entrance exist and are on
//! - [`policy`]: what policies say; [`trace`]: why, rule by rule; [`explain`]: in words; [`draft`]:
//!   what unsaved ones would say
//! - [`team`]: all that is answered on the team domain: signing in, the App Launcher, signing out
//! - [`gate`]: who passes to an application; [`door`]: which one, [`classify`]: who reads the answer
//! - [`token`], [`jwt`], [`jwks`]: what is signed; [`handover`]: what travels sealed
//! - [`saml`]: applications elsewhere that speak SAML
//! - [`session`]: who somebody is; [`get_identity`]: what they are told of that
//! - [`redirect`]: where a sign-in may return to
//! - [`event`]: lines of the login log; [`page`]: what people see
//! - [`memory`]: what an isolate keeps from one request for the next ones
//! - [`platform`]: what `request.cf` says
//! - [`request`], [`response`]: a visitor's request and our own answer
//! - [`saml`]: SAML 2.0; [`saml::statement`]: what an application is told about somebody
//! - [`need`], [`known`]: what has to be read, asked, fetched, verified or signed, and what was

pub mod admission;
mod certs;
pub mod claims;
pub mod classify;
pub mod cookie;
pub mod cors;
mod csrf;
pub mod door;
pub mod draft;
pub mod encoding;
pub mod event;
pub mod explain;
pub mod gate;
pub mod get_identity;
mod github;
pub mod handover;
mod invalid;
pub mod json;
pub mod jwks;
pub mod jws;
pub mod jwt;
pub mod known;
mod launcher;
pub mod letter;
mod login;
mod logout;
pub mod memory;
pub mod need;
mod oidc;
mod one_time_pin;
pub mod page;
pub mod platform;
pub mod policy;
pub mod redirect;
pub mod request;
pub mod response;
pub mod saml;
mod saml_provider;
mod selector;
pub mod session;
pub mod team;
#[cfg(test)]
mod testing;
pub mod token;
pub mod trace;
mod visit;
mod visitor;

pub use known::{Known, Reply};
pub use need::Need;
pub use request::{ClientCertificate, Here, Request};
pub use response::Response;
