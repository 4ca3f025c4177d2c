//! `.lintel/dev.json`, there as long as everything is healthy, and what is printed for people.

use std::path::Path;

use serde_json::json;

use crate::Failure;
use crate::access::{AUTH_DOMAIN, GATED_HOSTNAME};
use crate::application;
use crate::config::Config;
use crate::house::api_url;
use crate::onboard::{HOSTNAME, Tenant};
use crate::provider::PEOPLE;
use crate::state::{CA_PEM, State};

/// The file that tools attach to. Dropping this takes it away.
#[derive(Debug)]
pub struct Announcement<'a> {
    state: &'a State,
}

impl<'a> Announcement<'a> {
    /// Takes away what a killed predecessor left behind: nobody shall attach to it.
    #[must_use]
    pub fn none_yet(state: &'a State) -> Self {
        let announcement = Self { state };
        announcement.remove();
        announcement
    }

    /// Writes the file in one step.
    pub fn publish(&self, config: &Config, tenant: &Tenant) -> Result<(), Failure> {
        let ports = config.ports;
        let announcement = json!({
            "api": api_url(config),
            "token": tenant.api.token(),
            "account_id": tenant.account_id,
            "zone_id": tenant.zone_id,
            "edge_https": format!("https://127.0.0.1:{}", ports.https),
            "edge_http": format!("http://127.0.0.1:{}", ports.http),
            "ca_pem": self.state.path(CA_PEM),
            "team_domain": format!("https://{AUTH_DOMAIN}:{}", ports.https),
            "gated_app": format!("https://{GATED_HOSTNAME}:{}/", ports.https),
            "saml_app": application::sign_in_url(config),
            "demo_users": PEOPLE.map(|person| {
                json!({ "email": person.email, "password": person.password })
            }),
            "dashboard": format!("http://127.0.0.1:{}/", ports.api),
        });
        self.state.write(DEV_JSON, &serde_json::to_string_pretty(&announcement)?)
    }

    fn remove(&self) {
        let _ = std::fs::remove_file(self.state.path(DEV_JSON));
    }
}

impl Drop for Announcement<'_> {
    fn drop(&mut self) {
        self.remove();
    }
}

/// What to open, and how to go on.
#[must_use]
pub fn welcome(config: &Config, state: &State, tenant: &Tenant) -> String {
    let (https, ca) = (config.ports.https, from_here(&state.path(CA_PEM)));
    let (api, token, zone) = (api_url(config), tenant.api.token(), &tenant.zone_id);
    let (dev, logs) = (from_here(&state.path(DEV_JSON)), from_here(&state.path("log")));
    let [ada, grace] = PEOPLE;
    format!(
        "
Lintel is running.

  Open       https://{HOSTNAME}:{https}/
             (the browser warns until it trusts {ca})
  Or         curl --cacert {ca} --resolve {HOSTNAME}:{https}:127.0.0.1 https://{HOSTNAME}:{https}/
  Sign in    https://{GATED_HOSTNAME}:{https}/   as {} with {}
             (or as {} with {}, who may not enter /engineering)
  SAML       {}/   an application that knows nothing of us but SAML
  Launcher   https://{AUTH_DOMAIN}:{https}/
  API        {api}   (its description: http://127.0.0.1:{}/openapi.json)
  For tools  {dev}
  Logs       {}

Your own hostname, to a server of yours on port 3000 of this machine (any name under .localhost):

  curl {api}/zones/{zone}/custom_hostnames \\
    -H 'Authorization: Bearer {token}' -H 'Content-Type: application/json' \\
    -d '{{\"hostname\":\"mine.localhost\",\"ssl\":{{\"method\":\"http\",\"type\":\"dv\"}},\
\"custom_origin_server\":\"localhost:3000\"}}'

  curl --cacert {ca} --resolve mine.localhost:{https}:127.0.0.1 https://mine.localhost:{https}/

Ctrl-C stops everything; the next start finds all of it again.
",
        ada.email,
        ada.password,
        grace.email,
        grace.password,
        application::url(config),
        config.ports.api,
        logs,
    )
}

/// A path as it can be used in this terminal.
fn from_here(path: &Path) -> String {
    let here = std::env::current_dir().ok();
    let below = here.and_then(|here| path.strip_prefix(here).ok().map(Path::to_owned));
    below.unwrap_or_else(|| path.to_owned()).display().to_string()
}

/// In the state folder.
pub const DEV_JSON: &str = "dev.json";
