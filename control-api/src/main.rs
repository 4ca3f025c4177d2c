//! control-api: reads its configuration, starts what it consists of, and ends when asked to.
//! `control-api access-key` prints what a worker holds, and ends.

use std::process::ExitCode;

use control_api::config::{self, Config};
use control_api::{process, telemetry};
use edge_state::seal::{ACCESS, derive_ring};
use secrecy::ExposeSecret as _;

#[tokio::main]
async fn main() -> ExitCode {
    let mut arguments = std::env::args().skip(1);
    match arguments.next().as_deref() {
        None => {}
        Some("access-key") if arguments.next().is_none() => return print_access_key(),
        Some(other) => {
            let known = "control-api takes no arguments, or `access-key`";
            return refuse(&format!("{other:?} is not known: {known}"));
        }
    }
    let config = match Config::from_env() {
        Ok(config) => config,
        Err(error) => return refuse(&error),
    };
    if let Err(error) = telemetry::start(&config.log, config.log_format) {
        return refuse(&format!("LINTEL_LOG is {:?}: {error}", config.log));
    }
    match process::run(config).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => refuse(&error),
    }
}

/// The value of the Worker secret `LINTEL_ACCESS_KEY`, from the edge key in the environment. It opens
/// what Access needs at the edge, and no certificate's key.
fn print_access_key() -> ExitCode {
    let key = match config::edge_key_from_env() {
        Ok(key) => key,
        Err(error) => return refuse(&error),
    };
    match derive_ring(key.expose_secret(), ACCESS) {
        Ok(ring) => {
            print!("{}", ring.as_str());
            ExitCode::SUCCESS
        }
        Err(error) => refuse(&format!("LINTEL_EDGE_KEY: {error}")),
    }
}

/// For a person, also where nobody reads logs.
fn refuse(error: &dyn std::fmt::Display) -> ExitCode {
    eprintln!("control-api: {error}");
    ExitCode::FAILURE
}
