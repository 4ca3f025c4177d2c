//! Under construction.

pub mod caa;
pub mod chain;
pub mod check;
pub mod dns;
pub mod engine;
pub mod issuer;
pub mod keys;
pub mod net;
pub mod probe;
pub mod store;
pub mod vault;
