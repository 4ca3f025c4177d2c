//! SAML 2.0 on the team domain.

mod keys;
pub mod statement;
