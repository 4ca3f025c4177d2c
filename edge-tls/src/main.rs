//! One point of presence: `edge-tls`, configured by environment variables (see `config`).

use std::process::ExitCode;

use edge_tls::config::Config;
use edge_tls::edge::Edge;
use edge_tls::{shutdown, telemetry};

#[tokio::main]
async fn main() -> ExitCode {
    match run().await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("edge-tls: {error}");
            ExitCode::FAILURE
        }
    }
}

async fn run() -> Result<(), Box<dyn std::error::Error>> {
    let config = Config::from_env()?;
    telemetry::install(&config.log, config.log_format);
    let lifeline = config.lifeline;
    let edge = Edge::start(config).await?;
    shutdown::requested(lifeline).await?;
    edge.stop().await;
    Ok(())
}
