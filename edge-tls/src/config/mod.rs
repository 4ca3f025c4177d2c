//! Configuration, from environment variables alone; [`variables`] reads one of them.

pub mod variables;

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::str::FromStr;
use std::sync::Arc;
use std::time::Duration;

use edge_state::seal::{self, KeyRing, SealingKey};
use rustls_pki_types::CertificateDer;
use rustls_pki_types::pem::PemObject as _;
use secrecy::SecretString;
use url::Url;

pub use self::variables::ConfigError;
use self::variables::{Variables, wrong};

/// Everything that an operator decides about one point of presence.
#[derive(Clone)]
pub struct Config {
    /// `LINTEL_HTTPS_LISTEN`, default `0.0.0.0:443`.
    pub https_listen: SocketAddr,
    /// `LINTEL_HTTP_LISTEN`, default `0.0.0.0:80`.
    pub http_listen: SocketAddr,
    /// `LINTEL_ADMIN_LISTEN`, default `127.0.0.1:9901`: `/metrics`, `/healthz`, `/readyz`.
    pub admin_listen: SocketAddr,
    /// `LINTEL_EGRESS_LISTEN`: the egress proxy on a loopback port too, for a worker that runs
    /// outside of the supervised workerd (miniflare). Absent by default.
    pub egress_listen: Option<SocketAddr>,
    /// `LINTEL_POP_NAME`, default: the machine's name.
    pub pop: String,
    /// `LINTEL_POP_HTTPS_ADDRESS`: `host:port` under which the control plane reaches the listener;
    /// default: the listener's own address.
    pub pop_https_address: Option<String>,
    /// `LINTEL_POP_HTTP_ADDRESS`, likewise.
    pub pop_http_address: Option<String>,
    /// `LINTEL_CONTROL_URL`, default `http://127.0.0.1:8787`.
    pub control_url: Url,
    /// `LINTEL_EDGE_TOKEN` or `LINTEL_EDGE_TOKEN_FILE`: bearer of `/edge/v1`.
    pub edge_token: SecretString,
    /// `LINTEL_EDGE_KEY` or `LINTEL_EDGE_KEY_FILE`: opens private keys; first line current,
    /// further lines previous keys.
    pub edge_keys: Arc<KeyRing>,
    /// What the worker gets of it: keys derived from the same lines, which open no certificate.
    pub access_keys: SecretString,
    /// `LINTEL_COUNTRY_DATABASE`: an MMDB file that knows the countries of addresses; read anew when
    /// it changes.
    pub country_database: Option<PathBuf>,
    /// `LINTEL_DATA_DIR`, default `.lintel/edge`: the replica, sockets, workerd's configuration.
    pub data_dir: PathBuf,
    /// `LINTEL_WORKERD`: workerd's program.
    pub workerd: PathBuf,
    /// `LINTEL_WORKER_DIR`, default `edge-worker/build`: the built worker, `index.js` its entry.
    pub worker_dir: PathBuf,
    /// How origins are reached.
    pub origins: Origins,
    /// What one visitor, and all of them, may take.
    pub limits: Limits,
    /// `LINTEL_LOG`, default `info`: a `tracing` filter.
    pub log: String,
    /// `LINTEL_LOG_FORMAT`: `json` (default) or `text`.
    pub log_format: LogFormat,
    /// `LINTEL_LIFELINE=stdin`: stop when standard input ends.
    pub lifeline: bool,
}

/// How origins are reached.
#[derive(Clone)]
pub struct Origins {
    /// `LINTEL_DNS_SERVERS`, comma-separated `ip:port`; default: the system's.
    pub dns_servers: Vec<SocketAddr>,
    /// `LINTEL_ALLOW_PRIVATE_NETWORKS`, default `false`.
    pub allow_private_networks: bool,
    /// `LINTEL_LOOPBACK_NAMES`, default `false`: names under `.localhost` are 127.0.0.1 without DNS
    /// (RFC 6761 §6.3).
    pub loopback_names: bool,
    /// `LINTEL_ORIGIN_HTTP_PORT`, default 80: where an origin names no port.
    pub http_port: u16,
    /// `LINTEL_ORIGIN_HTTPS_PORT`, default 443.
    pub https_port: u16,
    /// `LINTEL_ORIGIN_ROOTS_FILE`: trusted for `strict` beside the system's roots.
    pub extra_roots: Vec<CertificateDer<'static>>,
    /// `LINTEL_ORIGIN_CONNECT_TIMEOUT_SECS`, default 10: DNS, TCP and TLS together.
    pub connect_timeout: Duration,
    /// `LINTEL_ORIGIN_RESPONSE_TIMEOUT_SECS`, default 100: from the last byte of the request to
    /// the head of the response.
    pub response_timeout: Duration,
}

/// What one visitor, and all of them, may take.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// `LINTEL_MAX_CONNECTIONS`, default 10000, on both ports together.
    pub max_connections: usize,
    /// `LINTEL_MAX_CONNECTIONS_PER_CLIENT`, default 256, per IPv4 address or IPv6 /64.
    pub max_connections_per_client: usize,
    /// `LINTEL_MAX_REQUESTS_PER_CLIENT`, default 2048: whose answers have not been read to the end.
    pub max_requests_per_client: usize,
    /// `LINTEL_HANDSHAKE_TIMEOUT_SECS`, default 10, for the whole TLS handshake.
    pub handshake_timeout: Duration,
    /// `LINTEL_HEADER_TIMEOUT_SECS`, default 10: from the first byte of a request's head to its
    /// last, and from the end of the handshake to the first request.
    pub header_timeout: Duration,
    /// `LINTEL_IDLE_TIMEOUT_SECS`, default 75: a connection without a request, a body of which no
    /// byte arrives, a visitor who does not read.
    pub idle_timeout: Duration,
    /// `LINTEL_DRAIN_TIMEOUT_SECS`, default 20: what requests under way get at shutdown.
    pub drain_timeout: Duration,
}

/// How log lines look.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum LogFormat {
    /// One object a line.
    Json,
    /// For people.
    Text,
}

impl Config {
    /// Reads this process's environment.
    pub fn from_env() -> Result<Self, ConfigError> {
        Self::read(&Variables { read: &|name| std::env::var(name).ok() })
    }

    fn read(from: &Variables<'_>) -> Result<Self, ConfigError> {
        let data_dir = from.path("LINTEL_DATA_DIR", ".lintel/edge");
        Ok(Self {
            https_listen: from.parse("LINTEL_HTTPS_LISTEN", "0.0.0.0:443", ADDRESS)?,
            http_listen: from.parse("LINTEL_HTTP_LISTEN", "0.0.0.0:80", ADDRESS)?,
            admin_listen: from.parse("LINTEL_ADMIN_LISTEN", "127.0.0.1:9901", ADDRESS)?,
            egress_listen: egress_listen(from)?,
            pop: pop_name(from)?,
            pop_https_address: from.text("LINTEL_POP_HTTPS_ADDRESS"),
            pop_http_address: from.text("LINTEL_POP_HTTP_ADDRESS"),
            control_url: control_url(from)?,
            edge_token: SecretString::from(from.secret("LINTEL_EDGE_TOKEN", EDGE_TOKEN)?),
            edge_keys: Arc::new(edge_keys(from)?),
            access_keys: access_keys(from)?,
            country_database: from.text("LINTEL_COUNTRY_DATABASE").map(PathBuf::from),
            data_dir,
            workerd: from.text("LINTEL_WORKERD").map_or_else(find_workerd, PathBuf::from),
            worker_dir: from.path("LINTEL_WORKER_DIR", "edge-worker/build"),
            origins: Origins::read(from)?,
            limits: Limits::read(from)?,
            log: from.text("LINTEL_LOG").unwrap_or_else(|| "info".to_owned()),
            log_format: from.parse("LINTEL_LOG_FORMAT", "json", "Write `json` or `text`")?,
            lifeline: matches!(
                from.parse("LINTEL_LIFELINE", "none", "Write `stdin` or `none`")?,
                Lifeline::Stdin
            ),
        })
    }
}

impl Origins {
    fn read(from: &Variables<'_>) -> Result<Self, ConfigError> {
        let port = "Write a port from 1 to 65535";
        Ok(Self {
            dns_servers: from
                .list("LINTEL_DNS_SERVERS", "Write a comma-separated list of ip:port")?,
            allow_private_networks: from.parse(
                "LINTEL_ALLOW_PRIVATE_NETWORKS",
                "false",
                BOOLEAN,
            )?,
            loopback_names: from.parse("LINTEL_LOOPBACK_NAMES", "false", BOOLEAN)?,
            http_port: from.parse("LINTEL_ORIGIN_HTTP_PORT", "80", port)?,
            https_port: from.parse("LINTEL_ORIGIN_HTTPS_PORT", "443", port)?,
            extra_roots: extra_roots(from)?,
            connect_timeout: from.seconds("LINTEL_ORIGIN_CONNECT_TIMEOUT_SECS", "10")?,
            response_timeout: from.seconds("LINTEL_ORIGIN_RESPONSE_TIMEOUT_SECS", "100")?,
        })
    }
}

impl Limits {
    fn read(from: &Variables<'_>) -> Result<Self, ConfigError> {
        let number = "Write a number";
        Ok(Self {
            max_connections: from.parse("LINTEL_MAX_CONNECTIONS", "10000", number)?,
            max_connections_per_client: from.parse(
                "LINTEL_MAX_CONNECTIONS_PER_CLIENT",
                "256",
                number,
            )?,
            max_requests_per_client: from.parse(
                "LINTEL_MAX_REQUESTS_PER_CLIENT",
                "2048",
                number,
            )?,
            handshake_timeout: from.seconds("LINTEL_HANDSHAKE_TIMEOUT_SECS", "10")?,
            header_timeout: from.seconds("LINTEL_HEADER_TIMEOUT_SECS", "10")?,
            idle_timeout: from.seconds("LINTEL_IDLE_TIMEOUT_SECS", "75")?,
            drain_timeout: from.seconds("LINTEL_DRAIN_TIMEOUT_SECS", "20")?,
        })
    }
}

impl FromStr for LogFormat {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match text {
            "json" => Ok(Self::Json),
            "text" => Ok(Self::Text),
            _ => Err("neither `json` nor `text`"),
        }
    }
}

enum Lifeline {
    Stdin,
    None,
}

impl FromStr for Lifeline {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match text {
            "stdin" => Ok(Self::Stdin),
            "none" => Ok(Self::None),
            _ => Err("neither `stdin` nor `none`"),
        }
    }
}

fn egress_listen(from: &Variables<'_>) -> Result<Option<SocketAddr>, ConfigError> {
    let name = "LINTEL_EGRESS_LISTEN";
    let Some(text) = from.text(name) else { return Ok(None) };
    let address: SocketAddr = from.parse(name, &text, ADDRESS)?;
    if !address.ip().is_loopback() {
        let problem = format!("is {address}, which others can reach: it is a proxy to anywhere");
        return Err(wrong(name, problem, "Write a loopback address, for instance 127.0.0.1:9902"));
    }
    Ok(Some(address))
}

/// The name travels in headers, URLs and log lines.
fn pop_name(from: &Variables<'_>) -> Result<String, ConfigError> {
    let machine = || std::fs::read_to_string("/proc/sys/kernel/hostname").ok();
    let name = from.text("LINTEL_POP_NAME").or_else(machine).unwrap_or_default();
    let name = name.trim();
    let fits = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_' | b'.');
    if (1..=64).contains(&name.len()) && name.bytes().all(fits) {
        return Ok(name.to_owned());
    }
    let remedy = "Write 1 to 64 letters, digits, `-`, `_` or `.`";
    Err(wrong("LINTEL_POP_NAME", format!("is {name:?}"), remedy))
}

fn control_url(from: &Variables<'_>) -> Result<Url, ConfigError> {
    let (name, remedy) = ("LINTEL_CONTROL_URL", "Write http(s)://host[:port] of control-api");
    let url: Url = from.parse(name, "http://127.0.0.1:8787", remedy)?;
    if !matches!(url.scheme(), "http" | "https") || url.host().is_none() {
        return Err(wrong(name, format!("is {:?}", url.as_str()), remedy));
    }
    Ok(url)
}

fn edge_keys(from: &Variables<'_>) -> Result<KeyRing, ConfigError> {
    let name = "LINTEL_EDGE_KEY";
    let text = from.secret(name, EDGE_KEY)?;
    let keys = text.lines().map(str::trim).filter(|line| !line.is_empty());
    let keys: Result<Vec<_>, _> = keys.map(SealingKey::parse).collect();
    let mut keys = keys
        .map_err(|error| wrong(name, format!("cannot be used: {error}"), EDGE_KEY))?
        .into_iter();
    let current = keys.next().ok_or_else(|| wrong(name, "is empty".to_owned(), EDGE_KEY))?;
    Ok(KeyRing::new(current, keys))
}

fn access_keys(from: &Variables<'_>) -> Result<SecretString, ConfigError> {
    let name = "LINTEL_EDGE_KEY";
    let derived = seal::derive_ring(&from.secret(name, EDGE_KEY)?, seal::ACCESS);
    let derived =
        derived.map_err(|error| wrong(name, format!("cannot be used: {error}"), EDGE_KEY))?;
    Ok(SecretString::from(derived.as_str()))
}

fn extra_roots(from: &Variables<'_>) -> Result<Vec<CertificateDer<'static>>, ConfigError> {
    let name = "LINTEL_ORIGIN_ROOTS_FILE";
    let Some(file) = from.text(name) else { return Ok(Vec::new()) };
    let read = CertificateDer::pem_file_iter(&file).and_then(Iterator::collect);
    read.map_err(|error| {
        let problem = format!("names {file:?}, which cannot be read: {error}");
        wrong(name, problem, "Name a file of certificates in PEM")
    })
}

/// Where npm puts workerd, else whatever `PATH` has.
fn find_workerd() -> PathBuf {
    let npm = Path::new("node_modules/workerd/bin/workerd");
    if npm.exists() { npm.to_owned() } else { PathBuf::from("workerd") }
}

const ADDRESS: &str = "Write ip:port, for instance 127.0.0.1:8443 or [::]:443";
const BOOLEAN: &str = "Write `true` or `false`";
const EDGE_TOKEN: &str =
    "Set it to control-api's LINTEL_EDGE_TOKEN, or LINTEL_EDGE_TOKEN_FILE to a file that holds it";
const EDGE_KEY: &str = "Set it to control-api's LINTEL_EDGE_KEY (`id:base64` of 32 random bytes), or \
     LINTEL_EDGE_KEY_FILE to a file that holds it";

#[cfg(test)]
mod tests {
    use super::*;

    fn read(variables: &[(&str, &str)]) -> Result<Config, ConfigError> {
        let required = [
            ("LINTEL_EDGE_TOKEN", "token"),
            ("LINTEL_EDGE_KEY", "k:AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA="),
            ("LINTEL_POP_NAME", "ams1"),
        ];
        let read = |name: &str| {
            let mut all = variables.iter().chain(&required);
            all.find(|(n, _)| *n == name).map(|(_, value)| (*value).to_owned())
        };
        Config::read(&Variables { read: &read })
    }

    fn error(variables: &[(&str, &str)]) -> String {
        read(variables).err().map(|error| error.to_string()).unwrap_or_default()
    }

    #[test]
    fn three_variables_are_enough() {
        let config = read(&[]).unwrap();
        assert_eq!(config.https_listen.port(), 443);
        assert_eq!(config.limits.idle_timeout, Duration::from_secs(75));
        assert!(!config.origins.allow_private_networks);
    }

    #[test]
    fn an_error_names_variable_problem_and_remedy() {
        assert_eq!(
            error(&[("LINTEL_HTTPS_LISTEN", "443")]),
            "LINTEL_HTTPS_LISTEN is \"443\": invalid socket address syntax. \
             Write ip:port, for instance 127.0.0.1:8443 or [::]:443"
        );
        assert!(error(&[("LINTEL_EDGE_TOKEN", "")]).contains("LINTEL_EDGE_TOKEN_FILE"));
        assert!(error(&[("LINTEL_HEADER_TIMEOUT_SECS", "0")]).contains("above 0"));
        assert!(error(&[("LINTEL_POP_NAME", "a\"b")]).contains("LINTEL_POP_NAME"));
    }

    #[test]
    fn a_key_never_appears_in_an_error() {
        let text = error(&[("LINTEL_EDGE_KEY", "canary:canary")]);
        assert!(text.starts_with("LINTEL_EDGE_KEY") && !text.contains("canary"), "{text}");
    }

    #[test]
    fn egress_is_for_this_machine_alone() {
        assert!(error(&[("LINTEL_EGRESS_LISTEN", "0.0.0.0:1")]).contains("proxy to anywhere"));
        assert!(read(&[("LINTEL_EGRESS_LISTEN", "127.0.0.1:1")]).is_ok());
    }
}
