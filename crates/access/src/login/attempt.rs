//! One attempt to sign in: what travels through the provider, sealed, and what comes back.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use edge_state::Hostname;
use edge_state::access::application::SameSite;
use hmac::{Hmac, Mac as _};
use http::HeaderMap;
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};
use subtle::ConstantTimeEq as _;

use crate::cookie::{self, SetCookie};
use crate::encoding::query;
use crate::event::nonce;
use crate::handover::{Meta, open_value, seal_value};
use crate::{Here, Response};

/// An attempt may rest for so long; then it signs nobody in, and leads to a new one.
pub const LIFETIME: i64 = 24 * 60 * 60;

/// `state`: nothing in it is kept here, so any number of attempts may be under way.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub(crate) struct Attempt {
    /// Random: it counts once.
    pub(crate) id: String,
    /// The provider that was asked, and no other (RFC 9700 §4.4).
    pub(crate) provider: String,
    /// Seconds since 1970.
    pub(crate) at: i64,
    /// [`Browser::name`] of the one that began it (RFC 9700 §4.7).
    pub(crate) browser: String,
    /// Where the person wants to go.
    pub(crate) target: Target,
    /// Whether the provider is to ask, even if it knows the person: an answer that shows that it
    /// did not does not count.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub(crate) force: bool,
}

/// What came with the answer (RFC 6749 §4.1.2, RFC 9207 §2).
pub(crate) struct Answer<'a> {
    pub(crate) code: &'a str,
    pub(crate) issuer: Option<&'a str>,
}

/// Where somebody wants to go. The URL was vetted.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub(crate) struct Target {
    /// `None`: to the team domain itself.
    pub(crate) application: Option<String>,
    pub(crate) url: String,
    /// What the application's host said of the browser.
    pub(crate) meta: Option<Meta>,
}

/// A secret that a browser keeps on the team domain. PKCE verifier and nonce of each attempt are
/// derived from it, so that `state` holds nothing secret.
pub(crate) struct Browser {
    secret: String,
}

impl Attempt {
    pub(crate) fn begin(provider: &str, browser: &Browser, target: Target, here: &Here) -> Self {
        Self {
            id: nonce(here.dice("attempt")),
            provider: provider.to_owned(),
            at: here.now(),
            browser: browser.name(),
            target,
            force: false,
        }
    }

    /// `state`
    pub(crate) fn seal(&self, home: &Hostname, here: &Here) -> String {
        seal_value(self, &context(home), here)
    }

    /// What [`Self::seal`] sealed for the same organisation.
    pub(crate) fn open(text: &str, home: &Hostname, here: &Here) -> Option<Self> {
        open_value(text, &context(home), here)
    }

    pub(crate) fn is_over(&self, now: i64) -> bool {
        now < self.at || self.until() <= now
    }

    /// Afterwards it is refused for its age.
    pub(crate) fn until(&self) -> i64 {
        self.at.saturating_add(LIFETIME)
    }

    pub(crate) fn is_of(&self, browser: &Browser) -> bool {
        self.browser.as_bytes().ct_eq(browser.name().as_bytes()).into()
    }
}

impl Target {
    /// The login page that leads there. Without what only this attempt knew, it can be kept.
    pub(crate) fn login_url(&self) -> String {
        let query = query([("redirect_url", self.url.as_str())]);
        match &self.application {
            Some(id) => format!("/access/login/{id}?{query}"),
            None => format!("/access/login?{query}"),
        }
    }

    /// The login page that asks, even if somebody is signed in.
    pub(crate) fn another_login_url(&self) -> String {
        format!("{}&again=1", self.login_url())
    }
}

impl Browser {
    /// The one that asks, if it has a secret already; two are as good as none.
    pub(crate) fn find(headers: &HeaderMap) -> Option<Self> {
        let mut found = cookie::find(headers, cookie::TEAM_SESSION).into_iter();
        let secret = found.next().filter(|secret| is_secret(secret))?;
        found.next().is_none().then_some(Self { secret })
    }

    /// The one that asks; a new one gets a secret.
    pub(crate) fn of(headers: &HeaderMap, here: &Here) -> Self {
        let fresh = || Self { secret: URL_SAFE_NO_PAD.encode(here.dice("browser")) };
        Self::find(headers).unwrap_or_else(fresh)
    }

    /// SHA-256 of the secret: names the browser without telling the secret.
    pub(crate) fn name(&self) -> String {
        URL_SAFE_NO_PAD.encode(Sha256::digest(&self.secret))
    }

    /// Makes the browser keep it, as long as an attempt that begins now may last.
    pub(crate) fn keep(&self, response: Response) -> Response {
        let cookie = SetCookie {
            name: cookie::TEAM_SESSION,
            value: &self.secret,
            path: "/",
            http_only: true,
            same_site: SameSite::Lax,
            max_age: Some(LIFETIME),
        };
        response.with_header("set-cookie", cookie.header())
    }

    /// RFC 7636 §4.1: 43 characters of base64url.
    pub(crate) fn pkce_verifier(&self, attempt: &Attempt) -> String {
        self.derive("pkce", attempt)
    }

    /// RFC 7636 §4.2, S256.
    pub(crate) fn pkce_challenge(&self, attempt: &Attempt) -> String {
        URL_SAFE_NO_PAD.encode(Sha256::digest(self.pkce_verifier(attempt)))
    }

    /// OIDC Core §3.1.2.1, §15.5.2.
    pub(crate) fn nonce(&self, attempt: &Attempt) -> String {
        self.derive("nonce", attempt)
    }

    /// What the ID of a SAML request is made of: whoever does not know the secret cannot know it
    /// before the provider is told.
    pub(crate) fn request_id(&self, attempt: &Attempt) -> [u8; 32] {
        self.mac("saml", &attempt.id)
    }

    /// As [`Self::request_id`], of a request to log out: `state` goes along with it.
    pub(crate) fn logout_id(&self, state: &str) -> [u8; 32] {
        self.mac("saml logout", state)
    }

    fn derive(&self, purpose: &str, attempt: &Attempt) -> String {
        URL_SAFE_NO_PAD.encode(self.mac(purpose, &attempt.id))
    }

    fn mac(&self, purpose: &str, of: &str) -> [u8; 32] {
        let mac = Hmac::<Sha256>::new_from_slice(self.secret.as_bytes());
        let mac = mac.unwrap_or_else(|_| unreachable!("HMAC takes keys of any length"));
        mac.chain_update(format!("{purpose}:{of}")).finalize().into_bytes().into()
    }
}

fn is_secret(text: &str) -> bool {
    text.len() == 43 && URL_SAFE_NO_PAD.decode(text).is_ok_and(|bytes| bytes.len() == 32)
}

fn context(home: &Hostname) -> String {
    format!("attempt:{home}")
}
