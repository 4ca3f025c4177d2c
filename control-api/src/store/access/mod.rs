//! What clients write about Access.
//!
//! - [`objects`]: every object, as it was sent
//! - [`organizations`]: the one of each account
//! - [`secrets`]: what must not be read in it
//! - [`links`]: which policies decide about which application
//! - [`doors`]: what applications guard
//! - [`policy_tests`]: what policies would have said

pub mod doors;
pub mod links;
pub mod objects;
pub mod organizations;
pub mod policy_tests;
pub mod secrets;
