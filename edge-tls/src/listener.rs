//! The two ports that visitors reach: who may come in, and for how long.

use std::convert::Infallible;
use std::io;
use std::sync::Arc;
use std::time::Duration;

use socket2::{SockRef, TcpKeepalive};
use tokio::net::{TcpListener, TcpStream};
use tokio::time::Instant;

use crate::admission::{Admission, Caps};
use crate::config::Limits;
use crate::forward::Gateway;
use crate::metrics::{self, Handshake};
use crate::pulse::Pulse;
use crate::serve;
use crate::shutdown::Lifetime;
use crate::tls::{Agreed, Refused, Tls};
use crate::visitor::Visitor;

const BACK_OFF_FIRST: Duration = Duration::from_millis(10);
const BACK_OFF_LAST: Duration = Duration::from_secs(1);
/// Ends connections (tunnels above all) whose visitor vanished without a word.
const KEEPALIVE: Duration = Duration::from_mins(1);

/// Everything that a connection needs.
pub struct Front {
    tls: Tls,
    gateway: Arc<Gateway>,
    limits: Limits,
    caps: Arc<Caps>,
    lifetime: Lifetime,
}

/// Which of the two ports.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Port {
    /// Plain.
    Http,
    /// TLS.
    Https,
}

impl Port {
    fn as_str(self) -> &'static str {
        match self {
            Self::Http => "http",
            Self::Https => "https",
        }
    }
}

impl Front {
    /// The front of this point of presence.
    #[must_use]
    pub fn new(tls: Tls, gateway: Arc<Gateway>, limits: Limits, lifetime: Lifetime) -> Arc<Self> {
        let caps = Arc::new(Caps::new(&limits));
        Arc::new(Self { tls, gateway, limits, caps, lifetime })
    }

    /// Lets visitors in until the process stops.
    pub async fn listen(self: Arc<Self>, listener: TcpListener, port: Port) {
        let mut back_off = BACK_OFF_FIRST;
        loop {
            let accepted = tokio::select! {
                accepted = listener.accept() => accepted,
                () = self.lifetime.stop.cancelled() => return,
            };
            match accepted {
                Ok((stream, address)) => {
                    back_off = BACK_OFF_FIRST;
                    match self.caps.admit(address.ip()) {
                        Ok(admission) => {
                            let front = self.clone();
                            let visit = async move { front.visit(stream, port, admission).await };
                            self.lifetime.visitors.spawn(visit);
                        }
                        Err(cap) => metrics::connection_refused(cap),
                    }
                }
                // That visitor is gone; the next one may be there.
                Err(error) if is_of_one_connection(&error) => metrics::accept_failed(),
                // Out of descriptors or memory: the same call would fail at once again.
                Err(error) => {
                    metrics::accept_failed();
                    tracing::error!(%error, port = port.as_str(), wait = ?back_off, "cannot accept");
                    tokio::time::sleep(back_off).await;
                    back_off = (back_off * 2).min(BACK_OFF_LAST);
                }
            }
        }
    }

    async fn visit(&self, stream: TcpStream, port: Port, admission: Admission) {
        metrics::connection_opened(port.as_str());
        let _ = stream.set_nodelay(true);
        let keepalive = TcpKeepalive::new().with_time(KEEPALIVE).with_interval(KEEPALIVE / 4);
        let _ = SockRef::from(&stream).set_tcp_keepalive(&keepalive);
        let greeted = async {
            match port {
                Port::Http => self.serve(stream, None, admission).await,
                Port::Https => {
                    if let Some(secured) = self.shake_hands(stream).await {
                        self.serve(secured.0, Some(secured.1), admission).await;
                    }
                }
            }
        };
        tokio::select! {
            () = greeted => {}
            () = self.lifetime.end.cancelled() => {}
        }
        metrics::connection_closed(port.as_str());
    }

    async fn shake_hands(
        &self,
        stream: TcpStream,
    ) -> Option<(tokio_rustls::server::TlsStream<TcpStream>, Agreed)> {
        let started = Instant::now();
        let accepted = tokio::select! {
            accepted = tokio::time::timeout(self.limits.handshake_timeout, self.tls.accept(stream)) => accepted,
            () = self.lifetime.stop.cancelled() => return None,
        };
        let (outcome, secured) = match accepted {
            Ok(Ok(secured)) => (Handshake::Done, Some((secured.stream, secured.agreed))),
            Ok(Err(Refused::UnrecognizedName)) => (Handshake::UnrecognizedName, None),
            Ok(Err(Refused::Failed(error))) => {
                tracing::debug!(%error, "no handshake");
                (Handshake::Failed, None)
            }
            Err(_) => (Handshake::TimedOut, None),
        };
        metrics::handshake(outcome, started.elapsed());
        secured
    }

    async fn serve<IO: serve::Stream>(&self, io: IO, agreed: Option<Agreed>, admission: Admission) {
        let pulse = Arc::new(Pulse::new(Instant::now()));
        let http2 = agreed.as_ref().is_some_and(|agreed| agreed.http2);
        let client = admission.client();
        let visitor = Arc::new(Visitor::new(client, agreed, pulse, admission));
        let pulse = visitor.pulse.clone();
        let gateway = self.gateway.clone();
        let service = hyper::service::service_fn(move |request| {
            let answer = gateway.clone().answer(request, visitor.clone());
            async move { Ok::<_, Infallible>(answer.await) }
        });
        serve::connection(io, http2, service, &pulse, &self.limits, &self.lifetime.stop).await;
    }
}

fn is_of_one_connection(error: &io::Error) -> bool {
    use io::ErrorKind::{ConnectionAborted, ConnectionRefused, ConnectionReset, Interrupted};
    matches!(error.kind(), ConnectionAborted | ConnectionRefused | ConnectionReset | Interrupted)
}
