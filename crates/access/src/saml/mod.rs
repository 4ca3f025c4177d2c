//! SAML 2.0 on the team domain.

pub(crate) mod keys;
pub mod statement;
