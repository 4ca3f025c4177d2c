//! The two ports that visitors reach: who may come in, and for how long.

use std::collections::HashMap;
use std::convert::Infallible;
use std::io;
use std::net::IpAddr;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use socket2::{SockRef, TcpKeepalive};
use tokio::net::{TcpListener, TcpStream};
use tokio::time::Instant;

use crate::config::Limits;
use crate::forward::Gateway;
use crate::metrics::{self, Handshake};
use crate::pulse::Pulse;
use crate::serve;
use crate::shutdown::Lifetime;
use crate::tls::{Agreed, Refused, Tls};

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

/// One visitor's connection.
pub struct Visitor {
    /// Its address.
    pub client: IpAddr,
    /// Absent on the plain port.
    pub agreed: Option<Agreed>,
    /// Whether it moves.
    pub pulse: Arc<Pulse>,
    _admission: Admission,
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
        let client = admission.client;
        let visitor = Arc::new(Visitor { client, agreed, pulse, _admission: admission });
        let pulse = visitor.pulse.clone();
        let gateway = self.gateway.clone();
        let service = hyper::service::service_fn(move |request| {
            let answer = gateway.clone().answer(request, visitor.clone());
            async move { Ok::<_, Infallible>(answer.await) }
        });
        serve::connection(io, http2, service, &pulse, &self.limits, &self.lifetime.stop).await;
    }
}

/// How many connections there are, in all and of each client.
struct Caps {
    max: usize,
    max_per_client: usize,
    open: Mutex<Open>,
}

#[derive(Default)]
struct Open {
    all: usize,
    by_network: HashMap<IpAddr, usize>,
}

/// A place that one connection takes, until it is dropped.
struct Admission {
    client: IpAddr,
    caps: Arc<Caps>,
}

impl Caps {
    fn new(limits: &Limits) -> Self {
        let (max, max_per_client) = (limits.max_connections, limits.max_connections_per_client);
        Self { max, max_per_client, open: Mutex::default() }
    }

    /// `Err` names the cap that is reached.
    fn admit(self: &Arc<Self>, client: IpAddr) -> Result<Admission, &'static str> {
        let mut open = self.open.lock().unwrap_or_else(PoisonError::into_inner);
        if open.all >= self.max {
            return Err("all");
        }
        let of_client = open.by_network.entry(network(client)).or_default();
        if *of_client >= self.max_per_client {
            return Err("client");
        }
        *of_client += 1;
        open.all += 1;
        Ok(Admission { client, caps: self.clone() })
    }
}

impl Drop for Admission {
    fn drop(&mut self) {
        let mut open = self.caps.open.lock().unwrap_or_else(PoisonError::into_inner);
        open.all = open.all.saturating_sub(1);
        let network = network(self.client);
        let left = open.by_network.get_mut(&network).map_or(0, |count| {
            *count = count.saturating_sub(1);
            *count
        });
        if left == 0 {
            open.by_network.remove(&network);
        }
    }
}

/// What one client can have many addresses of: an IPv6 /64.
fn network(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V6(v6) => {
            let [a, b, c, d, ..] = v6.segments();
            IpAddr::from([a, b, c, d, 0, 0, 0, 0])
        }
        v4 @ IpAddr::V4(_) => v4,
    }
}

fn is_of_one_connection(error: &io::Error) -> bool {
    use io::ErrorKind::{ConnectionAborted, ConnectionRefused, ConnectionReset, Interrupted};
    matches!(error.kind(), ConnectionAborted | ConnectionRefused | ConnectionReset | Interrupted)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn clients_are_counted_by_network() {
        let network = |text: &str| network(text.parse().unwrap()).to_string();
        assert_eq!(network("192.0.2.7"), "192.0.2.7");
        assert_eq!(network("::ffff:192.0.2.7"), "192.0.2.7");
        assert_eq!(network("2001:db8:1:2:3:4:5:6"), "2001:db8:1:2::");
    }

    #[test]
    fn a_place_is_free_again_when_it_is_left() {
        let open = Mutex::default();
        let caps = Arc::new(Caps { max: 3, max_per_client: 2, open });
        let client = |n: u8| IpAddr::from([192, 0, 2, n]);
        let first = caps.admit(client(1)).ok();
        let second = caps.admit(client(1)).ok();
        assert!(first.is_some() && second.is_some());
        assert_eq!(caps.admit(client(1)).err(), Some("client"));
        let third = caps.admit(client(2)).ok();
        assert_eq!(caps.admit(client(3)).err(), Some("all"));
        drop((first, second, third));
        assert!(caps.admit(client(1)).is_ok());
        assert!(caps.open.lock().unwrap().by_network.is_empty(), "no trace of who was here");
    }
}
