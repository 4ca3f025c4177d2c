//! Lines of the login log.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use edge_state::Hostname;
use edge_state::access::call::LoginEvent;
use edge_state::access::{ApplicationRecord, Identity, IdentityProviderRecord};

use crate::{Here, Request};

/// What was wanted.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Action {
    /// To come in.
    Login,
    /// To go, here or everywhere.
    Logout,
    /// To come in where nobody is asked.
    Bypass,
    /// To come in as a machine.
    ServiceAuth,
    /// To agree that somebody comes in.
    Approval,
}

impl Action {
    /// As the log has it.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Login => "login",
            Self::Logout => "logout",
            Self::Bypass => "bypass",
            Self::ServiceAuth => "service_auth",
            Self::Approval => "approval",
        }
    }
}

/// An event about this request. `reason` is for administrators; there is one event of a reason.
#[must_use]
pub fn event(
    request: &Request,
    here: &Here,
    auth_domain: &Hostname,
    action: Action,
    allowed: bool,
    reason: impl Into<String>,
) -> LoginEvent {
    let reason = bounded(&reason.into());
    LoginEvent {
        id: uuid(here.dice(&format!("event:{}:{reason}", action.name()))),
        auth_domain: auth_domain.clone(),
        at_millis: here.now_millis,
        action: action.name().to_owned(),
        allowed,
        application_id: None,
        application_domain: None,
        application_type: None,
        identity_provider_id: None,
        connection: None,
        user_email: None,
        user_id: None,
        non_identity: None,
        ip_address: request.ip.map(|ip| ip.to_string()),
        country: request.country.map(str::to_owned),
        ray_id: request.ray_id.to_owned(),
        policy_id: None,
        code: (!allowed).then(|| code(here)),
        reason,
        justification: None,
        identity: None,
    }
}

/// Adds what is known of the parties.
pub trait Parties {
    /// The application.
    #[must_use]
    fn application(self, application: Option<&ApplicationRecord>) -> Self;
    /// The provider.
    #[must_use]
    fn provider(self, provider: Option<&IdentityProviderRecord>) -> Self;
    /// The person, and what policies saw of them.
    #[must_use]
    fn identity(self, identity: Option<&Identity>) -> Self;
    /// The policy that decided.
    #[must_use]
    fn policy(self, id: Option<&str>) -> Self;
}

impl Parties for LoginEvent {
    fn application(mut self, application: Option<&ApplicationRecord>) -> Self {
        if let Some(application) = application {
            let domain = application.domain.as_ref().unwrap_or(&application.name);
            self.application_id = Some(application.id.clone());
            self.application_domain = Some(domain.clone());
            self.application_type = Some(application.kind.clone());
        }
        self
    }

    fn provider(mut self, provider: Option<&IdentityProviderRecord>) -> Self {
        if let Some(provider) = provider {
            self.identity_provider_id = Some(provider.id.clone());
            self.connection = Some(provider.kind.clone());
        }
        self
    }

    fn identity(mut self, identity: Option<&Identity>) -> Self {
        if let Some(identity) = identity {
            self.user_email = Some(identity.email.clone());
            self.user_id = (!identity.user_id.is_empty()).then(|| identity.user_id.clone());
            self.identity_provider_id = Some(identity.idp.id.clone());
            self.connection = Some(identity.idp.kind.clone());
            self.identity = Some(identity.clone());
        }
        self
    }

    fn policy(mut self, id: Option<&str>) -> Self {
        self.policy_id = id.map(str::to_owned);
        self
    }
}

/// What a person reads to an administrator: 8 characters of Crockford's base32, the same for one
/// request.
#[must_use]
pub fn code(here: &Here) -> String {
    const ALPHABET: &[u8; 32] = b"0123456789ABCDEFGHJKMNPQRSTVWXYZ";
    let dice = here.dice("code");
    dice[..8].iter().map(|byte| char::from(ALPHABET[usize::from(byte % 32)])).collect()
}

/// RFC 9562 §5.4.
#[must_use]
pub fn uuid(dice: [u8; 32]) -> String {
    let mut bytes = u128::from_be_bytes(std::array::from_fn(|at| dice[at]));
    bytes = bytes & !(0xF << 76) | 4 << 76;
    bytes = bytes & !(0x3 << 62) | 2 << 62;
    let hex = format!("{bytes:032x}");
    format!("{}-{}-{}-{}-{}", &hex[..8], &hex[8..12], &hex[12..16], &hex[16..20], &hex[20..])
}

/// 22 characters of base64url: 128 random bits.
#[must_use]
pub fn nonce(dice: [u8; 32]) -> String {
    URL_SAFE_NO_PAD.encode(&dice[..16])
}

/// What others said may be long, and may try to write lines of its own.
fn bounded(text: &str) -> String {
    const MAX_CHARS: usize = 500;
    text.chars().map(|c| if c.is_control() { ' ' } else { c }).take(MAX_CHARS).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_uuid_is_of_version_4_and_variant_10() {
        assert_eq!(uuid([0xFF; 32]), "ffffffff-ffff-4fff-bfff-ffffffffffff");
        assert_eq!(uuid([0; 32]), "00000000-0000-4000-8000-000000000000");
    }

    #[test]
    fn a_reason_cannot_forge_lines_or_fill_the_log() {
        assert_eq!(bounded("a\r\nb\u{1b}[0m"), "a  b [0m");
        assert_eq!(bounded(&"x".repeat(1_000)).len(), 500);
    }
}
