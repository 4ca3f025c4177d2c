//! Starting all of it, in order.

use std::net::SocketAddr;
use std::path::Path;
use std::time::Duration;

use lintel_dev::Failure;
use lintel_dev::child::Program;
use lintel_dev::client::Client;
use lintel_dev::state::{BOOTSTRAP_TOKEN, EDGE_KEY, EDGE_TOKEN, MASTER_KEY, State};
use serde_json::json;
use tempfile::TempDir;

use super::{Edge, Lintel, binary, root, worker};
use crate::acme_proxy::AcmeProxy;
use crate::authority::Authority;
use crate::dns::Dns;
use crate::origin::Origin;
use crate::pebble::{Habits, Pebble};
use crate::ports::{Ports, loopback};
use crate::postgres::Postgres;
use crate::process::Process;

/// How this Lintel differs from the usual.
#[derive(Clone, Debug, Default)]
pub struct Builder {
    habits: Habits,
    postgres: bool,
    more_edges: usize,
    control_variables: Vec<(&'static str, String)>,
}

impl Builder {
    /// The control plane keeps its state in PostgreSQL.
    #[must_use]
    pub fn on_postgres(mut self) -> Self {
        self.postgres = true;
        self
    }

    /// So many points of presence beside the first.
    #[must_use]
    pub fn more_edges(mut self, count: usize) -> Self {
        self.more_edges = count;
        self
    }

    /// The CA has these habits.
    #[must_use]
    pub fn habits(mut self, habits: Habits) -> Self {
        self.habits = habits;
        self
    }

    /// control-api is configured so.
    #[must_use]
    pub fn control_variable(mut self, name: &'static str, value: impl Into<String>) -> Self {
        self.control_variables.push((name, value.into()));
        self
    }

    /// Starts everything and waits until all of it is ready.
    pub async fn start(self) -> Result<Lintel, Failure> {
        for path in [binary("control-api"), binary("edge-tls"), worker().join("index_bg.wasm")] {
            if !path.is_file() {
                let path = path.display();
                return Err(Failure::new(format!("{path} is missing. Run: make build worker")));
            }
        }
        let world = World::start(&self).await?;
        let (listen, admin) = (loopback(world.ports.next()?), loopback(world.ports.next()?));
        let mut program = world.control_api(listen, admin);
        for (name, value) in &self.control_variables {
            program = program.variable(name, value);
        }
        let control_api = Process::start(program)?;
        let mut edges = Vec::new();
        for index in 0..=self.more_edges {
            let http = if index == 0 { world.http_port } else { world.ports.next()? };
            edges.push(world.edge(&format!("pop-{}", index + 1), listen, http)?);
        }
        let bootstrap = world.state.read(BOOTSTRAP_TOKEN)?.unwrap_or_default();
        let mut lintel = Lintel {
            api: Client::new(&format!("http://{listen}/client/v4"), &bootstrap)?,
            zone: String::new(),
            account: String::new(),
            target: TARGET.to_owned(),
            control_api,
            edges,
            acme: world.acme,
            pebble: world.pebble,
            dns: world.dns,
            origin: world.origin,
            admin,
            _postgres: world.postgres,
            http: reqwest::Client::builder().no_proxy().pool_idle_timeout(KEEP).build()?,
            state: world.state,
            folder: world.folder,
            ports: world.ports,
        };
        lintel.ready().await?;
        lintel.open_tenant().await?;
        Ok(lintel)
    }
}

impl Lintel {
    /// Account, zone and token, through the public API.
    async fn open_tenant(&mut self) -> Result<(), Failure> {
        let bootstrap = self.api.clone();
        self.account = bootstrap.account("SaaS").await?;
        self.zone = bootstrap.zone(&self.account, ZONE).await?;
        bootstrap.set(&self.zone, "ssl", json!("flexible")).await?;
        let origin = format!("http://{}", self.origin.address);
        bootstrap.set_fallback_origin(&self.zone, &origin).await?;
        let token = bootstrap.create_token("tests", &self.account, &self.zone).await?;
        self.api = bootstrap.with_token(&token);
        self.dns.address(&self.target, loopback(0).ip()).await
    }
}

/// Everything around Lintel.
struct World {
    acme: AcmeProxy,
    pebble: Pebble,
    dns: Dns,
    origin: Origin,
    postgres: Option<Postgres>,
    /// Where the CA and control-api look for challenges.
    http_port: u16,
    state: State,
    folder: TempDir,
    ports: Ports,
}

impl World {
    async fn start(wanted: &Builder) -> Result<Self, Failure> {
        let folder = tempfile::Builder::new().prefix("lintel-").tempdir()?;
        let path = folder.path();
        let state = State::open(&path.join("state"))?;
        let (ports, authority) = (Ports::reserve()?, Authority::new()?);
        authority.write(path)?;
        std::fs::create_dir_all(path.join("log"))?;
        let http_port = ports.next()?;
        let origin = Origin::start(loopback(0), "the fallback origin").await?;
        let dns = Dns::start(&ports, path).await?;
        let look_at = (http_port, dns.port);
        let pebble = Pebble::start(&wanted.habits, &authority, look_at, &ports, path).await?;
        std::fs::write(path.join("ca.pem"), &pebble.root)?;
        let log = path.join("log/acme-proxy.log");
        let address = loopback(ports.next()?);
        let acme = AcmeProxy::start(address, pebble.address(), &authority, log).await?;
        let postgres = if wanted.postgres { Some(Postgres::start(&ports).await?) } else { None };
        Ok(Self { acme, pebble, dns, origin, postgres, http_port, state, folder, ports })
    }

    fn control_api(&self, listen: SocketAddr, admin: SocketAddr) -> Program {
        let database = match &self.postgres {
            Some(postgres) => postgres.url.clone(),
            None => format!("sqlite:{}", self.state.path("control.db").display()),
        };
        let roots = self.folder.path().join("root.pem");
        let logs = self.folder.path().join("log");
        let program = Program::new("control-api", &binary("control-api"), &logs);
        common(program, &self.state)
            .variable("LINTEL_DNS_SERVERS", &format!("127.0.0.1:{}", self.dns.port))
            .variable("LINTEL_LISTEN", &listen)
            .variable("LINTEL_ADMIN_LISTEN", &admin)
            .variable("DATABASE_URL", &database)
            .variable("LINTEL_MASTER_KEY_FILE", &self.state.path(MASTER_KEY).display())
            .variable("LINTEL_BOOTSTRAP_TOKEN_FILE", &self.state.path(BOOTSTRAP_TOKEN).display())
            .variable("LINTEL_ACME_AUTHORITIES", &format!("pebble={}", self.acme.directory()))
            .variable("LINTEL_ACME_CONTACT", "mailto:certificates@saas.test")
            .variable("LINTEL_ACME_ROOTS_FILE", &roots.display())
            .variable("LINTEL_EDGE_ADDRESSES", "127.0.0.1")
            .variable("LINTEL_VALIDATION_HTTP_PORT", &self.http_port)
            .variable("LINTEL_ALLOWED_RESERVED_TLDS", "test")
            .variable("LINTEL_RETRY_BASE_MILLIS", "200")
    }

    fn edge(&self, name: &str, control: SocketAddr, http_port: u16) -> Result<Edge, Failure> {
        let https = loopback(self.ports.next()?);
        let (http, admin) = (loopback(http_port), loopback(self.ports.next()?));
        let program = edge_program((name, self.folder.path()), &self.state, (https, http, admin))
            .variable("LINTEL_CONTROL_URL", &format!("http://{control}"))
            .variable("LINTEL_DNS_SERVERS", &format!("127.0.0.1:{}", self.dns.port));
        let process = Process::start(program)?;
        Ok(Edge { process, name: name.to_owned(), https, http, admin })
    }
}

/// edge-tls with the built worker, in a folder, at its https, http and admin addresses.
#[must_use]
pub fn edge_program(
    (name, folder): (&str, &Path),
    state: &State,
    (https, http, admin): (SocketAddr, SocketAddr, SocketAddr),
) -> Program {
    let program = common(Program::new(name, &binary("edge-tls"), &folder.join("log")), state)
        .variable("LINTEL_HTTPS_LISTEN", &https)
        .variable("LINTEL_HTTP_LISTEN", &http)
        .variable("LINTEL_ADMIN_LISTEN", &admin)
        .variable("LINTEL_POP_NAME", name)
        .variable("LINTEL_DRAIN_TIMEOUT_SECS", "5")
        .variable("LINTEL_DATA_DIR", &folder.join(name).display())
        .variable("LINTEL_WORKER_DIR", &worker().display());
    if std::env::var_os("LINTEL_WORKERD").is_some() {
        return program;
    }
    let workerd = root().join("node_modules/workerd/bin/workerd");
    program.variable("LINTEL_WORKERD", &workerd.display())
}

fn common(program: Program, state: &State) -> Program {
    program
        .variable("LINTEL_EDGE_KEY_FILE", &state.path(EDGE_KEY).display())
        .variable("LINTEL_EDGE_TOKEN_FILE", &state.path(EDGE_TOKEN).display())
        .variable("LINTEL_ALLOW_PRIVATE_NETWORKS", "true")
        .variable("LINTEL_LOG_FORMAT", "text")
}

/// control-api closes a connection that is idle for 30 s: a request must not meet that moment.
const KEEP: Duration = Duration::from_secs(15);
/// The SaaS company's domain, and what its customers point their CNAME at.
const ZONE: &str = "saas.test";
const TARGET: &str = "customers.saas.test";
