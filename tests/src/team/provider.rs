//! OpenID providers: the one of `make run`, as several companies.

use std::net::SocketAddr;

use lintel_dev::Failure;
use lintel_dev::child::Program;
use reqwest::Method;
use serde_json::{Value, json};

use super::{TEAM, access};
use crate::Lintel;
use crate::lintel::root;
use crate::miniflare::node;
use crate::process::Process;
use crate::until::until;

/// A company with a provider of its own.
#[derive(Debug)]
pub struct Company {
    /// What the login page shows.
    pub name: &'static str,
    /// Of its people's addresses.
    pub domain: &'static str,
    /// Whether Lintel finds the provider's URLs by itself.
    discovery: bool,
}

/// A running provider.
#[derive(Debug)]
pub struct Provider {
    _process: Process,
}

/// Its URLs are spelled out, as in the contract.
pub const ACME: Company = Company { name: "Acme", domain: "acme.test", discovery: false };
/// Its URLs are discovered.
pub const GLOBEX: Company = Company { name: "Globex", domain: "globex.test", discovery: true };

impl Company {
    /// Tells Lintel of the provider that will listen at `issuer`.
    pub(super) async fn create(
        &self,
        lintel: &Lintel,
        issuer: SocketAddr,
    ) -> Result<Value, Failure> {
        let mut config = json!({
            "issuer": format!("http://{issuer}"),
            "client_id": CLIENT_ID,
            "client_secret": CLIENT_SECRET,
            "scopes": ["openid", "email", "profile", "groups"],
            "claims": ["groups"],
            "email_domains": [self.domain],
        });
        if self.discovery {
            config["discovery"] = json!(true);
        } else {
            for (field, path) in
                [("auth_url", "auth"), ("token_url", "token"), ("certs_url", "jwks")]
            {
                config[field] = json!(format!("http://{issuer}/{path}"));
            }
        }
        let body = json!({ "name": self.name, "type": "oidc", "config": config });
        access(lintel, Method::POST, "identity_providers", Some(body)).await
    }

    /// Starts the provider, which calls back as `made`, the object of the API, says.
    pub(super) async fn start(
        &self,
        lintel: &Lintel,
        issuer: SocketAddr,
        https_port: u16,
        made: &Value,
    ) -> Result<Provider, Failure> {
        let id = made["id"].as_str().unwrap_or_default();
        let callback = format!("https://{TEAM}:{https_port}/access/callback/{id}");
        let settings = json!({
            "port": issuer.port(),
            "issuer": format!("http://{issuer}"),
            "name": self.name,
            "clients": [{
                "client_id": CLIENT_ID,
                "client_secret": CLIENT_SECRET,
                "redirect_uris": [callback],
            }],
            "people": self.people(),
        });
        let program = Program::new(self.name, &node(), &lintel.log_folder())
            .argument(root().join("dev/provider/provider.mjs").display().to_string())
            .variable("LINTEL_PROVIDER", &settings);
        let process = Process::start(program)?;
        let http = reqwest::Client::builder().no_proxy().build()?;
        let url = format!("http://{issuer}/.well-known/openid-configuration");
        until(&format!("{} answers", self.name), async || {
            http.get(&url).send().await?.error_for_status()?;
            Ok(())
        })
        .await?;
        Ok(Provider { _process: process })
    }

    /// `ada` (an engineer, with a second factor) and `grace`.
    fn people(&self) -> Value {
        let person = |name: &str, groups: Value, amr: Value| {
            json!({
                "email": format!("{name}@{}", self.domain),
                "password": PASSWORD,
                "name": name,
                "groups": groups,
                "amr": amr,
            })
        };
        json!([
            person("ada", json!(["engineering"]), json!(["pwd", "otp", "mfa"])),
            person("grace", json!([]), json!(["pwd"])),
        ])
    }
}

/// Everybody's.
pub const PASSWORD: &str = "correct horse";
const CLIENT_ID: &str = "lintel";
const CLIENT_SECRET: &str = "a secret between Lintel and a provider";
