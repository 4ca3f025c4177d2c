//! HTTP/1.1 towards workerd and origins: connections are kept and used again, each for one request
//! at a time.

use std::collections::HashMap;
use std::hash::Hash;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use http::{HeaderMap, Method, Request, Response};
use http_body::Body as _;
use hyper::body::Incoming;
use hyper::client::conn::http1::{self, SendRequest};
use hyper_util::rt::TokioIo;
use tokio::io::{AsyncRead, AsyncWrite};

use crate::body::{self, Body};
use crate::early::HearsEarly;

/// What is read ahead of who takes it; hyper's 400 KB times every answer that a visitor asks for
/// and does not read is a gigabyte soon. An answer's head has to fit in.
const MAX_BUFFER: usize = 64 << 10;

/// Idle connections by what they are good for.
pub struct Pool<K> {
    idle: Mutex<HashMap<K, Vec<Idle>>>,
    /// How long a server keeps a connection that says nothing of it.
    keep: Duration,
    each: usize,
    uses: Uses,
}

/// Which requests go over kept connections.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Uses {
    /// All: a new connection is dear.
    All,
    /// Only those that may be sent again: a new connection costs little, and the other end closes
    /// kept ones when it likes, for instance after a request whose body it did not read.
    Repeatable,
}

struct Idle {
    sender: SendRequest<Body>,
    until: Instant,
}

/// Why there is no answer.
#[derive(Debug, thiserror::Error)]
pub enum ExchangeError<E> {
    /// No connection; nothing of the request was sent.
    #[error("{0}")]
    Connect(E, Box<Request<Body>>),
    /// The connection ended, or what came was no HTTP.
    #[error("{0}")]
    Http(#[from] hyper::Error),
}

/// Both directions of a connection.
pub trait Stream: AsyncRead + AsyncWrite + Unpin + Send + 'static {}

impl<T: AsyncRead + AsyncWrite + Unpin + Send + 'static> Stream for T {}

impl<K: Clone + Eq + Hash + Send + 'static> Pool<K> {
    /// Keeps idle connections for `keep` where the server does not say, at most `each` for a key.
    #[must_use]
    pub fn new(keep: Duration, each: usize, uses: Uses) -> Arc<Self> {
        Arc::new(Self { idle: Mutex::new(HashMap::new()), keep, each, uses })
    }

    /// Sends the request over a kept connection, or a new one: `connect` is awaited only then.
    ///
    /// A kept connection may have been closed at the other end meanwhile. What was not sent yet is
    /// sent over another; so is a request that may be repeated (RFC 9110 §9.2.2).
    pub async fn exchange<IO: Stream, E>(
        self: &Arc<Self>,
        key: &K,
        mut request: Request<Body>,
        connect: impl Future<Output = Result<IO, E>> + Send,
    ) -> Result<Response<Incoming>, ExchangeError<E>> {
        let repeat = Repeat::of(&request);
        let may_keep = self.uses == Uses::All || repeat.is_some();
        while let Some(mut sender) = may_keep.then(|| self.take(key)).flatten() {
            match sender.try_send_request(request).await {
                Ok(response) => return Ok(self.keep_after(key, sender, response)),
                Err(mut failed) => match (failed.take_message(), &repeat) {
                    (Some(unsent), _) => request = unsent,
                    (None, Some(repeat)) => request = repeat.request(),
                    (None, None) => return Err(failed.into_error().into()),
                },
            }
        }
        let io = match connect.await {
            Ok(io) => io,
            Err(error) => return Err(ExchangeError::Connect(error, Box::new(request))),
        };
        let mut builder = http1::Builder::new();
        builder.max_buf_size(MAX_BUFFER);
        let (mut sender, connection) = builder.handshake(TokioIo::new(HearsEarly::new(io))).await?;
        tokio::spawn(async move {
            if let Err(error) = connection.with_upgrades().await {
                tracing::debug!(%error, "connection ended");
            }
        });
        let response = sender.send_request(request).await?;
        Ok(if may_keep { self.keep_after(key, sender, response) } else { response })
    }

    /// Takes the connection back once the answer is through.
    fn keep_after(
        self: &Arc<Self>,
        key: &K,
        mut sender: SendRequest<Body>,
        response: Response<Incoming>,
    ) -> Response<Incoming> {
        let keep = announced_timeout(response.headers()).unwrap_or(self.keep);
        if response.status() == http::StatusCode::SWITCHING_PROTOCOLS || keep.is_zero() {
            return response;
        }
        let (pool, key) = (self.clone(), key.clone());
        tokio::spawn(async move {
            if sender.ready().await.is_ok() {
                pool.put(key, Idle { sender, until: Instant::now() + keep });
            }
        });
        response
    }

    fn take(&self, key: &K) -> Option<SendRequest<Body>> {
        let mut idle = self.idle();
        let kept = idle.get_mut(key)?;
        let now = Instant::now();
        while let Some(last) = kept.pop() {
            if last.until > now && last.sender.is_ready() {
                return Some(last.sender);
            }
        }
        idle.remove(key);
        None
    }

    fn put(&self, key: K, connection: Idle) {
        let mut idle = self.idle();
        let now = Instant::now();
        let kept = idle.entry(key).or_default();
        kept.retain(|kept| kept.until > now && !kept.sender.is_closed());
        if kept.len() < self.each {
            kept.push(connection);
        }
    }

    /// Closes what is out of date; called now and then, for keys that nobody asks for any more.
    pub fn sweep(&self) {
        let now = Instant::now();
        self.idle().retain(|_, kept| {
            kept.retain(|kept| kept.until > now && !kept.sender.is_closed());
            !kept.is_empty()
        });
    }

    fn idle(&self) -> MutexGuard<'_, HashMap<K, Vec<Idle>>> {
        self.idle.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A request without a body that does no harm twice (RFC 9110 §9.2.2).
pub struct Repeat(http::request::Parts);

impl Repeat {
    /// `None`: it must be sent once at most.
    #[must_use]
    pub fn of(request: &Request<Body>) -> Option<Self> {
        let safe = matches!(*request.method(), Method::GET | Method::HEAD | Method::OPTIONS);
        (safe && request.body().is_end_stream()).then(|| {
            let mut parts = Request::new(()).into_parts().0;
            parts.method = request.method().clone();
            parts.uri = request.uri().clone();
            parts.headers = request.headers().clone();
            Self(parts)
        })
    }

    /// The same request again.
    #[must_use]
    pub fn request(&self) -> Request<Body> {
        Request::from_parts(self.0.clone(), body::full(""))
    }
}

/// `Keep-Alive: timeout=5`: a second less, for the way.
fn announced_timeout(headers: &HeaderMap) -> Option<Duration> {
    let value = headers.get("keep-alive")?.to_str().ok()?;
    let seconds = value.split(',').find_map(|part| part.trim().strip_prefix("timeout="))?;
    let seconds: u64 = seconds.trim().parse().ok()?;
    Some(Duration::from_secs(seconds.saturating_sub(1).min(60)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_server_says_how_long_it_waits() {
        let timeout = |value: &'static str| {
            let headers = HeaderMap::from_iter([(
                http::header::HeaderName::from_static("keep-alive"),
                http::HeaderValue::from_static(value),
            )]);
            announced_timeout(&headers).map(|timeout| timeout.as_secs())
        };
        assert_eq!(timeout("timeout=5"), Some(4));
        assert_eq!(timeout("max=100, timeout=1000"), Some(60));
        assert_eq!(timeout("timeout=0"), Some(0));
        assert_eq!(timeout("timeout=x"), None);
    }
}
