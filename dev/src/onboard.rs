//! Account, zone, token and the demo hostname: all of it through the public API, as anyone would.

use std::time::Duration;

use serde_json::json;

use crate::client::{Client, CustomHostname};
use crate::config::{Config, loopback};
use crate::house::House;
use crate::origin::GREETING;
use crate::state::{API_TOKEN, CA_PEM, State};
use crate::wait::until;
use crate::{Context as _, Failure};

/// What there is to work with.
#[derive(Clone, Debug)]
pub struct Tenant {
    /// With a token that is good for this account and zone alone.
    pub api: Client,
    /// 32 hexadecimal digits.
    pub account_id: String,
    /// 32 hexadecimal digits.
    pub zone_id: String,
}

impl Tenant {
    /// Finds what an earlier start made, and makes what is missing.
    pub async fn open(config: &Config, state: &State) -> Result<Self, Failure> {
        let bootstrap = House::bootstrap_client(config, state)?;
        let account_id = bootstrap.account(ACCOUNT).await?;
        let zone_id = bootstrap.zone(&account_id, ZONE).await?;
        // The origins that stand beside this edge speak plain HTTP.
        bootstrap.set(&zone_id, "ssl", json!("flexible")).await?;
        let origin = format!("http://127.0.0.1:{}", config.ports.origin);
        bootstrap.set_fallback_origin(&zone_id, &origin).await?;
        let remembered = state.read(API_TOKEN)?.map(|token| bootstrap.with_token(&token));
        let api = match remembered {
            Some(api) if api.token_works().await? => api,
            _ => {
                let token = bootstrap.create_token("make run", &account_id, &zone_id).await?;
                state.write(API_TOKEN, &token)?;
                bootstrap.with_token(&token)
            }
        };
        Ok(Self { api, account_id, zone_id })
    }

    /// Brings a hostname to `active`, and tells every state that is seen on the way.
    pub async fn onboard(
        &self,
        hostname: &str,
        mut tell: impl FnMut(&str),
    ) -> Result<CustomHostname, Failure> {
        let mut shop = match self.api.find_hostname(&self.zone_id, hostname).await? {
            Some(shop) => shop,
            None => self.api.create_hostname(&self.zone_id, hostname, json!({})).await?,
        };
        let mut told = String::new();
        until(&format!("{hostname} is active"), ACTIVE_LIMIT, async || {
            let states = shop.states();
            if states != told {
                tell(&states);
                told.clone_from(&states);
            }
            if shop.is_active() {
                return Ok(());
            }
            let errors = shop.errors().join("; ");
            shop = self.api.hostname(&self.zone_id, &shop.id).await?;
            Err(Failure::new(format!("{states}; {errors}")))
        })
        .await?;
        Ok(shop)
    }
}

/// One real request as a visitor makes it: by name, over TLS, verified against the CA's root alone.
pub async fn visit(config: &Config, state: &State) -> Result<(), Failure> {
    let root = state.read(CA_PEM)?.unwrap_or_default();
    let root = reqwest::Certificate::from_pem(root.as_bytes()).context("reading the CA's root")?;
    let visitor = reqwest::Client::builder()
        .no_proxy()
        .tls_certs_only([root])
        .resolve(HOSTNAME, loopback(config.ports.https))
        .timeout(Duration::from_secs(10))
        .build()?;
    let url = format!("https://{HOSTNAME}:{}/", config.ports.https);
    until(&format!("{url} answers from the demo origin"), VISIT_LIMIT, async || {
        let response = visitor.get(&url).send().await?;
        let (status, page) = (response.status(), response.text().await?);
        if status.is_success() && page.contains(GREETING) {
            return Ok(());
        }
        Err(Failure::new(format!("{status} {page}")))
    })
    .await
}

/// The demo customer's own hostname.
pub const HOSTNAME: &str = "shop.localhost";
/// The SaaS company's domain.
pub const ZONE: &str = "saas.localhost";
const ACCOUNT: &str = "Demo";
const ACTIVE_LIMIT: Duration = Duration::from_mins(2);
const VISIT_LIMIT: Duration = Duration::from_mins(1);
