//! The worker's way to origins: its `ORIGIN` binding. The worker says where to, this decides
//! whether that may be, connects, and passes requests and answers on as they are.
//!
//! - [`directions`]: what the worker says
//! - [`address`]: where a connection may go
//! - [`connect`]: TCP and TLS
//! - [`fault`]: why there is no answer

pub mod address;
pub mod connect;
pub mod directions;
pub mod fault;

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use http::{HeaderValue, Request, Response, StatusCode, Uri, Version, header};
use http_body_util::BodyExt as _;
use hyper::body::Incoming;
use hyper::upgrade::OnUpgrade;
use hyper_util::rt::TokioIo;
use tokio::time::Instant;
use tracing::Instrument as _;

use self::address::Addresses;
use self::connect::Tls;
use self::directions::{Directions, Route};
use self::fault::Fault;
use crate::body::{self, Body, Lingering, Paced, Progress};
use crate::client::{ExchangeError, Pool, Stream, Uses};
use crate::config::Origins;
use crate::header as fields;
use crate::local::Answer;
use crate::metrics;
use crate::shutdown::Lifetime;

/// What most servers keep idle connections for, and more; those with less say so.
const KEEP: Duration = Duration::from_secs(30);
const KEEP_EACH: usize = 64;
/// Tells the worker that the answer is ours, and why.
const ERROR: &str = "x-lintel-upstream-error";

/// The worker's way to origins.
pub struct Egress {
    origins: Origins,
    addresses: Addresses,
    tls: Tls,
    pool: Arc<Pool<Route>>,
    lifetime: Lifetime,
}

impl Egress {
    /// The way out; `own` are the listeners that it never leads to.
    pub fn new(
        origins: Origins,
        own: Vec<SocketAddr>,
        lifetime: Lifetime,
    ) -> Result<Self, body::Error> {
        let addresses = Addresses::new(&origins, own)?;
        let tls = Tls::new(&origins.extra_roots)?;
        Ok(Self { origins, addresses, tls, pool: Pool::new(KEEP, KEEP_EACH, Uses::All), lifetime })
    }

    /// Closes connections that nobody uses.
    pub fn sweep(&self) {
        self.pool.sweep();
    }

    async fn forward(&self, mut request: Request<Lingering>) -> Result<Response<Body>, Fault> {
        let directions = directions(&request)?;
        let route = directions.route(&self.origins);
        let route = route.ok_or_else(|| Fault::Directions("no server name".into()))?;
        if !directions.is_safe(&route, &self.origins) {
            return Err(Fault::InTheClear);
        }
        let upgrade = fields::is_upgrade(request.version(), request.headers())
            .then(|| hyper::upgrade::on(&mut request));
        let progress = Progress::start();
        let request = outgoing(request, &directions, upgrade.is_some(), &progress)?;
        let connect = Box::pin(self.connect(&route));
        let exchange = self.pool.exchange(&route, request, connect);
        let mut response = self.in_time(exchange, &progress).await?;
        if response.status() == StatusCode::SWITCHING_PROTOCOLS {
            let Some(worker) = upgrade else {
                return Err(Fault::Connect("the origin changed the protocol unasked".into()));
            };
            self.tunnel(worker, hyper::upgrade::on(&mut response));
            fields::end_hop(response.headers_mut(), true);
        } else {
            fields::end_hop(response.headers_mut(), false);
        }
        fields::remove_internal(response.headers_mut());
        Ok(response.map(|body| body.map_err(Into::into).boxed_unsync()))
    }

    async fn connect(&self, route: &Route) -> Result<Box<dyn Stream>, Fault> {
        let connected = async {
            let addresses = self.addresses.of(&route.host, route.port).await?;
            let stream = connect::tcp(&addresses).await?;
            self.tls.protect(stream, route.protection, &route.server_name).await
        };
        let connected = tokio::time::timeout(self.origins.connect_timeout, connected).await;
        connected.map_err(|_| Fault::Timeout("connection"))?
    }

    /// An origin has its time to answer from when the request is through.
    async fn in_time(
        &self,
        exchange: impl Future<Output = Result<Response<Incoming>, ExchangeError<Fault>>>,
        progress: &Progress,
    ) -> Result<Response<Incoming>, Fault> {
        let mut exchange = std::pin::pin!(exchange);
        loop {
            let deadline = progress.last() + self.origins.response_timeout;
            match tokio::time::timeout_at(deadline, exchange.as_mut()).await {
                Ok(Ok(response)) => return Ok(response),
                Ok(Err(ExchangeError::Connect(fault, _))) => return Err(fault),
                Ok(Err(ExchangeError::Http(error))) => {
                    return Err(Fault::Connect(error.to_string()));
                }
                Err(_) if progress.last() + self.origins.response_timeout > Instant::now() => {}
                Err(_) => return Err(Fault::Timeout("answer")),
            }
        }
    }

    fn tunnel(&self, worker: OnUpgrade, origin: OnUpgrade) {
        let end = self.lifetime.end.clone();
        self.lifetime.services.spawn(async move {
            let carried = async {
                let (worker, origin) = tokio::try_join!(worker, origin)?;
                let (mut worker, mut origin) = (TokioIo::new(worker), TokioIo::new(origin));
                tokio::io::copy_bidirectional(&mut worker, &mut origin).await?;
                Ok::<_, body::Error>(())
            };
            tokio::select! {
                carried = carried => if let Err(error) = carried {
                    tracing::debug!(%error, "a tunnel to an origin broke off");
                },
                () = end.cancelled() => {}
            }
        });
    }
}

impl Answer for Egress {
    async fn answer(self: Arc<Self>, request: Request<Incoming>) -> Response<Body> {
        let ray = request.headers().get("cf-ray").and_then(|ray| ray.to_str().ok());
        let span = tracing::info_span!("egress", ray = ray.unwrap_or("-"));
        let request = request.map(Lingering::new);
        let answered = self.forward(request).instrument(span.clone()).await;
        answered.map_or_else(
            |fault| {
                let (status, code) = fault.code();
                span.in_scope(|| tracing::warn!(%fault, "no answer from the origin"));
                metrics::upstream(code);
                let mut response = Response::new(body::full(""));
                *response.status_mut() = status;
                response.headers_mut().insert(ERROR, HeaderValue::from_static(code));
                response
            },
            |response| {
                metrics::upstream("answered");
                response
            },
        )
    }
}

fn directions<B>(request: &Request<B>) -> Result<Directions, Fault> {
    let mut values = request.headers().get_all(directions::NAME).iter();
    let (Some(value), None) = (values.next(), values.next()) else {
        return Err(Fault::Directions(format!("{} is needed once", directions::NAME)));
    };
    Directions::read(value).map_err(|error| Fault::Directions(error.to_string()))
}

/// The request as the origin shall see it.
fn outgoing(
    request: Request<Lingering>,
    directions: &Directions,
    upgrade: bool,
    progress: &Progress,
) -> Result<Request<Body>, Fault> {
    let (mut parts, body) = request.into_parts();
    fields::end_hop(&mut parts.headers, upgrade);
    fields::remove_internal(&mut parts.headers);
    parts.headers.remove(header::EXPECT);
    let target = directions.target().map_err(|error| Fault::Directions(error.to_string()))?;
    let target = target.or_else(|| parts.uri.path_and_query().cloned());
    let target = target.filter(|target| target.as_str().starts_with('/'));
    let target = target.ok_or_else(|| Fault::Directions("no path".into()))?;
    parts.uri = Uri::from(target);
    parts.version = Version::HTTP_11;
    parts.extensions = http::Extensions::new();
    let body = Paced::new(body, None, progress.clone());
    Ok(Request::from_parts(parts, body.boxed_unsync()))
}
