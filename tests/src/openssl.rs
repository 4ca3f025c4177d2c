//! Another implementation's view of the edge: `openssl s_client`.

use std::net::SocketAddr;
use std::path::Path;
use std::process::Stdio;

use lintel_dev::{Context as _, Failure};
use tokio::process::Command;

/// What `openssl s_client` says of a handshake.
#[derive(Clone, Debug)]
pub struct Handshake {
    /// The chain leads to the given root, and the leaf is for the name.
    pub verified: bool,
    /// Such as `Server public key is 256 bit`.
    pub key_bits: u32,
    /// Such as `ECDSA` or `RSA-PSS`: what the server signed with.
    pub signature: String,
    /// Certificates that the server sent.
    pub chain_length: usize,
    /// All that it said.
    pub output: String,
}

/// Connects by name. `arguments` go to openssl, for instance `-sigalgs RSA+SHA256`.
pub async fn s_client(
    address: SocketAddr,
    name: &str,
    root: &Path,
    arguments: &[&str],
) -> Result<Handshake, Failure> {
    let output = Command::new("openssl")
        .args(["s_client", "-connect", &address.to_string(), "-servername", name])
        .args(["-verify_hostname", name, "-showcerts", "-CAfile"])
        .arg(root)
        .args(arguments)
        .stdin(Stdio::null())
        .kill_on_drop(true)
        .output()
        .await
        .context("running openssl s_client")?;
    let mut text = String::from_utf8_lossy(&output.stdout).into_owned();
    text.push_str(&String::from_utf8_lossy(&output.stderr));
    let after = |label: &str| {
        let line = text.lines().find_map(|line| line.trim().strip_prefix(label));
        line.unwrap_or_default().trim().to_owned()
    };
    let bits = after("Server public key is");
    Ok(Handshake {
        verified: text.contains("Verification: OK") && text.contains("Verified peername:"),
        key_bits: bits.split(' ').next().and_then(|bits| bits.parse().ok()).unwrap_or_default(),
        signature: after("Peer signature type:"),
        chain_length: text.matches("-----BEGIN CERTIFICATE-----").count(),
        output: text,
    })
}
