//! How mail goes out.

use lettre::message::Mailbox;
use secrecy::{ExposeSecret as _, SecretString};
use url::Url;

use super::env::{ConfigError, Env, wrong};

/// `LINTEL_SMTP_URL` and `LINTEL_MAIL_FROM`.
#[derive(Clone, Debug)]
pub struct Smtp {
    /// A name or an address.
    pub host: String,
    /// 465 for `smtps`, 587 for `smtp` unless the URL says otherwise.
    pub port: u16,
    /// How the connection is protected.
    pub protection: Protection,
    /// User and password.
    pub credentials: Option<(String, SecretString)>,
    /// Who mails.
    pub from: Mailbox,
}

/// How a connection to a mail server is protected.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Protection {
    /// TLS from the first byte (RFC 8314 §3).
    Implicit,
    /// STARTTLS, or no mail.
    StartTls,
    /// None: the server is on this machine.
    Loopback,
}

pub(super) fn smtp(env: &Env) -> Result<Option<Smtp>, ConfigError> {
    let (url, from) = (env.secret(URL)?, env.text(FROM));
    let both = "set both or none";
    let (url, from) = match (url, from) {
        (None, None) => return Ok(None),
        (None, Some(_)) => return Err(wrong(URL, &format!("is not set, but {FROM} is"), both)),
        (Some(_), None) => return Err(wrong(FROM, &format!("is not set, but {URL} is"), both)),
        (Some(url), Some(from)) => (url, from),
    };
    let remedy = "write `smtps://user:password@host`, or `smtp://..` for STARTTLS";
    // The URL may hold a password: it is never shown.
    let invalid = |why: &str| wrong(URL, why, remedy);
    let parsed = Url::parse(url.expose_secret()).map_err(|_| invalid("is no URL"))?;
    let host = parsed.host_str().filter(|host| !host.is_empty());
    let host = host.ok_or_else(|| invalid("names no host"))?;
    let host = host.trim_start_matches('[').trim_end_matches(']').to_owned();
    let (protection, port) = match parsed.scheme() {
        "smtps" => (Protection::Implicit, 465),
        "smtp" if is_loopback(&host) => (Protection::Loopback, 25),
        "smtp" => (Protection::StartTls, 587),
        _ => return Err(invalid("is of another scheme")),
    };
    if !matches!(parsed.path(), "" | "/") || parsed.query().is_some() {
        return Err(invalid("has a path or a query"));
    }
    let text = |part: &str| {
        let bytes = percent_encoding::percent_decode_str(part).decode_utf8();
        bytes.map(std::borrow::Cow::into_owned).map_err(|_| invalid("is not UTF-8"))
    };
    let credentials = match parsed.password() {
        Some(password) => Some((text(parsed.username())?, SecretString::from(text(password)?))),
        None if parsed.username().is_empty() => None,
        None => return Err(invalid("has a user, but no password")),
    };
    let from = from.parse().map_err(|error| {
        let why = format!("is {from:?}: {error}");
        wrong(FROM, &why, "write `Name <address@your.company>`")
    })?;
    let port = parsed.port().unwrap_or(port);
    Ok(Some(Smtp { host, port, protection, credentials, from }))
}

fn is_loopback(host: &str) -> bool {
    host == "localhost" || host.parse::<std::net::IpAddr>().is_ok_and(|ip| ip.is_loopback())
}

const URL: &str = "LINTEL_SMTP_URL";
const FROM: &str = "LINTEL_MAIL_FROM";
