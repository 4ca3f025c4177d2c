//! One request and its answer, from the first look at the head to the last byte read: the request
//! id, the access log, the metrics.

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use bytes::Bytes;
use edge_state::Hostname;
use http::{HeaderValue, Method, StatusCode};
use http_body::{Frame, SizeHint};
use rand::Rng as _;
use tokio::time::Instant;

use crate::body::{self, Body};
use crate::metrics;
use crate::refusal::Refusal;
use crate::visitor::Visitor;

/// The visitor hung up before there was an answer (as nginx logs it).
const HUNG_UP: u16 = 499;

/// One request and its answer. Dropping it ends it.
pub struct Exchange {
    visitor: Arc<Visitor>,
    number: u64,
    /// Whether it is one of those that the visitor may have under way.
    counted: bool,
    started: Instant,
    ray: String,
    method: Method,
    host: Option<Hostname>,
    status: u16,
    bytes: u64,
}

impl Exchange {
    /// A head arrived. With a refusal, it must not be acted upon.
    pub fn begin(visitor: Arc<Visitor>, method: Method, pop: &str) -> (Self, Result<(), Refusal>) {
        if visitor.agreed.as_ref().is_some_and(|agreed| agreed.http2) {
            visitor.pulse.head_ends(); // HTTP/1 heads are followed byte by byte instead.
        }
        let (number, clear) = visitor.pulse.requested();
        let ray = format!("{:016x}-{pop}", rand::rng().random::<u64>());
        let started = Instant::now();
        let (host, status, bytes) = (None, HUNG_UP, 0);
        let counted = visitor.admission.asks();
        let admitted = match (clear, counted) {
            (false, _) => Err(Refusal::Ambiguous),
            (true, false) => Err(Refusal::TooMany),
            (true, true) => Ok(()),
        };
        (Self { visitor, number, counted, started, ray, method, host, status, bytes }, admitted)
    }

    /// The request id, unique, and fit for a header.
    #[must_use]
    pub fn ray(&self) -> &str {
        &self.ray
    }

    /// [`Self::ray`] as a header's value.
    #[must_use]
    pub fn ray_value(&self) -> HeaderValue {
        HeaderValue::from_str(&self.ray).unwrap_or_else(|_| HeaderValue::from_static("-"))
    }

    /// Whose request it is.
    #[must_use]
    pub fn visitor(&self) -> &Arc<Visitor> {
        &self.visitor
    }

    /// Notes the host that was asked for.
    pub fn is_for(&mut self, host: &Hostname) {
        self.host = Some(host.clone());
    }

    /// The host that was asked for.
    #[must_use]
    pub fn host(&self) -> Option<&Hostname> {
        self.host.as_ref()
    }

    /// The answer's body; the exchange ends with it.
    #[must_use]
    pub fn answer(mut self, status: StatusCode, body: Body) -> Answer {
        self.status = status.as_u16();
        Answer { body, exchange: self }
    }
}

impl Drop for Exchange {
    fn drop(&mut self) {
        self.visitor.pulse.answered(self.number, Instant::now());
        if self.counted {
            self.visitor.admission.answered();
        }
        let took = self.started.elapsed();
        metrics::request(self.status, took);
        tracing::info!(
            target: "access",
            ray = self.ray,
            client = %self.visitor.client,
            // A method may be as long as a whole head.
            method = %format_args!("{:.32}", self.method.as_str()),
            hostname = self.host.as_ref().map_or("-", Hostname::as_str),
            status = self.status,
            bytes = self.bytes,
            millis = u64::try_from(took.as_millis()).unwrap_or(u64::MAX),
            tls = self.visitor.agreed.is_some(),
            "request"
        );
    }
}

/// An answer's body on its way to the visitor.
pub struct Answer {
    body: Body,
    exchange: Exchange,
}

impl http_body::Body for Answer {
    type Data = Bytes;
    type Error = body::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, body::Error>>> {
        let this = &mut *self;
        let exchange = &mut this.exchange;
        exchange.visitor.pulse.unread(exchange.number, false, Instant::now());
        let poll = Pin::new(&mut this.body).poll_frame(cx);
        match &poll {
            Poll::Ready(Some(Ok(frame))) => {
                exchange.bytes += frame.data_ref().map_or(0, |data| data.len() as u64);
                exchange.visitor.pulse.unread(exchange.number, true, Instant::now());
            }
            Poll::Ready(Some(Err(error))) => {
                tracing::warn!(ray = exchange.ray, %error, "the answer broke off");
            }
            Poll::Ready(None) | Poll::Pending => {}
        }
        poll
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}
