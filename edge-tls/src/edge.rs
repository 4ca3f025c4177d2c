//! A whole point of presence, put together.

use std::io;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use edge_state::change::PointOfPresence;
use tokio::net::TcpListener;
use tokio::sync::watch;

use crate::admin::Admin;
use crate::certificate::Certificates;
use crate::client_certificate::ClientAuthorities;
use crate::config::Config;
use crate::control::delivery::Logins;
use crate::control::{Control, Relay};
use crate::country::{Countries, CountryError};
use crate::egress::Egress;
use crate::forward::{Gateway, Known};
use crate::kv::Kv;
use crate::listener::{Front, Port};
use crate::local::{self, Socket};
use crate::replica::pull::{Feed, PullError};
use crate::replica::{DiskError, Replica};
use crate::shutdown::Lifetime;
use crate::tls::Tls;
use crate::workerd::{Workerd, WorkerdError};
use crate::{control, metrics};

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
    /// The way to origins cannot be set up.
    #[error("egress: {0}")]
    Egress(#[source] crate::body::Error),
    /// The client of the feed cannot be set up.
    #[error(transparent)]
    Feed(#[from] PullError),
    /// The way to the control plane cannot be set up.
    #[error("the way to the control plane: {0}")]
    Control(#[from] reqwest::Error),
    /// The login events cannot be kept.
    #[error(transparent)]
    Logins(#[from] control::disk::DiskError),
    /// The country database cannot be read.
    #[error(transparent)]
    Country(#[from] CountryError),
}

impl Edge {
    /// Starts everything. Visitors are served from the replica on disk at once.
    pub async fn start(config: Config) -> Result<Self, StartError> {
        metrics::install();
        let lifetime = Lifetime::default();
        let https = listen("LINTEL_HTTPS_LISTEN", config.https_listen).await?;
        let workerd = Workerd {
            program: config.workerd.clone(),
            worker_dir: config.worker_dir.clone(),
            data_dir: absolute(&config.data_dir),
            access_keys: config.access_keys.clone(),
            pop: config.pop.clone(),
            https_port: public_port(&config, https.1),
        };
        workerd.make_folder()?;
        let replica = Replica::open(&workerd.data_dir.join("replica.redb"))?; // takes its lock
        workerd.prepare()?;
        let countries = config.country_database.clone().map(Countries::open).transpose()?;
        let countries = Arc::new(countries.unwrap_or_default());
        let certificates = Arc::new(Certificates::new(replica.clone(), config.edge_keys.clone()));
        let authorities = Arc::new(ClientAuthorities::new(replica.clone()));
        let tls = Tls::new(replica.clone(), certificates.clone(), authorities.clone())?;

        let egress = match config.egress_listen {
            Some(address) => Some(listen("LINTEL_EGRESS_LISTEN", address).await?),
            None => None,
        };
        let http = listen("LINTEL_HTTP_LISTEN", config.http_listen).await?;
        let admin = listen("LINTEL_ADMIN_LISTEN", config.admin_listen).await?;
        let addresses = Addresses {
            https: https.1,
            http: http.1,
            admin: admin.1,
            egress: egress.as_ref().map(|egress| egress.1),
        };

        let (socket, workerd_up) = watch::channel(None);
        spawn_kv(&workerd, &replica, &lifetime)?;
        let answers = Admin {
            replica: replica.clone(),
            workerd: workerd_up.clone(),
            stop: lifetime.stop.clone(),
        };
        let admin = Socket::Tcp(admin.0);
        lifetime.services.spawn(local::serve(admin, Arc::new(answers), lifetime.clone()));
        spawn_control(&config, &workerd, &lifetime)?;
        let egress = spawn_egress(&config, addresses, &workerd, egress.map(|e| e.0), &lifetime)?;
        spawn_workerd(workerd, socket, &lifetime);
        spawn_feed(&config, addresses, &replica, &lifetime)?;

        let known = Known { pop: config.pop.clone(), countries: countries.clone(), authorities };
        let gateway = Gateway::new(known, config.limits, lifetime.clone(), workerd_up.clone());
        let gateway = Arc::new(gateway);
        spawn_sweeps(gateway.clone(), egress, countries, &lifetime);
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
        self.replica.settle().await;
        tracing::info!("stopped");
    }
}

/// The port that visitors see: an announced address may be another than the listener's.
fn public_port(config: &Config, listener: SocketAddr) -> u16 {
    let announced = config.pop_https_address.as_deref();
    let port = announced.and_then(|address| address.rsplit_once(':')?.1.parse().ok());
    port.unwrap_or(listener.port())
}

fn spawn_kv(workerd: &Workerd, replica: &Replica, lifetime: &Lifetime) -> Result<(), StartError> {
    let socket = bind(&workerd.kv_socket())?;
    let kv = Arc::new(Kv(replica.clone()));
    lifetime.services.spawn(local::serve(socket, kv, lifetime.clone()));
    Ok(())
}

fn spawn_control(
    config: &Config,
    workerd: &Workerd,
    lifetime: &Lifetime,
) -> Result<(), StartError> {
    let socket = bind(&workerd.control_socket())?;
    let control = Control::new(&config.control_url, config.edge_token.clone())?;
    let logins = Logins::open(&workerd.data_dir.join("logins.redb"))?;
    lifetime.services.spawn(logins.clone().deliver(control.clone(), lifetime.end.clone()));
    let relay = Arc::new(Relay::new(control, logins));
    lifetime.services.spawn(local::serve(socket, relay, lifetime.clone()));
    Ok(())
}

fn spawn_egress(
    config: &Config,
    addresses: Addresses,
    workerd: &Workerd,
    listener: Option<TcpListener>,
    lifetime: &Lifetime,
) -> Result<Arc<Egress>, StartError> {
    let own =
        [Some(addresses.https), Some(addresses.http), Some(addresses.admin), addresses.egress];
    let said = [&config.pop_https_address, &config.pop_http_address];
    let said = said.into_iter().filter_map(|text| text.as_deref()?.parse().ok());
    let own = own.into_iter().flatten().chain(said).collect();
    let egress = Egress::new(config.origins.clone(), own, lifetime.clone());
    let egress = Arc::new(egress.map_err(StartError::Egress)?);
    let sockets = [Some(bind(&workerd.egress_socket())?), listener.map(Socket::Tcp)];
    for socket in sockets.into_iter().flatten() {
        lifetime.services.spawn(local::serve(socket, egress.clone(), lifetime.clone()));
    }
    Ok(egress)
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

fn spawn_sweeps(
    gateway: Arc<Gateway>,
    egress: Arc<Egress>,
    countries: Arc<Countries>,
    lifetime: &Lifetime,
) {
    let end = lifetime.end.clone();
    lifetime.services.spawn(async move {
        let mut ticks = tokio::time::interval(SWEEP_EVERY);
        loop {
            tokio::select! {
                _ = ticks.tick() => {
                    gateway.sweep();
                    egress.sweep();
                    countries.clone().refresh().await;
                }
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

fn bind(path: &Path) -> Result<Socket, StartError> {
    local::bind(path).map_err(|error| {
        let address = path.display().to_string();
        StartError::Listen { variable: "LINTEL_DATA_DIR", address, error }
    })
}

/// workerd resolves paths by its own rules; an absolute one means the same to all.
fn absolute(path: &Path) -> PathBuf {
    std::path::absolute(path).unwrap_or_else(|_| path.to_owned())
}
