//! From the team domain to an application's host: what is handed over through the browser, sealed.

use std::net::IpAddr;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use edge_state::Hostname;
use edge_state::seal::{SealEntropy, Sealed};
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

use crate::{ClientCertificate, Here};

/// A token on its way to the application's host.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub struct Handover {
    /// So that it counts once: random.
    pub id: String,
    /// The organisation.
    pub auth_domain: Hostname,
    /// Whose token it is.
    pub application_id: String,
    /// `identity_nonce` of the session.
    pub nonce: String,
    /// When the session ends, in seconds since 1970.
    pub session_expires_at: i64,
    /// The application's token.
    pub token: String,
    /// When that ends, in seconds since 1970.
    pub token_expires_at: i64,
    /// Which browser it is for: [`binding`] of its cookie on the application's host.
    pub binding: Option<String>,
    /// Path and query where the person wanted to go.
    pub target: String,
    /// How often the browser was sent around already.
    pub hops: u8,
    /// Seconds since 1970: later it does not count.
    pub until: i64,
}

/// How long a handover may be under way, in seconds.
pub const LIFETIME: i64 = 60;

/// More rounds mean that the browser keeps no cookies.
pub const MAX_HOPS: u8 = 3;

/// What the application's host tells the team domain of a request: `meta` of the login URL.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub struct Meta {
    /// The application's host.
    pub host: Hostname,
    /// [`binding`] of the browser's cookie there.
    pub binding: Option<String>,
    /// The client certificate that the host was shown: the team domain is shown none.
    pub certificate: Option<ClientCertificate>,
    /// The address that the host saw: the team domain may be reached over another family of them.
    #[serde(default)]
    pub ip: Option<IpAddr>,
    /// Its country.
    #[serde(default)]
    pub country: Option<String>,
    /// How often the browser was sent around already.
    pub hops: u8,
    /// Seconds since 1970.
    pub at: i64,
}

/// A handover that does not count.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
pub enum InvalidHandover {
    /// Not sealed here, or for another host.
    #[error("the handover was not made here, or for another host")]
    Broken,
    /// Too long under way.
    #[error("the handover is too old")]
    TooOld,
}

/// Names a browser by its cookie without telling the cookie.
#[must_use]
pub fn binding(cookie: &str) -> String {
    URL_SAFE_NO_PAD.encode(Sha256::digest(cookie))
}

/// Seals a handover for one host; the text fits into a query as it is.
#[must_use]
pub fn seal(handover: &Handover, host: &Hostname, here: &Here) -> String {
    seal_value(handover, &format!("handover:{host}"), here)
}

/// Opens what [`seal`] sealed for this host, while it is young.
///
/// # Errors
/// See [`InvalidHandover`].
pub fn open(text: &str, host: &Hostname, here: &Here) -> Result<Handover, InvalidHandover> {
    let handover: Handover =
        open_value(text, &format!("handover:{host}"), here).ok_or(InvalidHandover::Broken)?;
    if here.now() >= handover.until || handover.until > here.now() + 2 * LIFETIME {
        return Err(InvalidHandover::TooOld);
    }
    Ok(handover)
}

/// Longer texts were not sealed here.
const MAX_BYTES: usize = 32 << 10;

/// Any value as sealed text, for one purpose.
#[must_use]
pub fn seal_value<T: Serialize>(value: &T, purpose: &str, here: &Here) -> String {
    let plain = serde_json::to_vec(value).unwrap_or_default();
    let mut entropy = [0; 56];
    let (first, second) = entropy.split_at_mut(32);
    // The same purpose may be sealed twice for one request, with different content.
    let content = URL_SAFE_NO_PAD.encode(Sha256::digest(&plain));
    first.copy_from_slice(&here.dice(&format!("seal:{purpose}:{content}")));
    second.copy_from_slice(&here.dice(&format!("seal nonces:{purpose}:{content}"))[..24]);
    here.keys.seal(&plain, purpose, SealEntropy(entropy)).as_str().to_owned()
}

/// What [`seal_value`] sealed; `None`: it was not sealed here, or for another purpose.
#[must_use]
pub fn open_value<T: for<'de> Deserialize<'de>>(
    text: &str,
    purpose: &str,
    here: &Here,
) -> Option<T> {
    if text.len() > MAX_BYTES {
        return None;
    }
    let sealed = Sealed::from_text(text.to_owned());
    let plain = here.keys.open(&sealed, purpose).ok()?;
    serde_json::from_slice(&plain).ok()
}

/// A browser may sit at a login page for so long, in seconds.
const META_LIFETIME: i64 = 24 * 3600;

impl Meta {
    /// As text that fits into a query as it is.
    #[must_use]
    pub fn seal(&self, auth_domain: &Hostname, here: &Here) -> String {
        seal_value(self, &format!("meta:{auth_domain}"), here)
    }

    /// What [`Self::seal`] sealed for this team domain, within a day; else nothing is known.
    #[must_use]
    pub fn open(text: &str, auth_domain: &Hostname, here: &Here) -> Option<Self> {
        let meta: Self = open_value(text, &format!("meta:{auth_domain}"), here)?;
        (here.now() - meta.at < META_LIFETIME).then_some(meta)
    }
}

#[cfg(test)]
mod tests {
    use edge_state::seal::KeyRing;

    use super::*;

    const LINES: &str = "k:AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=";

    fn here(keys: &KeyRing, now: i64) -> Here<'_> {
        Here { now_millis: now * 1000, entropy: &[7; 32], keys, https_port: None }
    }

    fn name(text: &str) -> Hostname {
        Hostname::parse(text).unwrap()
    }

    fn handover() -> Handover {
        Handover {
            id: "x".into(),
            auth_domain: name("team.example"),
            application_id: "a".into(),
            nonce: "n".into(),
            session_expires_at: 9_000,
            token: "t".into(),
            token_expires_at: 8_000,
            binding: Some(binding("cookie")),
            target: "/?a=b".into(),
            hops: 0,
            until: 1_060,
        }
    }

    #[test]
    fn a_handover_opens_at_its_host_while_it_is_young() {
        let keys = KeyRing::parse(LINES).unwrap();
        let (host, now) = (name("app.example"), here(&keys, 1_000));
        let text = seal(&handover(), &host, &now);
        assert_eq!(open(&text, &host, &now), Ok(handover()));
        assert_eq!(open(&text, &name("b.example"), &now), Err(InvalidHandover::Broken));
        assert_eq!(open(&text, &host, &here(&keys, 1_060)), Err(InvalidHandover::TooOld));
        assert_eq!(open(&text[1..], &host, &now), Err(InvalidHandover::Broken));
        let long = Handover { until: 100_000, ..handover() };
        let long = seal(&long, &host, &now);
        assert_eq!(open(&long, &host, &now), Err(InvalidHandover::TooOld));
    }

    #[test]
    fn what_was_sealed_for_one_purpose_opens_for_no_other() {
        let keys = KeyRing::parse(LINES).unwrap();
        let here = here(&keys, 1_000);
        let meta = Meta {
            host: name("app.example"),
            binding: None,
            certificate: None,
            ip: Some([192, 0, 2, 7].into()),
            country: Some("DE".to_owned()),
            hops: 2,
            at: 1_000,
        };
        let text = meta.seal(&name("team.example"), &here);
        assert_eq!(Meta::open(&text, &name("team.example"), &here), Some(meta));
        assert_eq!(Meta::open(&text, &name("other.example"), &here), None);
        assert!(open(&text, &name("app.example"), &here).is_err());
        assert!(text.bytes().all(|b| b.is_ascii_alphanumeric() || b"-_.~".contains(&b)), "{text}");
    }
}
