//! HTTP/1.1 for this machine alone: what workerd, the operator and Prometheus ask.

use std::convert::Infallible;
use std::io;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use http::{Request, Response};
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::net::{TcpListener, UnixListener};

use crate::body::Body;
use crate::client::Stream;
use crate::head::MAX_HEAD;
use crate::shutdown::Lifetime;

/// workerd keeps its connections longer than it uses them; ending one under its hands costs a
/// request.
const IDLE: Duration = Duration::from_hours(1);
/// A visitor's head, and its target once more in the worker's directions.
const MAX_BUFFER: usize = 4 * MAX_HEAD;
const RETRY_ACCEPT: Duration = Duration::from_millis(100);

/// Where to listen.
pub enum Socket {
    /// A port.
    Tcp(TcpListener),
    /// A path, in a folder that only this user may enter.
    Unix(UnixListener),
}

/// Who answers.
pub trait Answer: Send + Sync + 'static {
    /// Answers one request.
    fn answer(
        self: Arc<Self>,
        request: Request<Incoming>,
    ) -> impl Future<Output = Response<Body>> + Send;
}

/// Binds a path, in place of a socket that an earlier process left.
pub fn bind(path: &Path) -> io::Result<Socket> {
    match std::fs::remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        _ => UnixListener::bind(path).map(Socket::Unix),
    }
}

/// Answers until everything ends: what is served here outlives the visitors.
pub async fn serve<A: Answer>(socket: Socket, answers: Arc<A>, lifetime: Lifetime) {
    loop {
        let accepted = tokio::select! {
            accepted = accept(&socket) => accepted,
            () = lifetime.end.cancelled() => return,
        };
        match accepted {
            Ok(io) => {
                let (answers, end) = (answers.clone(), lifetime.end.clone());
                lifetime.services.spawn(async move {
                    tokio::select! {
                        () = connection(io, answers) => {}
                        () = end.cancelled() => {}
                    }
                });
            }
            Err(error) => {
                tracing::error!(%error, "cannot accept on a local socket");
                tokio::time::sleep(RETRY_ACCEPT).await;
            }
        }
    }
}

async fn accept(socket: &Socket) -> io::Result<Box<dyn Stream>> {
    Ok(match socket {
        Socket::Tcp(listener) => {
            let (stream, _) = listener.accept().await?;
            stream.set_nodelay(true)?;
            Box::new(stream)
        }
        Socket::Unix(listener) => Box::new(listener.accept().await?.0),
    })
}

async fn connection<A: Answer>(io: Box<dyn Stream>, answers: Arc<A>) {
    let service = service_fn(move |request| {
        let answers = answers.clone();
        async move { Ok::<_, Infallible>(answers.answer(request).await) }
    });
    let mut builder = http1::Builder::new();
    builder.timer(TokioTimer::new()).header_read_timeout(IDLE).max_buf_size(MAX_BUFFER);
    let served = builder.serve_connection(TokioIo::new(io), service).with_upgrades();
    if let Err(error) = served.await {
        tracing::debug!(%error, "local connection ended");
    }
}
