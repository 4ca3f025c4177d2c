//! Structured log lines on standard error.

use tracing_subscriber::EnvFilter;

use crate::config::LogFormat;

/// Logs what `filter` (`LINTEL_LOG`) lets through. A second call changes nothing.
pub fn install(filter: &str, format: LogFormat) {
    let filter = EnvFilter::try_new(filter).unwrap_or_else(|_| EnvFilter::new("info"));
    let builder = tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr);
    let installed = match format {
        LogFormat::Json => builder.json().flatten_event(true).try_init(),
        LogFormat::Text => builder.try_init(),
    };
    if let Err(error) = installed {
        tracing::debug!(%error, "logging is set up already");
    }
}
