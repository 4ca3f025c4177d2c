//! The demo SAML application: a service provider of its own, beside Lintel and unlike it.

use std::time::Duration;

use rcgen::{CertificateParams, DnType, KeyPair, PKCS_RSA_SHA256, RsaKeySize};
use serde_json::{Value, json};

use crate::child::{Child, Program};
use crate::config::Config;
use crate::state::{APPLICATION_PEM, APPLICATION_SETTINGS, State};
use crate::wait::until;
use crate::{Context as _, Failure};

/// It runs, and nobody can sign in to it before [`Application::settle`].
#[derive(Debug)]
pub struct Application {
    /// The program.
    pub child: Child,
    /// Its SAML metadata.
    pub metadata: String,
}

impl Application {
    /// Starts it and waits until it answers with its metadata.
    pub async fn start(config: &Config, state: &State) -> Result<Self, Failure> {
        for path in [&config.node, &config.application] {
            if !path.is_file() {
                let path = path.display();
                return Err(Failure::new(format!("{path} is missing. Get it: make setup")));
            }
        }
        if state.read(APPLICATION_PEM)?.is_none() {
            state.write(APPLICATION_PEM, &key_and_certificate()?)?;
        }
        let settings = json!({
            "port": config.ports.application,
            "name": NAME,
            "keys": state.path(APPLICATION_PEM),
            "settings": state.path(APPLICATION_SETTINGS),
        });
        let child = Program::new("application", &config.node, &state.path("log"))
            .argument(config.application.display().to_string())
            .variable("LINTEL_APPLICATION", &settings)
            .start()?;
        let http = reqwest::Client::builder().no_proxy().timeout(START_LIMIT).build()?;
        let url = format!("{}/metadata", url(config));
        let metadata = until("the demo application answers", START_LIMIT, async || {
            Ok(http.get(&url).send().await?.error_for_status()?.text().await?)
        });
        match metadata.await {
            Ok(metadata) => Ok(Self { child, metadata }),
            Err(failure) => Err(Failure::new(format!("{failure}\n{}", child.log_tail()))),
        }
    }

    /// Tells it what its administrator would copy from Lintel: `saas_app` as the API answers it.
    pub fn settle(state: &State, saas_app: &Value) -> Result<(), Failure> {
        let text = |name: &str| {
            let value = saas_app[name].as_str().filter(|value| !value.is_empty());
            value.ok_or_else(|| Failure::new(format!("saas_app has no {name}: {saas_app}")))
        };
        let endpoint = text("sso_endpoint")?;
        let settings = json!({
            "idpIssuer": text("idp_entity_id")?,
            "entryPoint": endpoint,
            "logoutUrl": format!("{endpoint}/logout"),
            "idpCert": text("public_key")?,
        });
        state.write(APPLICATION_SETTINGS, &settings.to_string())
    }
}

/// Where it is. Another site than the team domain's, as such applications are.
#[must_use]
pub fn url(config: &Config) -> String {
    format!("http://127.0.0.1:{}", config.ports.application)
}

/// Whoever goes there begins to sign in.
#[must_use]
pub fn sign_in_url(config: &Config) -> String {
    format!("{}/sign-in", url(config))
}

fn key_and_certificate() -> Result<String, Failure> {
    let make = || {
        let key = KeyPair::generate_rsa_for(&PKCS_RSA_SHA256, RsaKeySize::_2048)?;
        let mut params = CertificateParams::default();
        params.distinguished_name.push(DnType::CommonName, NAME);
        let certificate = params.self_signed(&key)?;
        Ok::<_, rcgen::Error>(key.serialize_pem() + &certificate.pem())
    };
    Ok(make().context("making the demo application's key")?.replace('\r', ""))
}

/// What people call it.
pub const NAME: &str = "Wiki";
const START_LIMIT: Duration = Duration::from_mins(2);
