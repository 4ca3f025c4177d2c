//! One request on its way to the CA and back.

use std::fmt::Write as _;
use std::sync::Arc;

use base64::Engine as _;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use bytes::Bytes;
use http::{HeaderValue, Request, Response, StatusCode, header};
use http_body_util::{BodyExt as _, Full};
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use serde_json::Value;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio_rustls::TlsAcceptor;

use super::{Exchange, Fault, Gate, Moment, State, Step};

impl Step {
    /// By the paths of pebble.
    fn of(path: &str) -> Self {
        match path.trim_start_matches('/').split('/').next() {
            Some("order-plz") => Self::NewOrder,
            Some("authZ") => Self::Authorization,
            Some("chalZ") => Self::Challenge,
            Some("my-order") => Self::Order,
            Some("finalize-order") => Self::Finalize,
            Some("certZ") => Self::Certificate,
            _ => Self::Other,
        }
    }
}

pub(super) async fn accept(listener: TcpListener, acceptor: TlsAcceptor, state: Arc<State>) {
    while let Ok((stream, _)) = listener.accept().await {
        if !state.inner().down {
            tokio::spawn(serve(stream, acceptor.clone(), state.clone()));
        }
    }
}

async fn serve(stream: TcpStream, acceptor: TlsAcceptor, state: Arc<State>) {
    let Ok(stream) = acceptor.accept(stream).await else { return };
    let service = service_fn(|request| {
        let state = state.clone();
        async move { pass_on(request, &state).await }
    });
    let connection = hyper::server::conn::http1::Builder::new();
    // An error is a fault that we made: the connection is cut, as wanted.
    let _ = connection.serve_connection(TokioIo::new(stream), service).await;
}

/// An error cuts the connection.
async fn pass_on(
    request: Request<Incoming>,
    state: &State,
) -> Result<Response<Full<Bytes>>, std::io::Error> {
    let cut = || std::io::Error::other("cut off");
    let (parts, body) = request.into_parts();
    let body = body.collect().await.map_err(|_| cut())?.to_bytes();
    let path = parts.uri.path().to_owned();
    let step = Step::of(&path);
    let hostname = (step == Step::NewOrder).then(|| ordered_hostname(&body)).flatten();
    if state.inner().down {
        return Err(cut());
    }
    let faults = state.inner().faults(step, hostname.as_deref());
    for fault in &faults {
        match fault {
            Fault::Refuse { status, problem } => {
                let (order, invalid, status) = (None, false, *status);
                state.note(Exchange { step, path, hostname, order, invalid, status });
                return Ok(refusal(status, problem));
            }
            Fault::Hold { moment: Moment::Before, gate, reached } => {
                held(gate, reached).await.map_err(|_| cut())?;
            }
            Fault::Hold { .. } | Fault::LoseAnswer => {}
        }
    }
    let answer = ask(&parts, body, state).await.map_err(std::io::Error::other)?;
    let status = answer.status().as_u16();
    let order = hostname.as_ref().and_then(|_| location(&answer));
    let (answer, invalid) = says_invalid(step, answer).await;
    state.note(Exchange { step, path, hostname, order, invalid, status });
    for fault in &faults {
        match fault {
            Fault::LoseAnswer => return Err(cut()),
            Fault::Hold { moment: Moment::After, gate, reached } => {
                held(gate, reached).await.map_err(|_| cut())?;
            }
            Fault::Hold { .. } | Fault::Refuse { .. } => {}
        }
    }
    Ok(answer)
}

async fn held(
    gate: &watch::Receiver<Gate>,
    reached: &watch::Sender<usize>,
) -> Result<(), &'static str> {
    reached.send_modify(|count| *count += 1);
    match gate.clone().wait_for(|gate| *gate != Gate::Shut).await.map(|gate| *gate) {
        Ok(Gate::Open) => Ok(()),
        _ => Err("cut off"),
    }
}

impl State {
    fn note(&self, exchange: Exchange) {
        use std::io::Write as _;
        let Exchange { step, path, hostname, status, invalid, .. } = &exchange;
        let mut line = format!("{status} {step:?} {path}");
        if let Some(hostname) = hostname {
            let _ = write!(line, " for {hostname}");
        }
        if *invalid {
            line.push_str(", which is invalid");
        }
        let file = std::fs::OpenOptions::new().create(true).append(true).open(&self.log);
        let _ = file.and_then(|mut file| writeln!(file, "{line}"));
        let mut inner = self.inner();
        inner.got_through(&exchange);
        inner.exchanges.push(exchange);
    }
}

/// The CA's own answer, under the Host that the client knows.
async fn ask(
    parts: &http::request::Parts,
    body: Bytes,
    state: &State,
) -> Result<Response<Full<Bytes>>, reqwest::Error> {
    let path = parts.uri.path_and_query().map_or("/", |path| path.as_str());
    let url = format!("https://{}{path}", state.upstream);
    let mut headers = parts.headers.clone();
    headers.remove(header::CONTENT_LENGTH);
    let request = state.client.request(parts.method.clone(), url).headers(headers).body(body);
    let answer = request.send().await?;
    let mut response = Response::new(Full::default());
    *response.status_mut() = answer.status();
    *response.headers_mut() = answer.headers().clone();
    response.headers_mut().remove(header::TRANSFER_ENCODING);
    let length = response.headers_mut().remove(header::CONTENT_LENGTH);
    let body = answer.bytes().await?;
    if parts.method == http::Method::HEAD {
        length.map(|length| response.headers_mut().insert(header::CONTENT_LENGTH, length));
    }
    *response.body_mut() = Full::new(body);
    Ok(response)
}

/// The path of what an answer made (RFC 8555 §7.4).
fn location(answer: &Response<Full<Bytes>>) -> Option<String> {
    let location = answer.headers().get(header::LOCATION)?.to_str().ok()?;
    Some(location.parse::<http::Uri>().ok()?.path().to_owned())
}

/// Whether the order that is read is dead (RFC 8555 §7.1.6).
async fn says_invalid(step: Step, answer: Response<Full<Bytes>>) -> (Response<Full<Bytes>>, bool) {
    let (parts, body) = answer.into_parts();
    let body = body.collect().await.map(http_body_util::Collected::to_bytes).unwrap_or_default();
    let read: Value = serde_json::from_slice(&body).unwrap_or_default();
    let invalid = step == Step::Order && read["status"] == "invalid";
    (Response::from_parts(parts, Full::new(body)), invalid)
}

fn refusal(status: u16, problem: &Value) -> Response<Full<Bytes>> {
    let mut response = Response::new(Full::new(Bytes::from(problem.to_string())));
    *response.status_mut() = StatusCode::from_u16(status).unwrap_or(StatusCode::BAD_REQUEST);
    let kind = HeaderValue::from_static("application/problem+json");
    response.headers_mut().insert(header::CONTENT_TYPE, kind);
    response
}

/// The first identifier of a `newOrder` (RFC 8555 §7.4), which is a JWS.
fn ordered_hostname(body: &[u8]) -> Option<String> {
    let jws: Value = serde_json::from_slice(body).ok()?;
    let payload = BASE64_URL_SAFE_NO_PAD.decode(jws["payload"].as_str()?).ok()?;
    let payload: Value = serde_json::from_slice(&payload).ok()?;
    Some(payload["identifiers"][0]["value"].as_str()?.to_owned())
}
