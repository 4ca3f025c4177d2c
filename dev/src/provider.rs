//! The demo identity provider: an OpenID provider of its own, beside Lintel and unlike it.

use std::time::Duration;

use serde_json::{Value, json};

use crate::Failure;
use crate::child::{Child, Program};
use crate::config::Config;
use crate::state::{PROVIDER_SECRET, State};
use crate::wait::until;

/// Somebody who can sign in at the demo provider.
#[derive(Clone, Copy, Debug)]
pub struct Person {
    /// Their address.
    pub email: &'static str,
    /// Known to everybody: the provider listens on this machine alone.
    pub password: &'static str,
    name: &'static str,
    groups: &'static [&'static str],
    amr: &'static [&'static str],
}

/// Everybody at the demo provider.
pub const PEOPLE: [Person; 2] = [
    Person {
        email: "ada@example.com",
        password: "analytical-engine",
        name: "Ada Lovelace",
        groups: &["engineering", "everyone"],
        amr: &["pwd", "otp", "mfa"],
    },
    Person {
        email: "grace@example.com",
        password: "nanosecond-of-wire",
        name: "Grace Hopper",
        groups: &["everyone"],
        amr: &["pwd"],
    },
];

/// `iss` of its tokens.
#[must_use]
pub fn issuer(config: &Config) -> String {
    format!("http://127.0.0.1:{}", config.ports.provider)
}

/// Starts it and waits until it answers. It knows one client: the Lintel beside it, which is called
/// back at `redirect_url`.
pub async fn start(config: &Config, state: &State, redirect_url: &str) -> Result<Child, Failure> {
    for path in [&config.node, &config.provider] {
        if !path.is_file() {
            let path = path.display();
            return Err(Failure::new(format!("{path} is missing. Get it: make setup")));
        }
    }
    let settings = json!({
        "port": config.ports.provider,
        "issuer": issuer(config),
        "name": "Demo provider",
        "clients": [{
            "client_id": CLIENT_ID,
            "client_secret": state.read(PROVIDER_SECRET)?,
            "redirect_uris": [redirect_url],
        }],
        "people": PEOPLE.map(Person::to_json),
    });
    let child = Program::new("provider", &config.node, &state.path("log"))
        .argument(config.provider.display().to_string())
        // Not an argument: those are for everybody's eyes.
        .variable("LINTEL_PROVIDER", &settings)
        .start()?;
    let http = reqwest::Client::builder().no_proxy().timeout(START_LIMIT).build()?;
    let url = format!("{}/.well-known/openid-configuration", issuer(config));
    let ready = until("the demo provider answers", START_LIMIT, async || {
        http.get(&url).send().await?.error_for_status()?;
        Ok(())
    });
    match ready.await {
        Ok(()) => Ok(child),
        Err(failure) => Err(Failure::new(format!("{failure}\n{}", child.log_tail()))),
    }
}

impl Person {
    fn to_json(self) -> Value {
        json!({
            "email": self.email,
            "password": self.password,
            "name": self.name,
            "groups": self.groups,
            "amr": self.amr,
        })
    }
}

/// Ours, at the provider.
pub const CLIENT_ID: &str = "lintel";
const START_LIMIT: Duration = Duration::from_mins(2);
