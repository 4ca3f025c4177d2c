//! Shared by all tests here.

pub mod keys;
pub mod surgery;
pub mod tools;
pub mod world;
pub mod wrapping;
