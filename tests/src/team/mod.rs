//! A company whose people sign in: an organisation with several identity providers and gated
//! applications, set up through the public API.
//!
//! - [`provider`]: OpenID providers, npm `oidc-provider`
//! - [`github`]: a stand-in for GitHub with its recorded shapes
//! - [`mailbox`]: a mail server
//! - [`saml`]: SAML service providers and an identity provider

pub mod github;
pub mod mailbox;
pub mod provider;
pub mod saml;

use lintel_dev::Failure;
use reqwest::Method;
use serde_json::{Value, json};

use self::github::Github;
use self::mailbox::Mailbox;
use self::provider::{ACME, GLOBEX, Provider};
use crate::Lintel;
use crate::miniflare::Miniflare;
use crate::origin::Origin;
use crate::ports::loopback;

/// Lintel, with everything that people sign in with around it.
pub struct Team {
    /// The house.
    pub lintel: Lintel,
    /// Where mails with codes arrive.
    pub mailbox: Mailbox,
    /// `https://team.saas.test:PORT`
    pub url: String,
    /// Provider ids by name: `acme`, `globex`, `github`, `pin`.
    pub providers: Value,
    /// Behind the gated applications.
    pub origin: Origin,
    port: u16,
    _running: (Provider, Provider, Github),
    _miniflare: Option<Miniflare>,
}

impl Team {
    /// Starts all of it and waits until the team domain is live at the edge.
    pub async fn start() -> Result<Self, Failure> {
        let (mut lintel, mailbox) = house().await?;
        let port = lintel.edges[0].https.port();
        // Where people come; SAML endpoints are spelled with it.
        lintel.control_api.restart_as(|program| program.variable(HTTPS_PORT, &port)).await?;
        lintel.ready().await?;
        Box::pin(Self::open(lintel, mailbox, port, None)).await
    }

    /// The same, with the worker under miniflare, as on Cloudflare.
    pub async fn start_under_miniflare() -> Result<Self, Failure> {
        let (mut lintel, mailbox) = house().await?;
        let miniflare = Miniflare::start_for_access(&lintel).await?;
        let url = miniflare.kv_url();
        let port = miniflare.http.port();
        let restarted = lintel.control_api.restart_as(|program| {
            program
                .variable(HTTPS_PORT, &port)
                .variable("LINTEL_WORKERS_KV_URL", &url)
                .variable("LINTEL_WORKERS_KV_TOKEN", "anything")
        });
        restarted.await?;
        lintel.ready().await?;
        Box::pin(Self::open(lintel, mailbox, port, Some(miniflare))).await
    }

    async fn open(
        lintel: Lintel,
        mailbox: Mailbox,
        port: u16,
        miniflare: Option<Miniflare>,
    ) -> Result<Self, Failure> {
        let origin = Origin::start(loopback(0), "the gated origin").await?;
        lintel.dns.address(TEAM, loopback(0).ip()).await?;
        let organization = json!({ "name": "SaaS", "auth_domain": TEAM });
        access(&lintel, Method::PUT, "organizations", Some(organization)).await?;
        let github = Github::start().await?;
        let mut providers = json!({});
        let mut running = Vec::new();
        for (name, company) in [("acme", &ACME), ("globex", &GLOBEX)] {
            let issuer = loopback(lintel.port()?);
            let made = company.create(&lintel, issuer).await?;
            providers[name] = made["id"].clone();
            running.push(company.start(&lintel, issuer, port, &made).await?);
        }
        for (name, body) in [("github", github.body()), ("pin", pin())] {
            let made = access(&lintel, Method::POST, "identity_providers", Some(body)).await?;
            providers[name] = made["id"].clone();
        }
        let (Some(globex), Some(acme)) = (running.pop(), running.pop()) else {
            return Err(Failure::new("two providers were started"));
        };
        let team = Self {
            url: format!("https://{TEAM}:{port}"),
            lintel,
            mailbox,
            providers,
            origin,
            port,
            _running: (acme, globex, github),
            _miniflare: miniflare,
        };
        let live = team.lintel.api.find_hostname(&team.lintel.zone, TEAM).await?;
        let live = live.ok_or_else(|| Failure::new("the team domain was not onboarded"))?;
        team.lintel.active(&live.id).await?;
        Ok(team)
    }

    /// A live hostname before `origin` (`http://127.0.0.1:1234`).
    pub async fn hostname(&self, hostname: &str, origin: &str) -> Result<String, Failure> {
        let more = json!({ "custom_origin_server": origin });
        let created = self.lintel.create(hostname, more).await?;
        self.lintel.active(&created.id).await?;
        Ok(format!("https://{hostname}:{}", self.port))
    }

    /// A self-hosted application with one policy; answers the application.
    pub async fn application(&self, domain: &str, more: Value) -> Result<Value, Failure> {
        let mut body = json!({ "type": "self_hosted", "name": domain, "domain": domain });
        if let (Some(body), Value::Object(more)) = (body.as_object_mut(), more) {
            body.extend(more);
        }
        self.access(Method::POST, "apps", Some(body)).await
    }

    /// One call below `accounts/{account}/access/`.
    pub async fn access(
        &self,
        method: Method,
        path: &str,
        body: Option<Value>,
    ) -> Result<Value, Failure> {
        access(&self.lintel, method, path, body).await
    }
}

async fn house() -> Result<(Lintel, Mailbox), Failure> {
    let mailbox = Mailbox::start().await?;
    let lintel = Lintel::builder()
        .control_variable("LINTEL_SMTP_URL", format!("smtp://127.0.0.1:{}", mailbox.port))
        .control_variable("LINTEL_MAIL_FROM", "signin@saas.test")
        .start()
        .await?;
    Ok((lintel, mailbox))
}

async fn access(
    lintel: &Lintel,
    method: Method,
    path: &str,
    body: Option<Value>,
) -> Result<Value, Failure> {
    let path = format!("/accounts/{}/access/{path}", lintel.account);
    lintel.api.call(method, &path, body).await?.result()
}

fn pin() -> Value {
    json!({ "name": "Code by mail", "type": "onetimepin", "config": {} })
}

/// An `allow` policy for whoever meets one of these rules.
#[must_use]
pub fn allow(include: &Value) -> Value {
    json!([{ "name": "allowed", "decision": "allow", "include": include }])
}

/// Where people sign in.
pub const TEAM: &str = "team.saas.test";
const HTTPS_PORT: &str = "LINTEL_HTTPS_PORT";
