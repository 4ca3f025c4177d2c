//! Stands between control-api and the CA: refuses, loses, holds and counts what passes.
//!
//! The CA builds its URLs from the Host that it is asked for, so that everything comes through here.

mod serve;

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use lintel_dev::{Context as _, Failure};
use serde_json::{Value, json};
use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio_rustls::TlsAcceptor;

use crate::authority::Authority;
use crate::until::until;

/// What a request to the CA is for.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub enum Step {
    /// The directory, a nonce, an account: whatever is not about one order.
    Other,
    /// `newOrder`
    NewOrder,
    /// Reading an authorization
    Authorization,
    /// Saying that a challenge is ready to be checked, or reading it
    Challenge,
    /// Reading an order
    Order,
    /// `finalize`
    Finalize,
    /// Downloading a chain
    Certificate,
}

/// One request that the CA has answered, or that was refused in its place.
#[derive(Clone, Debug)]
pub struct Exchange {
    /// What it was for.
    pub step: Step,
    /// The request's path: names the order, challenge or certificate.
    pub path: String,
    /// Of a `newOrder`: the hostname.
    pub hostname: Option<String>,
    /// Of a `newOrder`: the path of the order that the CA made.
    pub order: Option<String>,
    /// The CA says that the order at this path is dead.
    pub invalid: bool,
    /// Of the answer.
    pub status: u16,
}

/// What becomes of a request.
#[derive(Clone, Debug)]
enum Fault {
    /// A problem document (RFC 8555 §6.7) in place of the CA's answer; the CA sees nothing.
    Refuse { status: u16, problem: Value },
    /// The CA acts, and its answer never arrives.
    LoseAnswer,
    /// Waits before the CA sees it, or before its answer goes on.
    Hold { moment: Moment, gate: watch::Receiver<Gate>, reached: watch::Sender<usize> },
}

/// On which side of the CA's action a request is held.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Moment {
    /// The CA has not seen the request.
    Before,
    /// The CA has acted; nobody has seen its answer.
    After,
}

#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Gate {
    Shut,
    Open,
    Broken,
}

struct Rule {
    id: u64,
    step: Step,
    /// For this hostname's `newOrder` alone.
    hostname: Option<String>,
    /// So many that the CA accepts pass first.
    pass: usize,
    fault: Fault,
}

/// The running proxy. Dropping it closes it.
pub struct AcmeProxy {
    state: Arc<State>,
    address: SocketAddr,
    server: tokio::task::JoinHandle<()>,
}

struct State {
    /// `localhost:port` of the CA.
    upstream: String,
    client: reqwest::Client,
    log: PathBuf,
    inner: Mutex<Inner>,
}

#[derive(Default)]
struct Inner {
    down: bool,
    rules: Vec<Rule>,
    next_rule: u64,
    exchanges: Vec<Exchange>,
}

/// Requests of one step are held as long as this lives; then those held are cut off.
pub struct Hold {
    state: Arc<State>,
    rule: u64,
    gate: watch::Sender<Gate>,
    reached: watch::Receiver<usize>,
}

impl AcmeProxy {
    /// Listens on `address`, before the CA at `upstream` (`localhost:port`).
    pub async fn start(
        address: SocketAddr,
        upstream: String,
        authority: &Authority,
        log: PathBuf,
    ) -> Result<Self, Failure> {
        let listener = TcpListener::bind(address).await.context("the ACME proxy's port")?;
        let acceptor = TlsAcceptor::from(authority.server()?);
        let inner = Mutex::new(Inner::default());
        let state = Arc::new(State { upstream, client: authority.client()?, log, inner });
        let server = tokio::spawn(serve::accept(listener, acceptor, state.clone()));
        Ok(Self { state, address, server })
    }

    /// The CA's directory, through this proxy.
    #[must_use]
    pub fn directory(&self) -> String {
        format!("https://localhost:{}/dir", self.address.port())
    }

    /// The CA does not answer at all, until it is healed.
    pub fn take_down(&self) {
        self.state.inner().down = true;
    }

    /// The CA refuses this step. `pass` requests get through first.
    pub fn refuse(&self, step: Step, pass: usize, problem: (u16, &str, &str)) {
        let (status, kind, detail) = problem;
        let kind = format!("urn:ietf:params:acme:error:{kind}");
        let problem = json!({ "type": kind, "detail": detail, "status": status });
        self.state.inner().add(step, None, pass, Fault::Refuse { status, problem });
    }

    /// The CA refuses orders for one hostname.
    pub fn refuse_orders(&self, hostname: &str, problem: (u16, &str, &str)) {
        let (status, kind, detail) = problem;
        let kind = format!("urn:ietf:params:acme:error:{kind}");
        let problem = json!({ "type": kind, "detail": detail, "status": status });
        let hostname = Some(hostname.to_owned());
        self.state.inner().add(Step::NewOrder, hostname, 0, Fault::Refuse { status, problem });
    }

    /// The CA acts on this step, but its answers never arrive. `pass` get through first.
    pub fn lose_answers(&self, step: Step, pass: usize) {
        self.state.inner().add(step, None, pass, Fault::LoseAnswer);
    }

    /// Holds all requests of this step.
    #[must_use]
    pub fn hold(&self, moment: Moment, step: Step) -> Hold {
        let (gate, shut) = watch::channel(Gate::Shut);
        let (counter, reached) = watch::channel(0);
        let fault = Fault::Hold { moment, gate: shut, reached: counter };
        let rule = self.state.inner().add(step, None, 0, fault);
        Hold { state: self.state.clone(), rule, gate, reached }
    }

    /// Ends every refusal and every outage.
    pub fn heal(&self) {
        let mut inner = self.state.inner();
        inner.down = false;
        inner.rules.retain(|rule| matches!(rule.fault, Fault::Hold { .. }));
    }

    /// Everything that was answered, in order.
    #[must_use]
    pub fn exchanges(&self) -> Vec<Exchange> {
        self.state.inner().exchanges.clone()
    }

    /// How many requests of this step were answered, whatever the answer.
    #[must_use]
    pub fn answered(&self, step: Step) -> usize {
        self.exchanges().iter().filter(|exchange| exchange.step == step).count()
    }

    /// How many orders the CA accepted for a hostname, without those that it ended itself: its own
    /// look at the challenge comes to nothing where it waits two seconds for a busy DNS.
    #[must_use]
    pub fn orders(&self, hostname: &str) -> usize {
        let exchanges = self.exchanges();
        let accepted = exchanges.iter().filter(|exchange| {
            exchange.hostname.as_deref() == Some(hostname) && exchange.status < 300
        });
        let dead = |exchange: &&Exchange| {
            exchanges.iter().any(|read| read.invalid && Some(&read.path) == exchange.order.as_ref())
        };
        accepted.filter(|exchange| !dead(exchange)).count()
    }

    /// How often the CA accepted to finalize, by order: more than once would be an error.
    #[must_use]
    pub fn finalized(&self) -> BTreeMap<String, usize> {
        let mut counts = BTreeMap::new();
        for exchange in self.exchanges() {
            if exchange.step == Step::Finalize && exchange.status < 300 {
                *counts.entry(exchange.path).or_default() += 1;
            }
        }
        counts
    }
}

impl Hold {
    /// Waits until a request stands here.
    pub async fn reached(&self) -> Result<(), Failure> {
        until("a request to the CA is held", async || match *self.reached.borrow() {
            0 => Err(Failure::new("none so far")),
            _ => Ok(()),
        })
        .await
    }

    /// Lets those held and all later ones go on.
    pub fn release(self) {
        self.gate.send_replace(Gate::Open);
    }
}

impl Drop for Hold {
    fn drop(&mut self) {
        self.gate.send_if_modified(|gate| match gate {
            Gate::Shut => {
                *gate = Gate::Broken;
                true
            }
            Gate::Open | Gate::Broken => false,
        });
        self.state.inner().rules.retain(|rule| rule.id != self.rule);
    }
}

impl Drop for AcmeProxy {
    fn drop(&mut self) {
        self.server.abort();
    }
}

impl State {
    fn inner(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Inner {
    fn add(&mut self, step: Step, hostname: Option<String>, pass: usize, fault: Fault) -> u64 {
        self.next_rule += 1;
        let id = self.next_rule;
        self.rules.push(Rule { id, step, hostname, pass, fault });
        id
    }

    /// The faults of one request.
    fn faults(&self, step: Step, hostname: Option<&str>) -> Vec<Fault> {
        let meant = self.rules.iter().filter(|rule| rule.is_meant(step, hostname));
        meant.filter(|rule| rule.pass == 0).map(|rule| rule.fault.clone()).collect()
    }

    /// Counts a request that got through. One that the CA did not accept, for its nonce perhaps,
    /// comes again and is no other one.
    fn got_through(&mut self, exchange: &Exchange) {
        let hostname = exchange.hostname.as_deref();
        let meant = self.rules.iter_mut().filter(|rule| rule.is_meant(exchange.step, hostname));
        for rule in meant.filter(|_| exchange.status < 300) {
            rule.pass = rule.pass.saturating_sub(1);
        }
    }
}

impl Rule {
    fn is_meant(&self, step: Step, hostname: Option<&str>) -> bool {
        self.step == step && (self.hostname.is_none() || self.hostname.as_deref() == hostname)
    }
}

/// Problems that a CA may have with a request, for [`AcmeProxy::refuse`].
pub mod problem {
    /// HTTP status, kind (RFC 8555 §6.7), detail.
    pub type Problem = (u16, &'static str, &'static str);

    /// The CA's limits.
    pub const RATE_LIMITED: Problem =
        (429, "rateLimited", "too many certificates already issued for this name");
    /// The CA's policy.
    pub const REJECTED: Problem =
        (403, "rejectedIdentifier", "policy forbids issuing for this name");
    /// The CA is broken.
    pub const INTERNAL: Problem = (500, "serverInternal", "the CA is not well");
}
