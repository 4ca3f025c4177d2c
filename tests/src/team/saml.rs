//! Real SAML peers as servers of their own: service providers by four libraries, and an identity
//! provider by pysaml2. `tests/saml/sp/server.mjs` tells what can be asked of them.

use std::path::PathBuf;

use lintel_dev::Failure;
use lintel_dev::child::Program;
use rcgen::{CertificateParams, DnType, KeyPair, PKCS_RSA_SHA256, RsaKeySize};
use serde_json::{Value, json};

use super::mailbox::python;
use super::provider::PASSWORD;
use crate::Lintel;
use crate::lintel::root;
use crate::miniflare::node;
use crate::ports::loopback;
use crate::process::Process;

/// A running peer.
#[derive(Debug)]
pub struct Peer {
    /// Such as `pysaml2`.
    pub name: &'static str,
    /// `http://127.0.0.1:PORT`
    pub url: String,
    /// What it was started with: its keys, as PEM, among others.
    pub settings: Value,
    _process: Process,
}

/// The library that a service provider is made of.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Library {
    /// `@node-saml/node-saml`
    NodeSaml,
    /// `samlify`
    Samlify,
    /// `python3-saml`
    Python3Saml,
    /// `pysaml2`
    Pysaml2,
}

impl Library {
    /// All of them.
    pub const ALL: [Self; 4] = [Self::NodeSaml, Self::Samlify, Self::Python3Saml, Self::Pysaml2];

    fn name(self) -> &'static str {
        match self {
            Self::NodeSaml => "node-saml",
            Self::Samlify => "samlify",
            Self::Python3Saml => "python3-saml",
            Self::Pysaml2 => "pysaml2",
        }
    }

    fn program(self) -> Result<(PathBuf, &'static str), Failure> {
        Ok(match self {
            Self::NodeSaml => (node(), "sp/node_saml.mjs"),
            Self::Samlify => (node(), "sp/samlify.mjs"),
            Self::Python3Saml => (python()?, "sp/python3_saml.py"),
            Self::Pysaml2 => (python()?, "sp/pysaml2_sp.py"),
        })
    }
}

impl Peer {
    /// Starts a service provider, which knows of no identity provider yet.
    pub async fn service_provider(lintel: &Lintel, library: Library) -> Result<Self, Failure> {
        let (key, certificate) = pair(library.name())?;
        let (encryption_key, encryption_certificate) = pair(library.name())?;
        let settings = json!({
            "key": key,
            "certificate": certificate,
            "encryption_key": encryption_key,
            "encryption_certificate": encryption_certificate,
        });
        Self::start(lintel, library.name(), library.program()?, settings).await
    }

    /// Starts the identity provider: `ada` and `grace` of initech.test.
    pub async fn identity_provider(lintel: &Lintel) -> Result<Self, Failure> {
        let (key, certificate) = pair("pysaml2-idp")?;
        let person = |uid: &str, given_name: &str, groups: Value| json!({ "uid": uid, "given_name": given_name, "groups": groups });
        let settings = json!({
            "key": key,
            "certificate": certificate,
            "password": PASSWORD,
            "people": {
                "ada@initech.test": person("u-1815", "Ada <\"&\"> Łovelace", json!(["engineering", "R&D"])),
                "grace@initech.test": person("u-1906", "Grace", json!(["sales"])),
            },
        });
        Self::start(lintel, "pysaml2-idp", (python()?, "idp/pysaml2_idp.py"), settings).await
    }

    async fn start(
        lintel: &Lintel,
        name: &'static str,
        (program, script): (PathBuf, &str),
        mut settings: Value,
    ) -> Result<Self, Failure> {
        let address = loopback(lintel.port()?);
        settings["name"] = json!(name);
        settings["port"] = json!(address.port());
        // For the files that its tools want; it goes with this house.
        settings["folder"] = json!(lintel.log_folder().parent());
        let program = Program::foreign(name, &program, &lintel.log_folder())
            .argument(root().join("tests/saml").join(script).display().to_string())
            .variable("LINTEL_PEER", &settings);
        let process = Process::start(program)?;
        let url = format!("http://{address}");
        let http = reqwest::Client::builder().no_proxy().build()?;
        let metadata = format!("{url}/metadata");
        lintel
            .until(&format!("{name} answers"), async || {
                if let Some(exit) = process.ended() {
                    return Err(Failure::new(format!("it ended: {exit}")));
                }
                http.get(&metadata).send().await?.error_for_status()?;
                Ok(())
            })
            .await?;
        Ok(Self { name, url, settings, _process: process })
    }
}

/// A key and a certificate that nobody signed, as PEM.
fn pair(name: &str) -> Result<(String, String), Failure> {
    let key = KeyPair::generate_rsa_for(&PKCS_RSA_SHA256, RsaKeySize::_2048)?;
    let mut params = CertificateParams::default();
    params.distinguished_name.push(DnType::CommonName, name);
    Ok((key.serialize_pem(), params.self_signed(&key)?.pem()))
}
