//! control-api: reads its configuration, starts what it consists of, and ends when asked to.

use std::process::ExitCode;

use control_api::config::Config;
use control_api::{process, telemetry};

#[tokio::main]
async fn main() -> ExitCode {
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

/// For a person, also where nobody reads logs.
fn refuse(error: &dyn std::fmt::Display) -> ExitCode {
    eprintln!("control-api: {error}");
    ExitCode::FAILURE
}
