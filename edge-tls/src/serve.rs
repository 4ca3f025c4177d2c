//! HTTP on one visitor's connection: hyper's limits, and the end of those that do not move.

use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use http::{Request, Response};
use hyper::body::Incoming;
use hyper::server::conn::{http1, http2};
use hyper::service::Service;
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use tokio_util::sync::CancellationToken;

pub use crate::client::Stream;
use crate::config::Limits;
use crate::exchange::Answer;
use crate::head::{Judged, MAX_HEAD};
use crate::metrics;
use crate::pulse::{Over, Pulse};

const MAX_STREAMS: u32 = 100;
/// Rapid reset (CVE-2023-44487): streams reset by the client before we got to them.
const MAX_PENDING_RESETS: usize = 20;
/// "Made you reset" (CVE-2025-8671): streams that the client made us reset.
const MAX_LOCAL_RESETS: usize = 128;
/// HPACK bombs and endless CONTINUATION frames (CVE-2024-27316) end here.
const MAX_HEADER_LIST: u32 = 32 << 10;
/// Of each stream.
const MAX_SEND_BUFFER: usize = 64 << 10;
const PING_EVERY: Duration = Duration::from_secs(20);
const PING_ANSWER: Duration = Duration::from_secs(20);
/// For a connection that is told to end.
const LAST_WORDS: Duration = Duration::from_secs(5);

/// Serves one connection until it ends, stops moving, or the process stops.
pub async fn connection<IO, S>(
    io: IO,
    http2: bool,
    service: S,
    pulse: &Arc<Pulse>,
    limits: &Limits,
    stop: &CancellationToken,
) where
    IO: Stream,
    S: Service<Request<Incoming>, Response = Response<Answer>, Error = Infallible> + Send,
    S::Future: Send + 'static,
{
    if http2 {
        let served = http2_builder().serve_connection(TokioIo::new(io), service);
        let served = std::pin::pin!(served);
        drive(served, http2::Connection::graceful_shutdown, pulse, limits, stop).await;
    } else {
        let io = TokioIo::new(Judged::new(io, pulse.clone()));
        let served = http1_builder(limits).serve_connection(io, service).with_upgrades();
        let served = std::pin::pin!(served);
        drive(served, http1::UpgradeableConnection::graceful_shutdown, pulse, limits, stop).await;
    }
}

fn http1_builder(limits: &Limits) -> http1::Builder {
    let mut builder = http1::Builder::new();
    // hyper counts the wait for the next request as part of its head; the head's own limit is
    // the pulse's.
    builder
        .timer(TokioTimer::new())
        .header_read_timeout(limits.header_timeout.max(limits.idle_timeout))
        .max_header_size(MAX_HEAD)
        .max_buf_size(2 * MAX_HEAD);
    builder
}

fn http2_builder() -> http2::Builder<TokioExecutor> {
    let mut builder = http2::Builder::new(TokioExecutor::new());
    builder
        .timer(TokioTimer::new())
        .max_concurrent_streams(MAX_STREAMS)
        .max_pending_accept_reset_streams(MAX_PENDING_RESETS)
        .max_local_error_reset_streams(MAX_LOCAL_RESETS)
        .max_header_list_size(MAX_HEADER_LIST)
        .max_send_buf_size(MAX_SEND_BUFFER)
        .keep_alive_interval(PING_EVERY)
        .keep_alive_timeout(PING_ANSWER);
    builder
}

async fn drive<C>(
    mut connection: std::pin::Pin<&mut C>,
    end_gracefully: impl Fn(std::pin::Pin<&mut C>),
    pulse: &Pulse,
    limits: &Limits,
    stop: &CancellationToken,
) where
    C: Future<Output = hyper::Result<()>>,
{
    let mut stopping = false;
    let over = loop {
        tokio::select! {
            ended = connection.as_mut() => {
                if let Err(error) = ended {
                    tracing::debug!(%error, "connection ended");
                }
                return;
            }
            over = pulse.watch(limits) => break over,
            () = stop.cancelled(), if !stopping => {
                stopping = true;
                end_gracefully(connection.as_mut());
            }
        }
    };
    metrics::connection_cut(over.as_str());
    if over == Over::Idle {
        end_gracefully(connection.as_mut());
        let _ = tokio::time::timeout(LAST_WORDS, connection).await;
    }
}
