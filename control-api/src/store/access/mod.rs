//! What clients write about Access.
//!
//! - [`objects`]: every object, as it was sent
//! - [`secrets`]: what must not be read in it

pub mod objects;
pub mod secrets;
