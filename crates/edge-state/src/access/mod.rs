//! What the edge knows of Access: who may sign in where, by whom, and under which policies.
//!
//! - [`organization`]: the team domain; [`gate`]: which applications stand before a hostname
//! - [`application`]: one application; [`policy`]: its policies, with groups and lists
//! - [`identity_provider`]: who says who somebody is
//! - [`session`]: who somebody is, once signed in; [`revocation`]: who is not any more
//! - [`signing_key`]: what tokens are signed with
//! - [`origin_header`]: which headers may tell origins more of them
//! - [`saml`]: what SAML applications are told, and what SAML providers say; by which keys
//! - [`service_token`], [`client_authority`]: machines' own ways in
//! - [`call`]: what the edge asks the control plane, as it must be counted or used once

pub mod application;
pub mod call;
pub mod client_authority;
pub mod gate;
pub mod identity_provider;
pub mod organization;
pub mod origin_header;
pub mod policy;
pub mod revocation;
pub mod saml;
pub mod service_token;
pub mod session;
pub mod signing_key;

pub use application::ApplicationRecord;
pub use client_authority::ClientAuthorityRecord;
pub use gate::GateRecord;
pub use identity_provider::IdentityProviderRecord;
pub use organization::OrganizationRecord;
pub use policy::{GroupRecord, ListRecord, Policy, Rule};
pub use revocation::RevocationRecord;
pub use saml::SamlKeyRecord;
pub use service_token::ServiceTokenRecord;
pub use session::{Identity, SessionRecord};
pub use signing_key::SigningKeyRecord;

/// For `#[serde(default)]`: what is not said to be off is on.
pub(crate) fn enabled() -> bool {
    true
}

/// For `skip_serializing_if`.
#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde passes references")]
pub(crate) fn is_enabled(enabled: &bool) -> bool {
    *enabled
}

/// For `skip_serializing_if`.
#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde passes references")]
pub(crate) fn is_false(value: &bool) -> bool {
    !*value
}
