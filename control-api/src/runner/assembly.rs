//! Makes engine and runner from the configuration.

use std::sync::Arc;

use lifecycle::{Authority, Schedule};

use super::Runner;
use crate::check::{self, PublicHttp};
use crate::clock::Clock;
use crate::config::{self, Config};
use crate::dns::{self, DnsError, Resolver};
use crate::engine::Engine;
use crate::issuer::{self, AuthorityKind, AuthoritySettings, ExternalAccount, Issuers};
use crate::store::Db;
use crate::store::changes::Bell;
use crate::vault::Vault;

/// Why there is no runner.
#[derive(Debug, thiserror::Error)]
pub enum AssemblyError {
    /// Neither the configured nor the system's resolvers can be used.
    #[error("LINTEL_DNS_SERVERS: {0}")]
    Dns(#[from] DnsError),
    /// An authority cannot be set up.
    #[error("LINTEL_ACME_AUTHORITIES: {0}")]
    Issuer(issuer::Error),
    /// Not text.
    #[error("LINTEL_ACME_ROOTS_FILE: the file is not PEM")]
    Roots,
}

impl Engine {
    /// With the configured authorities and times.
    #[must_use]
    pub fn configured(config: &Config, vault: Arc<Vault>, edge: Bell) -> Self {
        let authorities = config.authorities.iter().map(|known| Authority::new(&known.name));
        Self::new(authorities, Schedule::with_base(config.retry_base), vault, edge)
    }
}

impl Runner {
    /// With the configured authorities, resolvers and addresses. Speaks to no one yet.
    ///
    /// # Errors
    /// See [`AssemblyError`].
    pub async fn configured(
        config: &Config,
        db: Db,
        vault: Arc<Vault>,
        clock: Clock,
        engine: Engine,
    ) -> Result<Self, AssemblyError> {
        let dns = dns::Settings {
            servers: config.dns_servers.clone(),
            loopback_names: config.loopback_names,
        };
        let resolver = Resolver::new(&dns)?;
        let look = check::Settings {
            http_port: config.validation_http_port,
            allow_private: config.allow_private_networks,
        };
        let public = PublicHttp::new(resolver.clone(), look);
        let settings = issuers(config)?;
        let issuers = Issuers::new(&settings, db.clone(), vault.clone(), public.clone()).await;
        let issuers = Arc::new(issuers.map_err(AssemblyError::Issuer)?);
        let edge_addresses = config.edge_addresses.clone();
        Ok(Self { db, engine, issuers, vault, resolver, public, edge_addresses, clock })
    }
}

fn issuers(config: &Config) -> Result<issuer::Settings, AssemblyError> {
    let authority = |known: &config::Authority| AuthoritySettings {
        name: known.name.clone(),
        kind: match &known.kind {
            config::AuthorityKind::Development => AuthorityKind::Development,
            config::AuthorityKind::Acme { directory, eab } => AuthorityKind::Acme {
                directory: directory.clone(),
                external_account: eab.as_ref().map(|eab| ExternalAccount {
                    key_id: eab.kid.clone(),
                    hmac_key: eab.hmac.clone(),
                }),
            },
        },
    };
    let extra_roots = config.acme_roots_pem.clone().map(String::from_utf8).transpose();
    Ok(issuer::Settings {
        authorities: config.authorities.iter().map(authority).collect(),
        contact: config.acme_contact.clone(),
        extra_roots: extra_roots.map_err(|_| AssemblyError::Roots)?,
    })
}
