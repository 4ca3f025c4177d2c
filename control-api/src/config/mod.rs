//! Configuration: environment variables and nothing else. What is wrong is said with the variable,
//! the problem and the remedy; secrets can come from files and are never printed.

mod env;
mod mail;

use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use secrecy::{ExposeSecret as _, SecretString};
use url::Url;

pub use env::ConfigError;
use env::{Env, wrong};
pub use mail::{Protection, Smtp};

use crate::telemetry::LogFormat;

/// Everything that an operator can set.
#[expect(clippy::struct_excessive_bools, reason = "each is a switch of its own")]
#[derive(Debug)]
pub struct Config {
    /// `LINTEL_LISTEN`: where the API answers.
    pub listen: SocketAddr,
    /// `LINTEL_ADMIN_LISTEN`: `/metrics`, `/healthz`, `/readyz`, for the operator alone.
    pub admin_listen: SocketAddr,
    /// `DATABASE_URL`: `sqlite:path` or `postgres://..`. May hold a password.
    pub database_url: SecretString,
    /// `LINTEL_MASTER_KEY[_FILE]`: lines `id:base64`; the first one seals, the others still open.
    pub master_key: SecretString,
    /// `LINTEL_EDGE_KEY[_FILE]`: in the same form; seals private keys for the edge.
    pub edge_key: SecretString,
    /// `LINTEL_EDGE_TOKEN[_FILE]`: what points of presence show.
    pub edge_token: SecretString,
    /// `LINTEL_BOOTSTRAP_TOKEN[_FILE]`: an all-powerful API token.
    pub bootstrap_token: Option<SecretString>,
    /// `LINTEL_ACME_AUTHORITIES`: in the order of preference.
    pub authorities: Vec<Authority>,
    /// `LINTEL_ACME_CONTACT`: `mailto:..`, told to CAs.
    pub acme_contact: Option<String>,
    /// `LINTEL_ACME_ROOTS_FILE`: PEM, trusted for connections to CAs alone.
    pub acme_roots_pem: Option<Vec<u8>>,
    /// `LINTEL_DNS_SERVERS`; empty: the system's.
    pub dns_servers: Vec<SocketAddr>,
    /// `LINTEL_EDGE_ADDRESSES`: addresses that count as "points to us".
    pub edge_addresses: Vec<IpAddr>,
    /// `LINTEL_VALIDATION_HTTP_PORT`: where our own HTTP look-ups go.
    pub validation_http_port: u16,
    /// `LINTEL_ALLOW_PRIVATE_NETWORKS`: whether look-ups may reach addresses that are not public.
    pub allow_private_networks: bool,
    /// `LINTEL_ALLOWED_RESERVED_TLDS`: of `test`, `example`, `invalid`, `localhost`.
    pub allowed_reserved_tlds: Vec<String>,
    /// `LINTEL_LOOPBACK_NAMES`: names under `.localhost` are 127.0.0.1 (RFC 6761 §6.3).
    pub loopback_names: bool,
    /// `LINTEL_WORKERS_KV_URL` and `LINTEL_WORKERS_KV_TOKEN`: the edge state goes there as well.
    pub workers_kv: Option<WorkersKv>,
    /// `LINTEL_SMTP_URL[_FILE]` and `LINTEL_MAIL_FROM`: how mail goes out.
    pub smtp: Option<Smtp>,
    /// `LINTEL_DEV_SHOW_PINS`: mail goes into the log instead. For development alone.
    pub show_mails: bool,
    /// `LINTEL_HTTPS_PORT`: visitors' port of team domains, for links in mails.
    pub https_port: u16,
    /// `LINTEL_LOGIN_LOG_DAYS`: for how long it is remembered who signed in.
    pub login_log_retention: Duration,
    /// `LINTEL_RUNNER`: whether this process performs jobs.
    pub runner: bool,
    /// `LINTEL_RETRY_BASE_MILLIS`: the 60 s in the documented check schedule.
    pub retry_base: Duration,
    /// `LINTEL_LOG`: a `tracing` filter.
    pub log: String,
    /// `LINTEL_LOG_FORMAT`: `json` or `text`.
    pub log_format: LogFormat,
    /// `LINTEL_LIFELINE=stdin`: end when standard input does.
    pub lifeline: bool,
}

/// A certificate authority.
#[derive(Clone, Debug)]
pub struct Authority {
    /// As in `certificate_authority`: `lets_encrypt`, `google`, ..
    pub name: String,
    /// How it is reached.
    pub kind: AuthorityKind,
}

/// How a certificate authority is reached.
#[derive(Clone, Debug)]
pub enum AuthorityKind {
    /// Built in, for development: its root is trusted by nobody.
    Development,
    /// RFC 8555.
    Acme {
        /// URL of its directory.
        directory: String,
        /// `LINTEL_ACME_EAB_<NAME>`: external account binding (RFC 8555 §7.3.4).
        eab: Option<Eab>,
    },
}

/// External account binding.
#[derive(Clone, Debug)]
pub struct Eab {
    /// Key identifier.
    pub kid: String,
    /// base64url.
    pub hmac: SecretString,
}

/// A Workers KV namespace, Cloudflare's or miniflare's.
#[derive(Clone, Debug)]
pub struct WorkersKv {
    /// `../accounts/{account}/storage/kv/namespaces/{namespace}`
    pub url: Url,
    /// API token for it.
    pub token: SecretString,
}

impl Config {
    /// Reads the environment of this process.
    ///
    /// # Errors
    /// The first variable that is missing or wrong.
    pub fn from_env() -> Result<Self, ConfigError> {
        Self::read(&|name| std::env::var(name).ok())
    }

    /// Reads variables from wherever `look_up` finds them. An empty one counts as unset.
    ///
    /// # Errors
    /// As [`Self::from_env`].
    pub fn read(look_up: &dyn Fn(&str) -> Option<String>) -> Result<Self, ConfigError> {
        let env = Env { look_up };
        Ok(Self {
            listen: env.parse("LINTEL_LISTEN", "127.0.0.1:8787", SOCKET)?,
            admin_listen: env.parse("LINTEL_ADMIN_LISTEN", "127.0.0.1:8788", SOCKET)?,
            database_url: database_url(&env)?,
            master_key: env.sealing_keys("LINTEL_MASTER_KEY")?,
            edge_key: env.sealing_keys("LINTEL_EDGE_KEY")?,
            edge_token: env.required_token("LINTEL_EDGE_TOKEN")?,
            bootstrap_token: env.token("LINTEL_BOOTSTRAP_TOKEN")?,
            authorities: authorities(&env)?,
            acme_contact: contact(&env)?,
            acme_roots_pem: env.file("LINTEL_ACME_ROOTS_FILE")?,
            dns_servers: env.list("LINTEL_DNS_SERVERS", "write `ip:port`, separated by commas")?,
            edge_addresses: env
                .list("LINTEL_EDGE_ADDRESSES", "write IP addresses, separated by commas")?,
            validation_http_port: env.parse(
                "LINTEL_VALIDATION_HTTP_PORT",
                "80",
                "write a port, as 80",
            )?,
            allow_private_networks: env.switch("LINTEL_ALLOW_PRIVATE_NETWORKS", false)?,
            allowed_reserved_tlds: reserved_tlds(&env)?,
            loopback_names: env.switch("LINTEL_LOOPBACK_NAMES", false)?,
            workers_kv: workers_kv(&env)?,
            smtp: mail::smtp(&env)?,
            show_mails: show_mails(&env)?,
            https_port: env.parse("LINTEL_HTTPS_PORT", "443", "write a port, as 443")?,
            login_log_retention: login_log_retention(&env)?,
            runner: env.switch("LINTEL_RUNNER", true)?,
            retry_base: retry_base(&env)?,
            log: env.text("LINTEL_LOG").unwrap_or_else(|| "info".to_owned()),
            log_format: env.parse("LINTEL_LOG_FORMAT", "json", "write `json` or `text`")?,
            lifeline: lifeline(&env)?,
        })
    }

    /// The operator's address, for `GET /user`.
    #[must_use]
    pub fn operator_email(&self) -> Option<&str> {
        self.acme_contact.as_deref()?.strip_prefix("mailto:")
    }
}

/// `LINTEL_EDGE_KEY` alone, of this process's environment.
///
/// # Errors
/// It is missing or wrong.
pub fn edge_key_from_env() -> Result<SecretString, ConfigError> {
    Env { look_up: &|name| std::env::var(name).ok() }.sealing_keys("LINTEL_EDGE_KEY")
}

fn database_url(env: &Env) -> Result<SecretString, ConfigError> {
    let url = env.text("DATABASE_URL").unwrap_or_else(|| "sqlite:.lintel/control.db".to_owned());
    let known =
        ["sqlite:", "postgres://", "postgresql://"].iter().any(|form| url.starts_with(form));
    if !known {
        let remedy =
            "write `sqlite:path/to/control.db` or `postgres://user:password@host/database`";
        return Err(wrong("DATABASE_URL", "names no database that Lintel knows", remedy));
    }
    Ok(SecretString::from(url))
}

fn authorities(env: &Env) -> Result<Vec<Authority>, ConfigError> {
    const NAME: &str = "LINTEL_ACME_AUTHORITIES";
    let text = env.text(NAME).unwrap_or_default();
    let items = text.split(',').map(str::trim).filter(|item| !item.is_empty());
    let authorities =
        items.map(|item| authority(env, NAME, item)).collect::<Result<Vec<_>, _>>()?;
    let remedy = "write `name=directory-url`, separated by commas, as in \
                  `lets_encrypt=https://acme-v02.api.letsencrypt.org/directory`, or `development`";
    if authorities.is_empty() {
        return Err(wrong(NAME, "names no certificate authority", remedy));
    }
    for (index, authority) in authorities.iter().enumerate() {
        if authorities.iter().take(index).any(|earlier| earlier.name == authority.name) {
            return Err(wrong(
                NAME,
                &format!("has {:?} twice", authority.name),
                "give each its own name",
            ));
        }
    }
    Ok(authorities)
}

fn authority(env: &Env, variable: &str, item: &str) -> Result<Authority, ConfigError> {
    if item == "development" {
        return Ok(Authority { name: item.to_owned(), kind: AuthorityKind::Development });
    }
    let remedy =
        "write `name=directory-url` with an https URL and a name of letters, digits and `_`";
    let invalid = || wrong(variable, &format!("has {item:?}"), remedy);
    let (name, directory) = item.split_once('=').ok_or_else(invalid)?;
    let url = Url::parse(directory).map_err(|_| invalid())?;
    let named = !name.is_empty() && name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_');
    // RFC 8555 §6.1: ACME is spoken over HTTPS only.
    if !named || url.scheme() != "https" {
        return Err(invalid());
    }
    let eab = eab(env, name)?;
    let kind = AuthorityKind::Acme { directory: directory.to_owned(), eab };
    Ok(Authority { name: name.to_owned(), kind })
}

fn eab(env: &Env, authority: &str) -> Result<Option<Eab>, ConfigError> {
    let name = format!("LINTEL_ACME_EAB_{}", authority.to_ascii_uppercase());
    let Some(secret) = env.secret(&name)? else { return Ok(None) };
    match secret.expose_secret().split_once(':') {
        Some((kid, hmac)) if !kid.is_empty() && !hmac.is_empty() => {
            Ok(Some(Eab { kid: kid.to_owned(), hmac: SecretString::from(hmac.to_owned()) }))
        }
        _ => Err(wrong(
            &name,
            "is not `kid:hmac`",
            "copy both from the account page of the authority",
        )),
    }
}

fn contact(env: &Env) -> Result<Option<String>, ConfigError> {
    const NAME: &str = "LINTEL_ACME_CONTACT";
    match env.text(NAME) {
        Some(text) if text.starts_with("mailto:") && text.contains('@') => Ok(Some(text)),
        Some(text) => Err(wrong(NAME, &format!("is {text:?}"), "write `mailto:you@your.company`")),
        None => Ok(None),
    }
}

fn reserved_tlds(env: &Env) -> Result<Vec<String>, ConfigError> {
    const NAME: &str = "LINTEL_ALLOWED_RESERVED_TLDS";
    let remedy = "choose among `test`, `example`, `invalid` and `localhost`, separated by commas";
    let tlds: Vec<String> = env.list(NAME, remedy)?;
    match tlds.iter().find(|tld| !RESERVED_TLDS.contains(&tld.as_str())) {
        Some(other) => Err(wrong(NAME, &format!("has {other:?}"), remedy)),
        None => Ok(tlds),
    }
}

fn workers_kv(env: &Env) -> Result<Option<WorkersKv>, ConfigError> {
    let (url, token) = ("LINTEL_WORKERS_KV_URL", "LINTEL_WORKERS_KV_TOKEN");
    let remedy = "set both or none: the URL ends in `/storage/kv/namespaces/{id}`";
    match (env.text(url), env.secret(token)?) {
        (None, None) => Ok(None),
        (None, Some(_)) => Err(wrong(url, &format!("is not set, but {token} is"), remedy)),
        (Some(_), None) => Err(wrong(token, &format!("is not set, but {url} is"), remedy)),
        (Some(text), Some(token)) => {
            let parsed = Url::parse(&text);
            let parsed =
                parsed.map_err(|error| wrong(url, &format!("is {text:?}: {error}"), remedy))?;
            Ok(Some(WorkersKv { url: parsed, token }))
        }
    }
}

/// Codes in a log let whoever reads it sign in as anybody.
fn show_mails(env: &Env) -> Result<bool, ConfigError> {
    const NAME: &str = "LINTEL_DEV_SHOW_PINS";
    let shown = env.switch(NAME, false)?;
    let development = env.switch("LINTEL_ALLOW_PRIVATE_NETWORKS", false)?;
    let remedy = "unset it and set LINTEL_SMTP_URL, or, on a developer's machine, \
                  set LINTEL_ALLOW_PRIVATE_NETWORKS too";
    if shown && env.secret("LINTEL_SMTP_URL")?.is_some() {
        return Err(wrong(NAME, "is on, but mail goes out by LINTEL_SMTP_URL", remedy));
    }
    if shown && !development {
        return Err(wrong(NAME, "is on, but this is no developer's machine", remedy));
    }
    Ok(shown)
}

fn login_log_retention(env: &Env) -> Result<Duration, ConfigError> {
    const NAME: &str = "LINTEL_LOGIN_LOG_DAYS";
    match env.parse::<u32>(NAME, "90", "write days, as 90")? {
        days @ 1..=3660 => Ok(Duration::from_hours(u64::from(days) * 24)),
        days => Err(wrong(NAME, &format!("is {days}"), "write 1 to 3660 days")),
    }
}

fn retry_base(env: &Env) -> Result<Duration, ConfigError> {
    const NAME: &str = "LINTEL_RETRY_BASE_MILLIS";
    match env.parse(NAME, "60000", "write milliseconds, as 60000")? {
        0 => Err(wrong(NAME, "is 0", "write at least 1: checks must not run without a pause")),
        millis => Ok(Duration::from_millis(millis)),
    }
}

fn lifeline(env: &Env) -> Result<bool, ConfigError> {
    match env.text("LINTEL_LIFELINE").as_deref() {
        None => Ok(false),
        Some("stdin") => Ok(true),
        Some(other) => {
            Err(wrong("LINTEL_LIFELINE", &format!("is {other:?}"), "write `stdin`, or unset it"))
        }
    }
}

const SOCKET: &str = "write `ip:port`, as 127.0.0.1:8787";
/// RFC 6761 §6.
const RESERVED_TLDS: [&str; 4] = ["test", "example", "invalid", "localhost"];

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;

    const KEY: &str = "k1:AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=";

    fn read(changes: &[(&str, &str)]) -> Result<Config, String> {
        let mut variables = BTreeMap::from([
            ("LINTEL_MASTER_KEY", KEY),
            ("LINTEL_EDGE_KEY", KEY),
            ("LINTEL_EDGE_TOKEN", "0123456789abcdef"),
            ("LINTEL_ACME_AUTHORITIES", "development"),
        ]);
        variables.extend(changes.iter().copied());
        let look_up = |name: &str| variables.get(name).map(|&text| text.to_owned());
        Config::read(&look_up).map_err(|error| error.to_string())
    }

    #[test]
    fn defaults_are_loopback_and_embedded() {
        let config = read(&[]).unwrap();
        assert!(config.listen.ip().is_loopback() && config.admin_listen.ip().is_loopback());
        assert_eq!(config.database_url.expose_secret(), "sqlite:.lintel/control.db");
        assert!(config.runner && !config.allow_private_networks && !config.lifeline);
        assert_eq!(config.retry_base.as_secs(), 60);
    }

    #[test]
    fn authorities_keep_their_order_and_binding() {
        let config = read(&[
            (
                "LINTEL_ACME_AUTHORITIES",
                "google=https://dv.acme-v02.api.pki.goog/directory, development",
            ),
            ("LINTEL_ACME_EAB_GOOGLE", "kid:mac"),
        ]);
        let authorities = config.unwrap().authorities;
        let names: Vec<_> = authorities.iter().map(|authority| authority.name.as_str()).collect();
        assert_eq!(names, ["google", "development"]);
        let AuthorityKind::Acme { eab: Some(eab), .. } = &authorities[0].kind else { panic!() };
        assert_eq!((eab.kid.as_str(), eab.hmac.expose_secret()), ("kid", "mac"));
    }

    #[test]
    fn what_is_wrong_is_said_with_its_variable_and_remedy() {
        for (variable, value, remedy) in [
            ("LINTEL_LISTEN", "8787", "ip:port"),
            ("DATABASE_URL", "mysql://x", "sqlite:"),
            ("LINTEL_MASTER_KEY", "", "openssl"),
            ("LINTEL_MASTER_KEY", "k1:short", "openssl"),
            ("LINTEL_EDGE_TOKEN", "short", "openssl"),
            ("LINTEL_BOOTSTRAP_TOKEN", "has spaces in it, long", "openssl"),
            ("LINTEL_ACME_AUTHORITIES", "", "directory-url"),
            ("LINTEL_ACME_AUTHORITIES", "le=http://plain.test/dir", "https"),
            ("LINTEL_ACME_AUTHORITIES", "development,development", "own name"),
            ("LINTEL_ACME_CONTACT", "me", "mailto:"),
            ("LINTEL_ALLOWED_RESERVED_TLDS", "com", "localhost"),
            ("LINTEL_WORKERS_KV_URL", "https://api.cloudflare.com/x", "both or none"),
            ("LINTEL_RETRY_BASE_MILLIS", "0", "pause"),
            ("LINTEL_RUNNER", "maybe", "on"),
            ("LINTEL_LOGIN_LOG_DAYS", "0", "3660"),
            ("LINTEL_HTTPS_PORT", "https", "443"),
            ("LINTEL_DEV_SHOW_PINS", "on", "LINTEL_SMTP_URL"),
            ("LINTEL_LOG_FORMAT", "xml", "json"),
            ("LINTEL_ACME_ROOTS_FILE", "/nowhere/roots.pem", "may read"),
        ] {
            let error = read(&[(variable, value)]).unwrap_err();
            let named = if variable == "LINTEL_WORKERS_KV_URL" {
                "LINTEL_WORKERS_KV_TOKEN"
            } else {
                variable
            };
            assert!(error.starts_with(named) && error.contains(remedy), "{error}");
        }
    }

    #[test]
    fn mail_goes_out_protected_unless_the_server_is_on_this_machine() {
        let smtp = |url: &str| {
            let from = ("LINTEL_MAIL_FROM", "Lintel <lintel@saas.com>");
            read(&[("LINTEL_SMTP_URL", url), from]).map(|config| config.smtp.unwrap())
        };
        for (url, protection, port) in [
            ("smtps://mail.saas.com", Protection::Implicit, 465),
            ("smtp://mail.saas.com", Protection::StartTls, 587),
            ("smtp://u:p@mail.saas.com:2525", Protection::StartTls, 2525),
            ("smtp://127.0.0.1:1025", Protection::Loopback, 1025),
            ("smtp://[::1]:1025", Protection::Loopback, 1025),
        ] {
            let smtp = smtp(url).unwrap();
            assert_eq!((smtp.protection, smtp.port), (protection, port), "{url}");
        }
        let (user, password) =
            smtp("smtps://a%40b:p%2Fw@mail.saas.com").unwrap().credentials.unwrap();
        assert_eq!((user.as_str(), password.expose_secret()), ("a@b", "p/w"));
        for url in
            ["http://mail", "smtp:", "mail.saas.com", "smtp://u@mail", "smtp://mail/?tls=none"]
        {
            let error = smtp(url).unwrap_err();
            assert!(error.starts_with("LINTEL_SMTP_URL") && error.contains("smtps"), "{error}");
        }
        let error = read(&[("LINTEL_SMTP_URL", "smtp://user:canary@mail")]).unwrap_err();
        assert!(error.starts_with("LINTEL_MAIL_FROM") && !error.contains("canary"), "{error}");
    }

    #[test]
    fn a_secret_is_not_printed() {
        let printed =
            format!("{:?}", read(&[("LINTEL_BOOTSTRAP_TOKEN", "canary-0123456789")]).unwrap());
        assert!(!printed.contains("canary") && !printed.contains("AAAA"), "{printed}");
    }
}
