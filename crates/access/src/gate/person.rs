//! People: their tokens, and how these are renewed.

use edge_state::access::ServiceTokenRecord;
use edge_state::access::application::SameSite;
use edge_state::key::is_client_id;
use serde::{Deserialize, Serialize};

use super::Case;
use crate::admission::{Entrance, admit};
use crate::cookie::{self, APPLICATION_SESSION, AUTHORIZATION, BINDING, SetCookie};
use crate::handover::{open_value, seal_value};
use crate::session::{self, Live};
use crate::token::{self, Bearer, Issued, Verified};
use crate::{Here, Need};

/// What a request shows of somebody.
pub(super) enum Shown<'a> {
    /// Nothing, or nothing that counts.
    Nobody,
    /// Something that does not count, and why.
    Refused(String),
    /// A machine that has a token for its service token.
    Machine { record: &'a ServiceTokenRecord, text: String },
    /// A person whose session lives.
    Person(Box<Person>),
}

/// A person whose session lives.
pub(super) struct Person {
    pub(super) live: Live,
    pub(super) proof: Proof,
    /// When what it is was issued, in seconds since 1970.
    pub(super) issued_at: i64,
}

/// By what a person is known.
pub(super) enum Proof {
    /// The application's token.
    Token { text: String, policy_id: Option<String> },
    /// [`Credential`]: the token has run out.
    Credential,
}

/// What a browser keeps on an application's host so that tokens are renewed in passing. It is sealed
/// and no origin ever sees it, so a token that leaks there is worth no more than its own lifetime.
#[derive(Deserialize, Serialize)]
struct Credential {
    nonce: String,
    /// Seconds since 1970: a later revocation takes it along.
    at: i64,
}

/// In front of a [`Credential`]; a value without it only names the browser.
const SEALED: &str = "s.";

/// A browser may take so long to sign in, in seconds.
const SIGN_IN_SECONDS: i64 = 24 * 3600;

impl Shown<'_> {
    pub(super) fn person(&self) -> Option<&Person> {
        match self {
            Self::Person(person) => Some(person),
            _ => None,
        }
    }

    pub(super) fn refused(&self) -> Option<&str> {
        match self {
            Self::Refused(why) => Some(why),
            _ => None,
        }
    }
}

impl Person {
    pub(super) fn bearer(&self) -> Bearer<'_> {
        Bearer::Person {
            nonce: &self.live.nonce,
            session_expires_at: self.live.expires_at,
            identity: &self.live.identity,
        }
    }
}

impl<'a> Case<'a> {
    /// Who the request is from. The first thing that counts, counts.
    ///
    /// A sibling of this host may plant a `CF_Authorization` here, to have somebody work as somebody
    /// else; a credential it cannot plant. So where there is one, tokens are of the same session.
    pub(super) fn shown(&self) -> Result<Shown<'a>, Need> {
        let mut refused = None;
        let values = cookie::find(self.request.headers, APPLICATION_SESSION);
        let credentials: Vec<_> = values.iter().filter_map(|v| self.open_credential(v)).collect();
        let is_planted = |nonce: Option<&String>| {
            !credentials.is_empty() && !credentials.iter().any(|own| Some(&own.nonce) == nonce)
        };
        for text in self.own_tokens() {
            match token::verify_application(&text, self.application, self.known, self.here)? {
                Ok(verified) if is_planted(verified.nonce.as_ref()) => {
                    refused = refused.or(Some("the token is of another session".to_owned()));
                }
                Ok(verified) => match self.by_token(text, &verified)? {
                    Shown::Refused(why) => refused = refused.or(Some(why)),
                    shown => return Ok(shown),
                },
                Err(invalid) => refused = refused.or_else(|| Some(invalid.to_string())),
            }
        }
        if let Some(person) = self.by_credential(credentials)? {
            return Ok(Shown::Person(Box::new(person)));
        }
        Ok(refused.map_or(Shown::Nobody, Shown::Refused))
    }

    fn by_token(&self, text: String, verified: &Verified) -> Result<Shown<'a>, Need> {
        if self.application.cookie.binding && !self.is_bound(verified) {
            return Ok(Shown::Refused("the binding cookie is missing or another one".to_owned()));
        }
        let issued_at = Some(verified.issued_at);
        let Some(nonce) = &verified.nonce else {
            let client_id = verified.common_name.as_deref().filter(|name| is_client_id(name));
            let entrance = Entrance { service_token: client_id, issued_at, ..self.entrance() };
            return Ok(match admit(&entrance, self.known)? {
                Ok(admitted) => match admitted.service_token {
                    Some(record) => Shown::Machine { record, text },
                    None => Shown::Nobody,
                },
                Err(refused) => Shown::Refused(refused.to_string()),
            });
        };
        let live = session::live(nonce, self.organization, self.known, self.here)?;
        let Some(live) = live.filter(|live| live.identity.user_id == verified.user_id) else {
            return Ok(Shown::Refused("the session is over".to_owned()));
        };
        let proof = Proof::Token { text, policy_id: verified.policy_id.clone() };
        self.admit_person(live, verified.issued_at, proof)
    }

    fn by_credential(&self, credentials: Vec<Credential>) -> Result<Option<Person>, Need> {
        for credential in credentials {
            let live = session::live(&credential.nonce, self.organization, self.known, self.here)?;
            let Some(live) = live else { continue };
            let shown = self.admit_person(live, credential.at, Proof::Credential)?;
            if let Shown::Person(person) = shown {
                return Ok(Some(*person));
            }
        }
        Ok(None)
    }

    pub(super) fn admit_person(
        &self,
        live: Live,
        issued_at: i64,
        proof: Proof,
    ) -> Result<Shown<'a>, Need> {
        let entrance = Entrance {
            provider: Some(&live.identity.idp.id),
            user: Some(&live.identity.user_id),
            issued_at: Some(issued_at),
            ..self.entrance()
        };
        Ok(match admit(&entrance, self.known)? {
            Ok(_) => Shown::Person(Box::new(Person { live, proof, issued_at })),
            Err(refused) => Shown::Refused(refused.to_string()),
        })
    }

    pub(super) fn entrance(&self) -> Entrance<'a> {
        Entrance {
            auth_domain: &self.application.auth_domain,
            application: Some(&self.application.id),
            provider: None,
            user: None,
            issued_at: None,
            service_token: None,
            now: self.here.now(),
        }
    }

    fn open_credential(&self, value: &str) -> Option<Credential> {
        let sealed = value.strip_prefix(SEALED)?;
        open_value(sealed, &self.purpose("session"), self.here)
    }

    fn purpose(&self, purpose: &str) -> String {
        format!("{purpose}:{}:{}", self.organization.auth_domain, self.request.host)
    }

    fn is_bound(&self, verified: &Verified) -> bool {
        let owner = verified.nonce.as_ref().or(verified.common_name.as_ref());
        let values = cookie::find(self.request.headers, BINDING);
        values.iter().any(|value| {
            let bound: Option<String> = open_value(value, &self.purpose("binding"), self.here);
            bound.is_some() && bound.as_ref() == owner
        })
    }

    /// The cookie that names the browser while it signs in elsewhere: the one that it has, or a new
    /// one and the header that sets it. So ten tabs that sign in at once are one browser.
    pub(super) fn browser(&self) -> (String, Option<String>) {
        let fits = |value: &String| {
            value.len() <= 1024
                && value.bytes().all(|b| b.is_ascii_alphanumeric() || b"-_.".contains(&b))
        };
        let known = cookie::find(self.request.headers, APPLICATION_SESSION);
        if let Some(value) = known.into_iter().find(fits) {
            return (value, None);
        }
        let dice = self.here.dice("browser on an application's host");
        let value = format!("r.{}", crate::event::nonce(dice));
        let set = SetCookie {
            name: APPLICATION_SESSION,
            value: &value,
            path: "/",
            http_only: true,
            // Its sign-in comes back from another site, which Strict would not survive.
            same_site: match self.same_site() {
                SameSite::None => SameSite::None,
                SameSite::Lax | SameSite::Strict => SameSite::Lax,
            },
            max_age: Some(SIGN_IN_SECONDS),
        };
        let header = set.header();
        (value, Some(header))
    }

    pub(super) fn same_site(&self) -> SameSite {
        self.application.cookie.same_site.unwrap_or(SameSite::None)
    }

    /// All cookies of a sign-in or a renewal.
    pub(super) fn token_cookies(&self, issued: &Issued, nonce: &str) -> Vec<String> {
        let mut cookies = vec![self.token_cookie(issued)];
        if self.application.cookie.binding {
            let value = seal_value(&nonce, &self.purpose("binding"), self.here);
            cookies.push(self.hidden_cookie(BINDING, &value, issued.expires_at));
        }
        cookies
    }

    /// The cookie by which tokens are renewed.
    pub(super) fn credential_cookie(&self, nonce: &str, session_expires_at: i64) -> String {
        let credential = Credential { nonce: nonce.to_owned(), at: self.here.now() };
        let sealed = seal_value(&credential, &self.purpose("session"), self.here);
        self.hidden_cookie(APPLICATION_SESSION, &format!("{SEALED}{sealed}"), session_expires_at)
    }

    pub(super) fn token_cookie(&self, issued: &Issued) -> String {
        let cookie = &self.application.cookie;
        let path = if cookie.path { self.cookie_path() } else { "/".to_owned() };
        let set = SetCookie {
            name: AUTHORIZATION,
            value: &issued.token,
            path: &path,
            http_only: cookie.http_only,
            same_site: self.same_site(),
            max_age: Some(seconds_until(issued.expires_at, self.here)),
        };
        set.header()
    }

    fn hidden_cookie(&self, name: &str, value: &str, expires_at: i64) -> String {
        let set = SetCookie {
            name,
            value,
            path: "/",
            http_only: true,
            same_site: self.same_site(),
            max_age: Some(seconds_until(expires_at, self.here)),
        };
        set.header()
    }

    /// The headers that make the browser forget all of them.
    pub(super) fn removals(&self) -> Vec<String> {
        let path = self.cookie_path();
        let paths = ["/", path.as_str()];
        let paths = &paths[..if path == "/" { 1 } else { 2 }];
        let named = |name, path| {
            let same_site = self.same_site();
            SetCookie { name, value: "", path, http_only: true, same_site, max_age: None }.removal()
        };
        let tokens = paths.iter().map(|path| named(AUTHORIZATION, path));
        tokens.chain([named(BINDING, "/"), named(APPLICATION_SESSION, "/")]).collect()
    }

    /// `path_cookie_attribute`: the application's path up to its first wildcard.
    fn cookie_path(&self) -> String {
        let domain = self.application.domain.as_deref().unwrap_or_default();
        let path = domain.split_once('/').map_or("", |(_, path)| path);
        let whole = path
            .split_once('*')
            .map_or(path, |(before, _)| before.rsplit_once('/').map_or("", |(folder, _)| folder));
        let fits = |b: u8| b.is_ascii_graphic() && b != b';' && b != b',';
        if whole.bytes().all(fits) {
            format!("/{}", whole.trim_matches('/'))
        } else {
            "/".to_owned()
        }
    }
}

fn seconds_until(time: i64, here: &Here) -> i64 {
    time.saturating_sub(here.now()).max(0)
}
