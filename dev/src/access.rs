//! Sign-in for the demo: an organisation with its team domain, the demo provider, two gated
//! applications and one that is told by SAML. All of it through the public API, as anyone would.

use reqwest::Method;
use serde_json::{Value, json};

use crate::Failure;
use crate::application::{self, Application};
use crate::config::Config;
use crate::onboard::Tenant;
use crate::provider::{self, CLIENT_ID};
use crate::state::{PROVIDER_SECRET, State};

/// What there is to sign in to.
#[derive(Clone, Debug)]
pub struct Demo {
    /// Where the demo provider sends people back to.
    pub redirect_url: String,
}

impl Demo {
    /// Finds what an earlier start made, and makes or mends the rest.
    pub async fn open(
        config: &Config,
        state: &State,
        tenant: &Tenant,
        metadata: &str,
    ) -> Result<Self, Failure> {
        let api = Api { tenant };
        let organization = json!({ "name": "Demo", "auth_domain": AUTH_DOMAIN });
        api.call(Method::PUT, "organizations", Some(organization)).await?;
        let provider = json!({
            "name": PROVIDER,
            "type": "oidc",
            "config": {
                "client_id": CLIENT_ID,
                "client_secret": state.read(PROVIDER_SECRET)?,
                "auth_url": format!("{}/auth", provider::issuer(config)),
                "token_url": format!("{}/token", provider::issuer(config)),
                "certs_url": format!("{}/jwks", provider::issuer(config)),
                "issuer": provider::issuer(config),
                "scopes": ["openid", "email", "profile", "groups"],
                "claims": ["groups"],
                "pkce_enabled": true,
                "email_domains": ["example.com"],
            },
        });
        let provider = api.keep("identity_providers", PROVIDER, provider).await?;
        let id = id(&provider)?;
        api.keep("apps", "App Launcher", launcher()).await?;
        api.keep("apps", INTRANET, intranet()).await?;
        api.keep("apps", ENGINEERING, engineering(id)).await?;
        let wiki = api.keep("apps", application::NAME, wiki(metadata)).await?;
        Application::settle(state, &wiki["saas_app"])?;
        let redirect_url =
            format!("https://{AUTH_DOMAIN}:{}/access/callback/{id}", config.ports.https);
        Ok(Self { redirect_url })
    }
}

/// `accounts/{account}/access/...`
struct Api<'a> {
    tenant: &'a Tenant,
}

impl Api<'_> {
    async fn call(
        &self,
        method: Method,
        path: &str,
        body: Option<Value>,
    ) -> Result<Value, Failure> {
        let path = format!("/accounts/{}/access/{path}", self.tenant.account_id);
        self.tenant.api.call(method, &path, body).await?.result()
    }

    /// The object of that name as `body` says: made if it is missing.
    async fn keep(&self, kind: &str, name: &str, body: Value) -> Result<Value, Failure> {
        let known = self.call(Method::GET, kind, None).await?;
        let mut known = known.as_array().into_iter().flatten();
        match known.find(|object| object["name"] == name) {
            Some(object) => {
                self.call(Method::PUT, &format!("{kind}/{}", id(object)?), Some(body)).await
            }
            None => self.call(Method::POST, kind, Some(body)).await,
        }
    }
}

fn id(object: &Value) -> Result<&str, Failure> {
    object["id"].as_str().ok_or_else(|| Failure::new(format!("there is no id in {object}")))
}

fn launcher() -> Value {
    json!({
        "name": "App Launcher",
        "type": "app_launcher",
        "policies": [{
            "name": "Everybody of example.com",
            "decision": "allow",
            "include": [{ "email_domain": { "domain": "example.com" } }],
        }],
    })
}

fn intranet() -> Value {
    json!({
        "name": INTRANET,
        "type": "self_hosted",
        "domain": GATED_HOSTNAME,
        "policies": [{
            "name": "Everybody of example.com",
            "decision": "allow",
            "include": [{ "email_domain": { "domain": "example.com" } }],
        }],
    })
}

/// Everything that there is to say about the other side stands in its metadata.
fn wiki(metadata: &str) -> Value {
    json!({
        "name": application::NAME,
        "type": "saas",
        "saas_app": { "auth_type": "saml", "sp_metadata": metadata },
        "policies": [{
            "name": "Everybody of example.com",
            "decision": "allow",
            "include": [{ "email_domain": { "domain": "example.com" } }],
        }],
    })
}

/// Open to Ada alone: who signs in as Grace sees what a refusal looks like.
fn engineering(provider: &str) -> Value {
    json!({
        "name": ENGINEERING,
        "type": "self_hosted",
        "domain": format!("{GATED_HOSTNAME}/engineering"),
        "policies": [{
            "name": "Engineers with a second factor",
            "decision": "allow",
            "include": [{ "oidc": {
                "claim_name": "groups",
                "claim_value": "engineering",
                "identity_provider_id": provider,
            } }],
            "require": [{ "auth_method": { "auth_method": "mfa" } }],
        }],
    })
}

/// Where people sign in.
pub const AUTH_DOMAIN: &str = "team.saas.localhost";
/// Where the gated applications are.
pub const GATED_HOSTNAME: &str = "intranet.saas.localhost";
const PROVIDER: &str = "Demo provider";
const INTRANET: &str = "Intranet";
const ENGINEERING: &str = "Engineering";
