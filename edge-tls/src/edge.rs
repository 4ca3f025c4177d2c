//! A whole point of presence, put together.

use std::io;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use edge_state::change::PointOfPresence;
use tokio::net::TcpListener;
use tokio::sync::watch;

use crate::admin::Admin;
use crate::certificate::Certificates;
use crate::config::Config;
use crate::forward::Gateway;
use crate::kv::Kv;
use crate::listener::{Front, Port};
use crate::local::{self, Socket};
use crate::metrics;
use crate::replica::pull::{Feed, PullError};
use crate::replica::{DiskError, Replica};
use crate::shutdown::Lifetime;
use crate::tls::Tls;
use crate::workerd::{Workerd, WorkerdError};

const SWEEP_EVERY: Duration = Duration::from_secs(30);

/// A running point of presence.
pub struct Edge {
    addresses: Addresses,
    replica: Replica,
    certificates: Arc<Certificates>,
    workerd: watch::Receiver<Option<PathBuf>>,
    drain_timeout: Duration,
    lifetime: Lifetime,
}

/// Where a point of presence listens, with the ports that the system chose.
#[derive(Clone, Copy, Debug)]
pub struct Addresses {
    /// TLS.
    pub https: SocketAddr,
    /// Plain.
    pub http: SocketAddr,
    /// The operator's.
    pub admin: SocketAddr,
    /// The egress proxy's port, if it has one.
    pub egress: Option<SocketAddr>,
}

/// Why it does not run.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// A port or socket is taken or forbidden.
    #[error("cannot listen on {variable}={address}: {error}")]
    Listen {
        /// The variable that says where.
        variable: &'static str,
        /// What it says.
        address: String,
        /// What the system says.
        error: io::Error,
    },
    /// The replica cannot be opened.
    #[error(transparent)]
    Replica(#[from] DiskError),
    /// TLS cannot be set up.
    #[error("TLS: {0}")]
    Tls(#[from] rustls::Error),
    /// workerd cannot be set up.
    #[error(transparent)]
    Workerd(#[from] WorkerdError),
    /// The client of the feed cannot be set up.
    #[error(transparent)]
    Feed(#[from] PullError),
}

impl Edge {
    /// Starts everything. Visitors are served from the replica on disk at once.
    pub async fn start(config: Config) -> Result<Self, StartError> {
        metrics::install();
        let lifetime = Lifetime::default();
        let workerd = Workerd {
            program: config.workerd.clone(),
            worker_dir: config.worker_dir.clone(),
            data_dir: absolute(&config.data_dir),
            pop: config.pop.clone(),
        };
        workerd.prepare()?;
        let replica = Replica::open(&workerd.data_dir.join("replica.redb"))?;
        let certificates = Arc::new(Certificates::new(replica.clone(), config.edge_keys.clone()));
        let tls = Tls::new(replica.clone(), certificates.clone())?;

        let https = listen("LINTEL_HTTPS_LISTEN", config.https_listen).await?;
        let http = listen("LINTEL_HTTP_LISTEN", config.http_listen).await?;
        let admin = listen("LINTEL_ADMIN_LISTEN", config.admin_listen).await?;
        let addresses = Addresses { https: https.1, http: http.1, admin: admin.1, egress: None };

        let (socket, workerd_up) = watch::channel(None);
        spawn_kv(&workerd, &replica, &lifetime)?;
        let answers = Admin {
            replica: replica.clone(),
            workerd: workerd_up.clone(),
            stop: lifetime.stop.clone(),
        };
        let admin = Socket::Tcp(admin.0);
        lifetime.services.spawn(local::serve(admin, Arc::new(answers), lifetime.clone()));
        spawn_workerd(workerd, socket, &lifetime);
        spawn_feed(&config, addresses, &replica, &lifetime)?;

        let gateway =
            Gateway::new(config.pop.clone(), config.limits, lifetime.clone(), workerd_up.clone());
        let gateway = Arc::new(gateway);
        spawn_sweeps(gateway.clone(), &lifetime);
        let front = Front::new(tls, gateway, config.limits, lifetime.clone());
        lifetime.services.spawn(front.clone().listen(https.0, Port::Https));
        lifetime.services.spawn(front.listen(http.0, Port::Http));
        tracing::info!(https = %addresses.https, http = %addresses.http, admin = %addresses.admin, "listening");
        let drain_timeout = config.limits.drain_timeout;
        Ok(Self { addresses, replica, certificates, workerd: workerd_up, drain_timeout, lifetime })
    }

    /// Where it listens.
    #[must_use]
    pub fn addresses(&self) -> Addresses {
        self.addresses
    }

    /// Its copy of the edge state.
    #[must_use]
    pub fn replica(&self) -> &Replica {
        &self.replica
    }

    /// Its certificates.
    #[must_use]
    pub fn certificates(&self) -> &Certificates {
        &self.certificates
    }

    /// The socket of the workerd that answers now.
    #[must_use]
    pub fn workerd(&self) -> watch::Receiver<Option<PathBuf>> {
        self.workerd.clone()
    }

    /// Lets visitors finish, then ends everything, workerd last.
    pub async fn stop(self) {
        self.lifetime.close(self.drain_timeout).await;
        tracing::info!("stopped");
    }
}

fn spawn_kv(workerd: &Workerd, replica: &Replica, lifetime: &Lifetime) -> Result<(), StartError> {
    let path = workerd.kv_socket();
    let socket = local::bind(&path).map_err(|error| {
        let address = path.display().to_string();
        StartError::Listen { variable: "LINTEL_DATA_DIR", address, error }
    })?;
    let kv = Arc::new(Kv(replica.clone()));
    lifetime.services.spawn(local::serve(socket, kv, lifetime.clone()));
    Ok(())
}

fn spawn_workerd(workerd: Workerd, socket: watch::Sender<Option<PathBuf>>, lifetime: &Lifetime) {
    let supervised = workerd.supervise(socket, lifetime.clone());
    lifetime.services.spawn(async move {
        if let Err(error) = supervised.await {
            tracing::error!(%error, "workerd is not supervised");
        }
    });
}

fn spawn_feed(
    config: &Config,
    addresses: Addresses,
    replica: &Replica,
    lifetime: &Lifetime,
) -> Result<(), StartError> {
    let or_listener = |said: &Option<String>, listener: SocketAddr| {
        said.clone().unwrap_or_else(|| listener.to_string())
    };
    let announcement = PointOfPresence {
        https_address: or_listener(&config.pop_https_address, addresses.https),
        http_address: or_listener(&config.pop_http_address, addresses.http),
    };
    let token = config.edge_token.clone();
    let feed = Feed::new(&config.control_url, token, config.pop.clone(), announcement)?;
    lifetime.services.spawn(feed.follow(replica.clone(), lifetime.end.clone()));
    Ok(())
}

fn spawn_sweeps(gateway: Arc<Gateway>, lifetime: &Lifetime) {
    let end = lifetime.end.clone();
    lifetime.services.spawn(async move {
        let mut ticks = tokio::time::interval(SWEEP_EVERY);
        loop {
            tokio::select! {
                _ = ticks.tick() => gateway.sweep(),
                () = end.cancelled() => return,
            }
        }
    });
}

async fn listen(
    variable: &'static str,
    address: SocketAddr,
) -> Result<(TcpListener, SocketAddr), StartError> {
    let wrong = |error| StartError::Listen { variable, address: address.to_string(), error };
    let listener = TcpListener::bind(address).await.map_err(wrong)?;
    let address = listener.local_addr().map_err(wrong)?;
    Ok((listener, address))
}

/// workerd resolves paths by its own rules; an absolute one means the same to all.
fn absolute(path: &std::path::Path) -> PathBuf {
    std::path::absolute(path).unwrap_or_else(|_| path.to_owned())
}
