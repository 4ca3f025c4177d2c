//! Shared by all tests here.

pub mod keys;
pub mod tools;
pub mod world;
