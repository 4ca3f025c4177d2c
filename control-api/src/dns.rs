//! DNS as the configured resolvers tell it, asked afresh each time: whoever has just mended a
//! record and says "check now" gets an answer of now.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::time::Duration;

use edge_state::Hostname;
use hickory_resolver::TokioResolver;
use hickory_resolver::config::{ConnectionConfig, NameServerConfig, ResolveHosts, ResolverConfig};
use hickory_resolver::net::runtime::TokioRuntimeProvider;
use hickory_resolver::net::{DnsError as NetDnsError, NetError};
use hickory_resolver::proto::op::ResponseCode;
use hickory_resolver::proto::rr::{Name, RData, RecordType};

use crate::caa::{Caa, CaaRecord};

/// Which resolvers to ask, and what needs none.
#[derive(Clone, Debug, Default)]
pub struct Settings {
    /// `LINTEL_DNS_SERVERS`; empty: the system's.
    pub servers: Vec<SocketAddr>,
    /// `LINTEL_LOOPBACK_NAMES`: names under `.localhost` are 127.0.0.1 (RFC 6761 §6.3).
    pub loopback_names: bool,
}

/// Why DNS gave no answer. That there are no records of a type is an answer.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
pub enum DnsError {
    /// NXDOMAIN.
    #[error("the name {0} does not exist in DNS")]
    NoSuchName(String),
    /// It exists, without A and AAAA.
    #[error("the name {0} has no address (no A or AAAA record)")]
    NoAddress(String),
    /// SERVFAIL: a broken delegation or DNSSEC, most often.
    #[error("the DNS servers of {0} fail (SERVFAIL); check its delegation and DNSSEC")]
    ServerFailure(String),
    /// No answer in time.
    #[error("DNS did not answer for {0} in time")]
    Timeout(String),
    /// An alias that leads round in a circle, or too far.
    #[error("the CNAME chain of {0} does not end")]
    AliasLoop(String),
    /// Not a name that can be asked for.
    #[error("{0:?} is no DNS name")]
    Name(String),
    /// Anything else.
    #[error("DNS for {name}: {reason}")]
    Other {
        /// What was asked for.
        name: String,
        /// What the resolver said.
        reason: String,
    },
}

/// Asks the configured resolvers. Cheap to clone.
#[derive(Clone)]
pub struct Resolver {
    inner: TokioResolver,
    loopback_names: bool,
}

impl Resolver {
    /// A resolver; nothing is asked yet.
    ///
    /// # Errors
    /// The system's configuration cannot be read.
    pub fn new(settings: &Settings) -> Result<Self, DnsError> {
        let failed = |error: NetError| DnsError::Other {
            name: "resolver".into(),
            reason: error.to_string(),
        };
        let mut builder = if settings.servers.is_empty() {
            TokioResolver::builder_tokio().map_err(failed)?
        } else {
            let servers = settings.servers.iter().map(|&address| server(address)).collect();
            let config = ResolverConfig::from_parts(None, Vec::new(), servers);
            TokioResolver::builder_with_config(config, TokioRuntimeProvider::default())
        };
        let options = builder.options_mut();
        options.cache_size = 0;
        options.timeout = QUERY_TIMEOUT;
        options.attempts = 2;
        options.use_hosts_file = ResolveHosts::Never;
        let inner = builder.build().map_err(failed)?;
        Ok(Self { inner, loopback_names: settings.loopback_names })
    }

    /// All addresses of a name, through its aliases; at least one.
    ///
    /// # Errors
    /// See [`DnsError`].
    pub async fn addresses(&self, hostname: &Hostname) -> Result<Vec<IpAddr>, DnsError> {
        if self.is_loopback(hostname.as_str()) {
            return Ok(vec![Ipv4Addr::LOCALHOST.into()]);
        }
        let name = hostname.as_str();
        let (v4, v6) =
            tokio::join!(self.records(name, RecordType::A), self.records(name, RecordType::AAAA));
        let (v4, v6) = match (v4, v6) {
            // Some zones fail for AAAA alone; whoever has an address can be reached.
            (Ok(v4), v6) if !v4.is_empty() => (v4, v6.unwrap_or_default()),
            (v4, Ok(v6)) if !v6.is_empty() => (v4.unwrap_or_default(), v6),
            (v4, v6) => (v4?, v6?),
        };
        let address = |data| match data {
            RData::A(address) => Some(IpAddr::V4(address.0)),
            RData::AAAA(address) => Some(IpAddr::V6(address.0)),
            _ => None,
        };
        let addresses: Vec<IpAddr> = v4.into_iter().chain(v6).filter_map(address).collect();
        if addresses.is_empty() {
            return Err(DnsError::NoAddress(name.to_owned()));
        }
        Ok(addresses)
    }

    /// The names that this name is an alias for, in order; the last one has no alias. Empty: it
    /// is none. In lower case, without trailing dot.
    ///
    /// # Errors
    /// See [`DnsError`]; a target that does not exist is the end of the chain, as the alias is
    /// there all the same.
    pub async fn aliases(&self, hostname: &Hostname) -> Result<Vec<String>, DnsError> {
        let mut chain: Vec<String> = Vec::new();
        if self.is_loopback(hostname.as_str()) {
            return Ok(chain);
        }
        while chain.len() < MAX_ALIASES {
            let name = chain.last().map_or(hostname.as_str(), String::as_str);
            let records = match self.records(name, RecordType::CNAME).await {
                Err(DnsError::NoSuchName(_)) if !chain.is_empty() => return Ok(chain),
                records => records?,
            };
            let target = records.into_iter().find_map(|data| match data {
                RData::CNAME(target) => Some(text(&target.0)),
                _ => None,
            });
            match target {
                None => return Ok(chain),
                Some(target) if chain.contains(&target) => break,
                Some(target) => chain.push(target),
            }
        }
        Err(DnsError::AliasLoop(hostname.to_string()))
    }

    /// The TXT records of a name, which may have underscores; strings of one record are joined.
    /// A name that does not exist has none.
    ///
    /// # Errors
    /// See [`DnsError`].
    pub async fn txt(&self, name: &str) -> Result<Vec<String>, DnsError> {
        let join = |data| match data {
            RData::TXT(txt) => Some(String::from_utf8_lossy(&txt.txt_data.concat()).into_owned()),
            _ => None,
        };
        Ok(self
            .records_or_none(name, RecordType::TXT)
            .await?
            .into_iter()
            .filter_map(join)
            .collect())
    }

    /// The CAA records that hold for a name: those of the nearest ancestor that has any (RFC 8659
    /// §3). `None`: any CA may issue.
    ///
    /// # Errors
    /// See [`DnsError`]; a failure never means permission.
    pub async fn caa(&self, hostname: &Hostname) -> Result<Option<Caa>, DnsError> {
        let name = hostname.as_str();
        let mut at = name.strip_prefix("*.").unwrap_or(name);
        loop {
            let records = self.records_or_none(at, RecordType::CAA).await?;
            let record = |data| match data {
                RData::CAA(caa) => Some(CaaRecord {
                    critical: caa.issuer_critical,
                    tag: caa.tag.to_ascii_lowercase(),
                    value: String::from_utf8_lossy(&caa.value).into_owned(),
                }),
                _ => None,
            };
            let records: Vec<_> = records.into_iter().filter_map(record).collect();
            if !records.is_empty() {
                return Ok(Some(Caa { at: at.to_owned(), records }));
            }
            match at.split_once('.') {
                Some((_, parent)) => at = parent,
                None => return Ok(None),
            }
        }
    }

    async fn records_or_none(&self, name: &str, kind: RecordType) -> Result<Vec<RData>, DnsError> {
        match self.records(name, kind).await {
            Err(DnsError::NoSuchName(_)) => Ok(Vec::new()),
            records => records,
        }
    }

    /// The answers' data, aliases on the way among them; no records are an empty answer.
    async fn records(&self, name: &str, kind: RecordType) -> Result<Vec<RData>, DnsError> {
        if self.is_loopback(name) {
            return Ok(Vec::new());
        }
        let query =
            Name::from_ascii(format!("{name}.")).map_err(|_| DnsError::Name(name.to_owned()))?;
        let lookup = tokio::time::timeout(LOOKUP_TIMEOUT, self.inner.lookup(query, kind)).await;
        match lookup.unwrap_or(Err(NetError::Timeout)) {
            Ok(lookup) => Ok(lookup.answers().iter().map(|record| record.data.clone()).collect()),
            Err(NetError::Dns(NetDnsError::NoRecordsFound(none)))
                if none.response_code == ResponseCode::NoError =>
            {
                Ok(Vec::new())
            }
            Err(error) => Err(failure(name, &error)),
        }
    }

    fn is_loopback(&self, name: &str) -> bool {
        self.loopback_names && edge_state::name::is_loopback(name)
    }
}

fn server(address: SocketAddr) -> NameServerConfig {
    let connections = [ConnectionConfig::udp(), ConnectionConfig::tcp()].map(|mut connection| {
        connection.port = address.port();
        connection
    });
    NameServerConfig::new(address.ip(), true, connections.to_vec())
}

fn failure(name: &str, error: &NetError) -> DnsError {
    let owned = name.to_owned();
    match error {
        NetError::Timeout => DnsError::Timeout(owned),
        NetError::Dns(NetDnsError::NoRecordsFound(none)) => match none.response_code {
            ResponseCode::NXDomain => DnsError::NoSuchName(owned),
            _ => DnsError::ServerFailure(owned),
        },
        NetError::Dns(NetDnsError::ResponseCode(ResponseCode::ServFail)) => {
            DnsError::ServerFailure(owned)
        }
        other => DnsError::Other { name: owned, reason: other.to_string() },
    }
}

fn text(name: &Name) -> String {
    name.to_ascii().trim_end_matches('.').to_ascii_lowercase()
}

const QUERY_TIMEOUT: Duration = Duration::from_secs(2);
/// Of all queries for one type of one name together.
const LOOKUP_TIMEOUT: Duration = Duration::from_secs(5);
const MAX_ALIASES: usize = 10;
