//! What the process consists of: starts it in order, waits for the end, ends it gracefully.

use std::io::Read as _;
use std::net::SocketAddr;
use std::sync::Arc;

use secrecy::ExposeSecret as _;
use tokio::net::TcpListener;
use tokio::signal::unix::{SignalKind, signal};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::admin::{self, Admin};
use crate::api::{self, App};
use crate::clock::Clock;
use crate::config::Config;
use crate::engine::Engine;
use crate::feed::{EdgeToken, Feed};
use crate::net::http::Outside;
use crate::people::{self, People};
use crate::publisher::Publisher;
use crate::publisher::cloudflare::{Namespace, RequestError, Settings};
use crate::runner::{AssemblyError, Runner};
use crate::store::Db;
use crate::store::changes::Bell;
use crate::vault::{self, InvalidKeys, Keys, Vault};
use crate::{feed, housekeeping, metrics, router, server};

/// Why the process could not start. Says what to do.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// A variable that reads well and yet is none.
    #[error("{variable}: {error}")]
    Keys {
        /// Its name.
        variable: &'static str,
        /// What is wrong.
        error: InvalidKeys,
    },
    /// The database does not answer, or its schema is newer than this program.
    #[error("DATABASE_URL: the database cannot be opened: {0}")]
    Database(#[from] sqlx::Error),
    /// The keys are not the ones that this database was made with.
    #[error("LINTEL_MASTER_KEY, LINTEL_EDGE_KEY: {0}")]
    Vault(#[from] vault::Error),
    /// Certificates cannot be ordered.
    #[error(transparent)]
    Runner(#[from] AssemblyError),
    /// The address is taken, or not this machine's.
    #[error(
        "{variable}: cannot listen on {address}: {error}; set another address, or stop what listens there"
    )]
    Listen {
        /// Its name.
        variable: &'static str,
        /// Its value.
        address: SocketAddr,
        /// From the system.
        error: std::io::Error,
    },
    /// The system refuses signal handlers.
    #[error("signals cannot be handled: {0}")]
    Signals(std::io::Error),
    /// Workers KV cannot be asked.
    #[error("LINTEL_WORKERS_KV_URL: {0}")]
    Publisher(RequestError),
    /// Only one recorder of metrics can be in a process.
    #[error("metrics cannot be recorded: {0}")]
    Metrics(#[from] metrics_exporter_prometheus::BuildError),
}

/// Runs until SIGTERM, SIGINT or the end of the lifeline.
pub async fn run(config: Config) -> Result<(), StartError> {
    let stop = CancellationToken::new();
    watch_signals(stop.clone())?;
    if config.lifeline {
        watch_lifeline(stop.clone());
    }
    let metrics = metrics::install()?;
    let clock = Clock::system();
    let db = Db::open(config.database_url.expose_secret()).await?;
    let vault = open_vault(&config, &db, &clock).await?;
    let bell = Bell::default();
    let engine = Engine::configured(&config, vault.clone(), bell.clone());
    let runner =
        Runner::configured(&config, db.clone(), vault.clone(), clock.clone(), engine.clone());
    let runner = Arc::new(runner.await?);
    let publisher = publisher(&config, &db, &bell)?;
    let listener = bind("LINTEL_LISTEN", config.listen).await?;
    let operator = bind("LINTEL_ADMIN_LISTEN", config.admin_listen).await?;

    let people =
        People::configured(&config, db.clone(), clock.clone(), vault.clone(), bell.clone());
    let feed = Feed::new(db.clone(), bell, &config.edge_token, stop.clone());
    let questions = people::edge::router(people.clone(), EdgeToken::new(&config.edge_token));
    let beside = router::beside(feed, runner.issuers.root_pem()).merge(questions);
    let tasks = TaskTracker::new();
    tasks.spawn(housekeeping::run(db.clone(), clock.clone(), stop.clone()));
    tasks.spawn(vault::rotation::rotate(vault.clone(), db.clone(), stop.clone()));
    tasks.spawn(feed::tidy(db.clone(), stop.clone()));
    tasks.spawn(people.clone().send_mail(stop.clone()));
    tasks.spawn(people.keep_house(stop.clone()));
    if let Some(publisher) = publisher {
        tasks.spawn(publisher.run(stop.clone()));
    }
    if config.runner {
        tasks.spawn(runner.run(stop.clone()));
    }
    tracing::info!(listen = %config.listen, admin_listen = %config.admin_listen, "ready");
    let outside = Outside::configured(&config);
    let app = App { db: db.clone(), clock, config: Arc::new(config), vault, engine, outside };
    tasks.spawn(api::access::keys::rotate_when_due(app.clone(), stop.clone()));
    tasks.spawn(api::access::metadata_polling::run(app.clone(), stop.clone()));
    tasks.spawn(api::access::applications::saml_certificates::complete(app.clone(), stop.clone()));
    tasks.spawn(server::serve(listener, router::router(app, beside), stop.clone()));
    // Last: who sees this listener ready finds everything else running.
    let admin = admin::router(Admin { db: db.clone(), metrics });
    tasks.spawn(server::serve(operator, admin, stop.clone()));

    stop.cancelled().await;
    tracing::info!("ending");
    tasks.close();
    tasks.wait().await;
    db.close().await;
    Ok(())
}

/// Passes the edge state on to Workers KV, where that is configured.
fn publisher(config: &Config, db: &Db, bell: &Bell) -> Result<Option<Publisher>, StartError> {
    let Some(kv) = &config.workers_kv else { return Ok(None) };
    let settings = Settings { base: kv.url.to_string(), token: Some(kv.token.clone()) };
    let namespace = Namespace::new(&settings).map_err(StartError::Publisher)?;
    Ok(Some(Publisher::new(namespace, db.clone(), bell.clone())))
}

async fn open_vault(config: &Config, db: &Db, clock: &Clock) -> Result<Arc<Vault>, StartError> {
    let keys = |variable, text: &secrecy::SecretString| {
        Keys::parse(text.expose_secret()).map_err(|error| StartError::Keys { variable, error })
    };
    let master = keys("LINTEL_MASTER_KEY", &config.master_key)?;
    let edge = keys("LINTEL_EDGE_KEY", &config.edge_key)?;
    let vault = Vault::new(master, edge);
    vault.check(db, clock.now_millis()).await?;
    Ok(Arc::new(vault))
}

async fn bind(variable: &'static str, address: SocketAddr) -> Result<TcpListener, StartError> {
    let listener = TcpListener::bind(address).await;
    listener.map_err(|error| StartError::Listen { variable, address, error })
}

fn watch_signals(stop: CancellationToken) -> Result<(), StartError> {
    let mut terminate = signal(SignalKind::terminate()).map_err(StartError::Signals)?;
    let mut interrupt = signal(SignalKind::interrupt()).map_err(StartError::Signals)?;
    tokio::spawn(async move {
        tokio::select! {
            _ = terminate.recv() => {}
            _ = interrupt.recv() => {}
        }
        stop.cancel();
    });
    Ok(())
}

/// Ends with whoever holds the other end of standard input, so that no child outlives its parent.
/// A thread of its own: the runtime would wait at its end for a read that never returns.
fn watch_lifeline(stop: CancellationToken) {
    std::thread::spawn(move || {
        let mut buffer = [0; 64];
        while matches!(std::io::stdin().read(&mut buffer), Ok(1..)) {}
        stop.cancel();
    });
}
