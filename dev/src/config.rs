//! Ports and folders of `make run`, from the environment.

use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::path::{Path, PathBuf};

use crate::{Context as _, Failure};

/// Everything that can be chosen.
#[derive(Clone, Debug)]
pub struct Config {
    /// `LINTEL_DEV_STATE` (`.lintel`): what survives a restart.
    pub state: PathBuf,
    /// `LINTEL_BIN_DIR`: where control-api and edge-tls are; beside lintel-dev if it is not set.
    pub binaries: PathBuf,
    /// `LINTEL_WORKER_DIR` (`edge-worker/build`): the built worker.
    pub worker: PathBuf,
    /// `LINTEL_NODE` (`node_modules/.bin/node`): runs the demo provider and the demo application.
    pub node: PathBuf,
    /// `LINTEL_DEV_PROVIDER` (`dev/provider/provider.mjs`): the demo provider's script.
    pub provider: PathBuf,
    /// `LINTEL_DEV_APPLICATION` (`dev/application/application.mjs`): the demo application's script.
    pub application: PathBuf,
    /// Where everything listens, on 127.0.0.1.
    pub ports: Ports,
}

/// Unprivileged by default: nothing here needs root.
#[derive(Clone, Copy, Debug)]
pub struct Ports {
    /// `LINTEL_DEV_API_PORT` (8787)
    pub api: u16,
    /// `LINTEL_DEV_API_ADMIN_PORT` (8788): metrics and health of control-api
    pub api_admin: u16,
    /// `LINTEL_DEV_HTTPS_PORT` (8443)
    pub https: u16,
    /// `LINTEL_DEV_HTTP_PORT` (8080)
    pub http: u16,
    /// `LINTEL_DEV_EDGE_ADMIN_PORT` (9901): metrics and health of edge-tls
    pub edge_admin: u16,
    /// `LINTEL_DEV_ORIGIN_PORT` (8789): the demo origin
    pub origin: u16,
    /// `LINTEL_DEV_PROVIDER_PORT` (8790): the demo identity provider
    pub provider: u16,
    /// `LINTEL_DEV_APPLICATION_PORT` (8791): the demo SAML application
    pub application: u16,
}

impl Config {
    /// Reads the environment.
    pub fn from_env() -> Result<Self, Failure> {
        let program = std::env::current_exe().context("finding lintel-dev's own folder")?;
        let beside = program.parent().unwrap_or(Path::new(".")).to_owned();
        let folder = |name, default: &Path| {
            let folder = std::env::var_os(name).map_or(default.to_owned(), PathBuf::from);
            std::path::absolute(folder).context(name)
        };
        Ok(Self {
            state: folder("LINTEL_DEV_STATE", Path::new(".lintel"))?,
            binaries: folder("LINTEL_BIN_DIR", &beside)?,
            worker: folder("LINTEL_WORKER_DIR", Path::new("edge-worker/build"))?,
            node: folder("LINTEL_NODE", Path::new("node_modules/.bin/node"))?,
            provider: folder("LINTEL_DEV_PROVIDER", Path::new("dev/provider/provider.mjs"))?,
            application: folder(
                "LINTEL_DEV_APPLICATION",
                Path::new("dev/application/application.mjs"),
            )?,
            ports: Ports::from_variables(|name| std::env::var(name).ok())?,
        })
    }
}

impl Ports {
    fn from_variables(variable: impl Fn(&str) -> Option<String>) -> Result<Self, Failure> {
        let mut ports = Self::default();
        for (name, port) in ports.named() {
            if let Some(text) = variable(name) {
                *port = text.parse().ok().filter(|port| *port != 0).ok_or_else(|| {
                    Failure::new(format!("{name}={text}: a port is a number from 1 to 65535"))
                })?;
            }
        }
        Ok(ports)
    }

    /// Fails on the first port that somebody else listens on, or that is wanted twice.
    pub fn check_free(mut self) -> Result<(), Failure> {
        // Held until all are seen, so that two of one number are found as well.
        let mut listeners = Vec::new();
        for (name, port) in self.named() {
            let listener = TcpListener::bind(loopback(*port)).map_err(|error| {
                Failure::new(format!(
                    "port {port} cannot be had ({error}). Stop what listens there, or choose \
                     another one: {name}={} make run",
                    port.wrapping_add(10_000).max(1024)
                ))
            })?;
            listeners.push(listener);
        }
        Ok(())
    }

    fn named(&mut self) -> [(&'static str, &mut u16); 8] {
        [
            ("LINTEL_DEV_API_PORT", &mut self.api),
            ("LINTEL_DEV_API_ADMIN_PORT", &mut self.api_admin),
            ("LINTEL_DEV_HTTPS_PORT", &mut self.https),
            ("LINTEL_DEV_HTTP_PORT", &mut self.http),
            ("LINTEL_DEV_EDGE_ADMIN_PORT", &mut self.edge_admin),
            ("LINTEL_DEV_ORIGIN_PORT", &mut self.origin),
            ("LINTEL_DEV_PROVIDER_PORT", &mut self.provider),
            ("LINTEL_DEV_APPLICATION_PORT", &mut self.application),
        ]
    }
}

impl Default for Ports {
    fn default() -> Self {
        Self {
            api: 8787,
            api_admin: 8788,
            https: 8443,
            http: 8080,
            edge_admin: 9901,
            origin: 8789,
            provider: 8790,
            application: 8791,
        }
    }
}

/// A port of this machine, seen from itself alone.
#[must_use]
pub fn loopback(port: u16) -> SocketAddr {
    SocketAddr::from((Ipv4Addr::LOCALHOST, port))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bad_port_is_told_with_its_variable() {
        let variables = |name: &str| (name == "LINTEL_DEV_HTTP_PORT").then(|| "eighty".to_owned());
        let failure = Ports::from_variables(variables).unwrap_err().to_string();
        assert_eq!(failure, "LINTEL_DEV_HTTP_PORT=eighty: a port is a number from 1 to 65535");
    }

    #[test]
    fn a_taken_port_is_told_with_its_number_and_its_variable() {
        let other = TcpListener::bind(loopback(0)).unwrap();
        let port = other.local_addr().unwrap().port();
        let failure =
            Ports { https: port, ..Ports::default() }.check_free().unwrap_err().to_string();
        // One of the default ports may be taken on this machine too; then that one is told first.
        let told = failure.contains(&format!("port {port} "))
            && failure.contains("LINTEL_DEV_HTTPS_PORT=");
        assert!(told || failure.contains("LINTEL_DEV_API"), "{failure}");
    }
}
