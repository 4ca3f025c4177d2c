//! Codes by mail. A code is good for one attempt in one browser, once, for a short time, and can be
//! tried a few times; everything is counted where no client can begin anew.
//!
//! Whether an address may get a code at all is decided when the mail is sent: the answer is the same
//! for every address, and takes as long.

use aws_lc_rs::hmac;
use edge_state::access::call::{CheckPin, PinChecked, PinSent, SendPin};
use edge_state::access::identity_provider::Protocol;
use edge_state::seal::derive_ring;
use secrecy::{ExposeSecret as _, SecretString};

use super::mail::{Letter, Means, PinLetter};
use super::{Error, People, digest, records};
use crate::metrics::PINS;
use crate::store::limits::{self, Limit};
use crate::store::pins;

/// Hashes codes: they are too short for a hash without a key.
pub(super) struct CodeKey(hmac::Key);

impl CodeKey {
    pub(super) fn derived(master_key: &SecretString) -> Self {
        // The configuration has judged the keys already; no other text comes here.
        let ring = derive_ring(master_key.expose_secret(), PURPOSE).unwrap_or_default();
        let current = ring.lines().next().unwrap_or_default();
        Self(hmac::Key::new(hmac::HMAC_SHA256, current.as_bytes()))
    }

    fn hash(&self, parts: &[&str]) -> hmac::Tag {
        hmac::sign(&self.0, &digest(parts))
    }
}

impl People {
    /// A code goes by mail, if the address may get one.
    ///
    /// # Errors
    /// The database failed, or the question is none.
    pub async fn send_pin(&self, ask: SendPin) -> Result<PinSent, Error> {
        let outcome = self.try_send_pin(ask).await?;
        let label = match outcome {
            PinSent::Accepted => "accepted",
            PinSent::TooMany { .. } => "too_many",
            PinSent::Unavailable => "unavailable",
        };
        metrics::counter!(PINS, "outcome" => label).increment(1);
        Ok(outcome)
    }

    async fn try_send_pin(&self, ask: SendPin) -> Result<PinSent, Error> {
        let fits = is_short(&ask.attempt) && is_short(&ask.browser);
        if !fits || ask.email.len() > MAX_ADDRESS {
            return Err(Error::Invalid("attempt, browser or email is too long"));
        }
        if matches!(self.settings.mail, Means::None) {
            return Ok(PinSent::Unavailable);
        }
        let email = super::normalized(&ask.email);
        let code = random_code()?;
        let now = self.clock.now_millis();
        let mut tx = self.db.begin().await?;
        let provider = records::provider(&mut tx, &ask.auth_domain, &ask.identity_provider_id);
        let mails =
            provider.await?.is_some_and(|it| matches!(it.protocol, Protocol::OneTimePin {}));
        if !mails || records::organization(&mut tx, &ask.auth_domain).await?.is_none() {
            return Ok(PinSent::Unavailable);
        }
        let domain = ask.auth_domain.to_string();
        let client = ask.ip.as_deref().map(client).unwrap_or_default();
        for (limit, who) in [
            (&PER_ADDRESS_AND_CLIENT, vec![email.as_str(), client.as_str()]),
            (&PER_ADDRESS, vec![email.as_str()]),
            (&PER_CLIENT, vec![client.as_str()]),
            (&PER_ORGANIZATION, vec![]),
        ] {
            let who = [vec![domain.as_str()], who].concat();
            if let Err(ends_at) = limits::take(&mut tx, limit, &digest(&who), now).await? {
                let retry_after = super::seconds_until(ends_at, now);
                return Ok(PinSent::TooMany { retry_after });
            }
        }
        let expires_at = now + LIFETIME;
        let hash = self.settings.codes.hash(&[&domain, &ask.attempt, &ask.browser, &code]);
        let pin = pins::NewPin {
            auth_domain: &domain,
            attempt: &ask.attempt,
            browser: &ask.browser,
            email: &email,
            code: hash.as_ref(),
            expires_at,
        };
        pins::insert(&mut tx, pin).await?;
        let letter = Letter::Pin(PinLetter {
            auth_domain: ask.auth_domain,
            identity_provider_id: ask.identity_provider_id,
            application_id: ask.application_id,
            email,
            code,
            ip: ask.ip,
            country: ask.country,
        });
        self.post(&mut tx, &letter, (now, expires_at)).await?;
        tx.commit().await?;
        self.mailbag.wake();
        Ok(PinSent::Accepted)
    }

    /// Counts a try, and judges it.
    ///
    /// # Errors
    /// The database failed, or the question is none.
    pub async fn check_pin(&self, ask: CheckPin) -> Result<PinChecked, Error> {
        if !is_short(&ask.attempt) || !is_short(&ask.browser) || !is_short(&ask.code) {
            return Err(Error::Invalid("attempt, browser or code is too long"));
        }
        let domain = ask.auth_domain.to_string();
        let hash = self.settings.codes.hash(&[&domain, &ask.attempt, &ask.browser, &ask.code]);
        let which = (domain.as_str(), ask.attempt.as_str(), ask.browser.as_str());
        let mut tx = self.db.begin().await?;
        let now = self.clock.now_millis();
        let tried = pins::attempt(&mut tx, which, hash.as_ref(), MOST_TRIES, now).await?;
        tx.commit().await?;
        Ok(match tried {
            None => PinChecked::Gone,
            Some(tried) if tried.used => PinChecked::Right { email: tried.email },
            Some(tried) => {
                let tries_left = u32::try_from(MOST_TRIES - tried.tries).unwrap_or(0);
                PinChecked::Wrong { tries_left }
            }
        })
    }
}

/// By what a client is counted: an IPv4 address, or the network of an IPv6 address, of which
/// whoever has one has very many.
fn client(ip: &str) -> String {
    match ip.parse::<std::net::IpAddr>().map(|ip| ip.to_canonical()) {
        Ok(std::net::IpAddr::V6(ip)) => {
            let [a, b, c, d, ..] = ip.segments();
            format!("{a:x}:{b:x}:{c:x}:{d:x}::/64")
        }
        Ok(ip) => ip.to_string(),
        Err(_) => String::new(),
    }
}

/// Eight digits, each as likely as any other.
fn random_code() -> Result<String, Error> {
    const CODES: u32 = 100_000_000;
    const FAIR: u32 = u32::MAX - u32::MAX % CODES;
    loop {
        let number = u32::from_be_bytes(crate::vault::random()?);
        if number < FAIR {
            return Ok(format!("{:08}", number % CODES));
        }
    }
}

fn is_short(text: &str) -> bool {
    (1..=128).contains(&text.len()) && !text.contains('\0')
}

const PURPOSE: &str = "lintel mailed codes";
const LIFETIME: i64 = 10 * MINUTE;
const MOST_TRIES: i64 = 5;
const MINUTE: i64 = 60_000;
/// RFC 5321 §4.5.3.1.
const MAX_ADDRESS: usize = 320;
/// Stricter than the next one, so that nobody alone can use up what an address may have.
const PER_ADDRESS_AND_CLIENT: Limit =
    Limit { scope: "pin_address_client", count: 4, window: 15 * MINUTE };
const PER_ADDRESS: Limit = Limit { scope: "pin_address", count: 20, window: 60 * MINUTE };
/// Many people may share an address of the network.
const PER_CLIENT: Limit = Limit { scope: "pin_client", count: 60, window: 15 * MINUTE };
const PER_ORGANIZATION: Limit =
    Limit { scope: "pin_organization", count: 2000, window: 60 * MINUTE };

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn codes_are_eight_digits_and_never_the_same() {
        let codes: BTreeSet<_> = (0..200).map(|_| random_code().unwrap()).collect();
        assert!(codes.len() > 195, "{}", codes.len());
        assert!(codes.iter().all(|c| c.len() == 8 && c.bytes().all(|b| b.is_ascii_digit())));
    }

    #[test]
    fn a_client_is_an_address_or_an_ipv6_network() {
        assert_eq!(client("192.0.2.7"), "192.0.2.7");
        assert_eq!(client("::ffff:192.0.2.7"), "192.0.2.7");
        assert_eq!(client("2001:db8:1:2:3:4:5:6"), client("2001:db8:1:2::9"));
        assert_ne!(client("2001:db8:1:2::9"), client("2001:db8:1:3::9"));
        assert_eq!(client("nonsense"), "");
    }

    #[test]
    fn a_hash_depends_on_the_key_and_on_where_each_part_ends() {
        let key = |text: &str| {
            CodeKey::derived(&SecretString::from(format!(
                "k1:{text}AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA="
            )))
        };
        let (one, other) = (key("A"), key("B"));
        let hash = |key: &CodeKey, parts: &[&str]| key.hash(parts).as_ref().to_vec();
        assert_ne!(hash(&one, &["a", "b"]), hash(&other, &["a", "b"]));
        assert_ne!(hash(&one, &["ab", ""]), hash(&one, &["a", "b"]));
        assert_eq!(hash(&one, &["a", "b"]), hash(&key("A"), &["a", "b"]));
    }
}
