//! Under construction.

pub mod chain;
pub mod engine;
pub mod keys;
pub mod store;
pub mod vault;
