//! The authorities as configured.

use secrecy::SecretString;

/// The configured authorities.
#[derive(Clone, Debug, Default)]
pub struct Settings {
    /// `LINTEL_ACME_AUTHORITIES`, in order of preference.
    pub authorities: Vec<AuthoritySettings>,
    /// `LINTEL_ACME_CONTACT`, a `mailto:` URL.
    pub contact: Option<String>,
    /// The PEM in `LINTEL_ACME_ROOTS_FILE`: trusted for ACME's HTTPS beside the system's roots.
    pub extra_roots: Option<String>,
}

/// One authority.
#[derive(Clone, Debug)]
pub struct AuthoritySettings {
    /// As in `ssl.certificate_authority`: `lets_encrypt`, `google`, or the operator's own word.
    pub name: String,
    /// How it is reached.
    pub kind: AuthorityKind,
}

/// How an authority is reached.
#[derive(Clone, Debug)]
pub enum AuthorityKind {
    /// By ACME.
    Acme {
        /// The URL of its directory, `https`.
        directory: String,
        /// `LINTEL_ACME_EAB_<NAME>`, where the CA wants it.
        external_account: Option<ExternalAccount>,
    },
    /// `development`: in this process.
    Development,
}

/// External account binding (RFC 8555 §7.3.4).
#[derive(Clone, Debug)]
pub struct ExternalAccount {
    /// The key identifier that the CA gave.
    pub key_id: String,
    /// The MAC key that the CA gave, base64url.
    pub hmac_key: SecretString,
}
