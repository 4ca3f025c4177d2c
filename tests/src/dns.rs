//! The DNS that control-api, edge-tls and the CA ask: pebble-challtestsrv. A name that was not put
//! there does not resolve.

use std::net::IpAddr;
use std::path::Path;

use lintel_dev::child::Program;
use lintel_dev::{Context as _, Failure};
use serde_json::{Value, json};

use crate::ports::Ports;
use crate::process::Process;
use crate::until::until;

/// The running server.
#[derive(Debug)]
pub struct Dns {
    _process: Process,
    http: reqwest::Client,
    management: String,
    /// UDP and TCP, on 127.0.0.1.
    pub port: u16,
}

impl Dns {
    /// Starts it and waits until it answers.
    pub async fn start(ports: &Ports, folder: &Path) -> Result<Self, Failure> {
        let (port, management) = (ports.next()?, ports.next()?);
        let name = "pebble-challtestsrv";
        let program = Program::foreign(name, Path::new(name), &folder.join("log"))
            .argument("-dns01")
            .argument(format!("127.0.0.1:{port}"))
            .argument("-management")
            .argument(format!("127.0.0.1:{management}"))
            .argument("-defaultIPv4=")
            .argument("-defaultIPv6=")
            .argument("-http01=")
            .argument("-https01=")
            .argument("-tlsalpn01=");
        let process = Process::start(program)?;
        let http = reqwest::Client::builder().no_proxy().build()?;
        let management = format!("http://127.0.0.1:{management}");
        let dns = Self { _process: process, http, management, port };
        until("pebble-challtestsrv answers", async || dns.clear("ready.test").await).await?;
        Ok(dns)
    }

    /// `name` is an alias of `target`.
    pub async fn cname(&self, name: &str, target: &str) -> Result<(), Failure> {
        self.post("set-cname", json!({ "host": name, "target": target })).await
    }

    /// `name` has this address.
    pub async fn address(&self, name: &str, address: IpAddr) -> Result<(), Failure> {
        let kind = if address.is_ipv4() { "add-a" } else { "add-aaaa" };
        self.post(kind, json!({ "host": name, "addresses": [address] })).await
    }

    /// The server fails whenever it is asked for `name`.
    pub async fn fail(&self, name: &str) -> Result<(), Failure> {
        self.post("set-servfail", json!({ "host": name })).await
    }

    /// `name` has nothing.
    pub async fn clear(&self, name: &str) -> Result<(), Failure> {
        for kind in ["clear-cname", "clear-a", "clear-aaaa", "clear-servfail"] {
            self.post(kind, json!({ "host": name })).await?;
        }
        Ok(())
    }

    async fn post(&self, path: &str, body: Value) -> Result<(), Failure> {
        let url = format!("{}/{path}", self.management);
        let answer = self.http.post(url).body(body.to_string()).send().await.context(path)?;
        answer.error_for_status().context(path)?;
        Ok(())
    }
}
