//! What the tests of crate `saml` cut up signed XML with.

#![allow(dead_code, reason = "not all of it is needed here")]

pub(crate) use crate::keys;

#[path = "../../../saml/tests/support/surgery.rs"]
pub mod surgery;
#[path = "../../../saml/tests/support/wrapping.rs"]
pub mod wrapping;

pub mod world {
    pub use crate::crypto::at_once as run;
}
