//! Under construction.

pub mod chain;
pub mod keys;
pub mod store;
pub mod vault;
