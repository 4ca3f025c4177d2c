//! A visitor's request to workerd, and its answer back.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use http::uri::PathAndQuery;
use http::{HeaderValue, Request, Response, StatusCode, Uri, Version, header};
use http_body_util::BodyExt as _;
use hyper::body::Incoming;
use hyper::upgrade::OnUpgrade;
use hyper_util::rt::TokioIo;
use serde::Serialize;
use tokio::net::UnixStream;
use tokio::sync::watch;
use tokio::time::Instant;
use tracing::Instrument as _;

use crate::body::{Body, Paced, Progress};
use crate::client::{ExchangeError, Pool, Repeat, Uses};
use crate::client_certificate::{ClientAuthorities, TlsClientAuth};
use crate::config::Limits;
use crate::country::Countries;
use crate::exchange::{Answer, Exchange};
use crate::header as fields;
use crate::refusal::{Refusal, accepts_json};
use crate::shutdown::Lifetime;
use crate::visitor::Visitor;

/// workerd closes a connection that is idle for 5 seconds.
const KEEP: Duration = Duration::from_secs(3);
const KEEP_EACH: usize = 256;
/// How long a request waits for workerd to come back: it starts in a moment, but not on a machine
/// whose processors are all busy.
const PATIENCE: Duration = Duration::from_secs(10);
const ASK_AGAIN: Duration = Duration::from_millis(20);

/// The way to workerd.
pub struct Gateway {
    known: Known,
    limits: Limits,
    lifetime: Lifetime,
    /// workerd's socket, while it answers.
    workerd: watch::Receiver<Option<PathBuf>>,
    pool: Arc<Pool<PathBuf>>,
}

/// What is known of a visitor beside the connection.
pub struct Known {
    /// The name of this point of presence.
    pub pop: String,
    /// Where addresses are.
    pub countries: Arc<Countries>,
    /// Whose client certificates count.
    pub authorities: Arc<ClientAuthorities>,
}

/// `request.cf` of the worker.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Blob<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    tls_version: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    tls_cipher: Option<&'a str>,
    http_protocol: &'static str,
    colo: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    country: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    tls_client_auth: Option<TlsClientAuth<'a>>,
}

impl Gateway {
    /// A gateway to the workerd that `workerd` names at any time.
    #[must_use]
    pub fn new(
        known: Known,
        limits: Limits,
        lifetime: Lifetime,
        workerd: watch::Receiver<Option<PathBuf>>,
    ) -> Self {
        Self {
            known,
            limits,
            lifetime,
            workerd,
            pool: Pool::new(KEEP, KEEP_EACH, Uses::Repeatable),
        }
    }

    /// Answers one request, whatever happens.
    pub async fn answer(
        self: Arc<Self>,
        request: Request<Incoming>,
        visitor: Arc<Visitor>,
    ) -> Response<Answer> {
        let begun = Exchange::begin(visitor, request.method().clone(), &self.known.pop);
        let (exchange, admitted) = begun;
        let span = tracing::info_span!("request", ray = exchange.ray());
        self.answer_in_span(request, exchange, admitted).instrument(span).await
    }

    async fn answer_in_span(
        &self,
        request: Request<Incoming>,
        mut exchange: Exchange,
        admitted: Result<(), Refusal>,
    ) -> Response<Answer> {
        let json = accepts_json(request.headers());
        let answered = match admitted {
            Ok(()) => self.forward(request, &mut exchange).await,
            Err(refusal) => Err(refusal),
        };
        let mut response = answered.unwrap_or_else(|refusal| {
            tracing::debug!(%refusal, "refused");
            refusal.response(json, exchange.host(), exchange.ray())
        });
        response.headers_mut().insert("cf-ray", exchange.ray_value());
        let status = response.status();
        response.map(|body| exchange.answer(status, body))
    }

    async fn forward(
        &self,
        mut request: Request<Incoming>,
        exchange: &mut Exchange,
    ) -> Result<Response<Body>, Refusal> {
        let (host, host_text) = fields::host(&request)?;
        exchange.is_for(&host);
        if exchange.visitor().agreed.as_ref().is_some_and(|agreed| agreed.name != host) {
            return Err(Refusal::Misdirected);
        }
        let upgrade = fields::is_upgrade(request.version(), request.headers())
            .then(|| hyper::upgrade::on(&mut request));
        let request = self.outgoing(request, host_text, exchange, upgrade.is_some());
        let mut response = self.exchange(request).await?;
        if response.status() == StatusCode::SWITCHING_PROTOCOLS {
            let Some(visitor) = upgrade else { return Err(Refusal::Unavailable) };
            exchange.visitor().pulse.is_now_a_tunnel();
            let worker = hyper::upgrade::on(&mut response);
            self.tunnel(visitor, worker, exchange.visitor().clone());
            fields::end_hop(response.headers_mut(), true);
        } else {
            fields::end_hop(response.headers_mut(), false);
        }
        fields::remove_internal(response.headers_mut());
        Ok(response.map(|body| body.map_err(Into::into).boxed_unsync()))
    }

    /// The request as workerd shall see it.
    fn outgoing(
        &self,
        request: Request<Incoming>,
        host: HeaderValue,
        exchange: &Exchange,
        upgrade: bool,
    ) -> Request<Body> {
        let visitor = exchange.visitor();
        let blob = self.blob(visitor, request.version());
        let (mut parts, body) = request.into_parts();
        fields::end_hop(&mut parts.headers, upgrade);
        fields::remove_ours(&mut parts.headers);
        fields::join_cookies(&mut parts.headers);
        parts.headers.remove(header::EXPECT);
        parts.headers.insert(header::HOST, host);
        let scheme = if visitor.agreed.is_some() { "https" } else { "http" };
        fields::say_who(&mut parts.headers, visitor.client, scheme, &exchange.ray_value());
        if let Some(blob) = blob {
            parts.headers.insert("cf-blob", blob);
        }
        let path = parts.uri.path_and_query().cloned();
        parts.uri = Uri::from(path.unwrap_or_else(|| PathAndQuery::from_static("/")));
        parts.version = Version::HTTP_11;
        parts.extensions = http::Extensions::new();
        let body = Paced::new(body, Some(self.limits.idle_timeout), Progress::start());
        Request::from_parts(parts, body.boxed_unsync())
    }

    fn blob(&self, visitor: &Visitor, version: Version) -> Option<HeaderValue> {
        let agreed = visitor.agreed.as_ref();
        let blob = Blob {
            tls_version: agreed.map(|agreed| agreed.version),
            tls_cipher: agreed.map(|agreed| agreed.cipher.as_str()),
            http_protocol: match version {
                Version::HTTP_2 => "HTTP/2",
                Version::HTTP_10 => "HTTP/1.0",
                _ => "HTTP/1.1",
            },
            colo: &self.known.pop,
            country: self.known.countries.of(visitor.client),
            tls_client_auth: agreed.and_then(|agreed| {
                Some(self.known.authorities.say(&agreed.name, agreed.shown.as_ref()?))
            }),
        };
        HeaderValue::from_str(&serde_json::to_string(&blob).ok()?).ok()
    }

    /// Asks workerd. If it is on its way up (again), the request waits for it; what may have
    /// reached the one that ended is sent once more at most, and only if that does no harm: it may be
    /// why that one ended.
    async fn exchange(&self, mut request: Request<Body>) -> Result<Response<Incoming>, Refusal> {
        let deadline = Instant::now() + PATIENCE;
        let mut repeat = Repeat::of(&request);
        while Instant::now() < deadline {
            let socket = tokio::time::timeout_at(deadline, self.socket_other_than(None)).await;
            let socket = socket.ok().flatten().ok_or(Refusal::Unavailable)?;
            let connect = UnixStream::connect(socket.clone());
            request = match (self.pool.exchange(&socket, request, connect).await, repeat.take()) {
                (Ok(response), _) => return Ok(response),
                (Err(ExchangeError::Connect(_, unsent)), unused) => {
                    repeat = unused;
                    *unsent
                }
                (Err(ExchangeError::Http(error)), _) if error.is_user() => {
                    tracing::info!(%error, "the visitor's body did not arrive");
                    return Err(Refusal::BodyStalled);
                }
                (Err(ExchangeError::Http(_)), Some(repeat)) => repeat.request(),
                (Err(ExchangeError::Http(error)), None) => {
                    tracing::warn!(%error, "workerd ended while it had the request");
                    return Err(Refusal::Unavailable);
                }
            };
            // Another workerd, or this one, which was busy (its backlog is full), after a moment.
            let another = self.socket_other_than(Some(socket));
            let _ = tokio::time::timeout(ASK_AGAIN, another).await;
        }
        Err(Refusal::Unavailable)
    }

    /// The socket of a workerd that answers, once there is one.
    async fn socket_other_than(&self, ended: Option<PathBuf>) -> Option<PathBuf> {
        let mut workerd = self.workerd.clone();
        let up = workerd.wait_for(|socket| socket.is_some() && *socket != ended).await;
        up.ok()?.clone()
    }

    /// Carries another protocol both ways until one side ends it, or the process ends.
    fn tunnel(&self, visitor: OnUpgrade, worker: OnUpgrade, held: Arc<Visitor>) {
        let end = self.lifetime.end.clone();
        self.lifetime.visitors.spawn(async move {
            let carried = async {
                let (visitor, worker) = tokio::try_join!(visitor, worker)?;
                let (mut visitor, mut worker) = (TokioIo::new(visitor), TokioIo::new(worker));
                tokio::io::copy_bidirectional(&mut visitor, &mut worker).await?;
                Ok::<_, crate::body::Error>(())
            };
            tokio::select! {
                carried = carried => if let Err(error) = carried {
                    tracing::debug!(%error, "a tunnel broke off");
                },
                () = end.cancelled() => {}
            }
            drop(held);
        });
    }

    /// Closes connections that nobody uses.
    pub fn sweep(&self) {
        self.pool.sweep();
    }
}
