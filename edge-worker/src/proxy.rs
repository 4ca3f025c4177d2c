//! To an origin and back. Bodies are never read here: the platform streams them, in both
//! directions, in the encoding they have; a WebSocket passes through as it is.

use routing::header::OF_THE_ORIGIN_ALONE;
use routing::upstream::{DIRECTIONS, FAULT};
use routing::{Facts, Refusal, Upstream};
use wasm_bindgen::{JsCast, JsValue};
use worker::js_sys::Promise;
use worker::wasm_bindgen_futures::JsFuture;
use worker::web_sys::{Request, RequestInit, Response, ResponseInit, WorkerGlobalScope};
use worker::{Env, Fetcher, worker_sys};

use crate::failure::{Failure, words};
use crate::settings::ORIGIN;
use crate::{log, page};

/// Forwards the request and returns the origin's response, or a page if there is none.
pub async fn send(
    request: &Request,
    upstream: &Upstream,
    facts: &Facts,
    env: &Env,
) -> Result<Response, Failure> {
    let (response, refusal) = match env.service(ORIGIN) {
        Ok(egress) => through_egress(egress, request, upstream).await?,
        Err(_) => directly(request, upstream).await?,
    };
    if let Some(refusal) = refusal {
        log::origin(facts, &refusal, upstream);
        if let Some(body) = response.body() {
            let _ = body.cancel(); // Nobody waits for the end of what nobody reads.
        }
        return page::refusal(&refusal, page::reader(facts));
    }
    finish(&response, upstream, facts)
}

/// To edge-tls, which connects where the directions say, and says so if it could not.
async fn through_egress(
    egress: Fetcher,
    request: &Request,
    upstream: &Upstream,
) -> Result<(Response, Option<Refusal>), Failure> {
    let request = forwarded(request, &upstream.url, upstream)?;
    let directions = upstream.directions.to_header();
    let set = request.headers().set(DIRECTIONS, &directions);
    set.map_err(Failure::platform("setting a header"))?;
    let answer = egress.into_rpc::<worker_sys::Fetcher>().fetch(&request);
    let response = settle(answer).await.map_err(|error| Failure::Egress(words(error)))?;
    let fault = response.headers().get(FAULT).ok().flatten();
    Ok((response, fault.map(|fault| Refusal::from_fault(&fault))))
}

/// By the platform, which shows in the status if there was no connection.
async fn directly(
    request: &Request,
    upstream: &Upstream,
) -> Result<(Response, Option<Refusal>), Failure> {
    let request = forwarded(request, &upstream.directions.url(), upstream)?;
    let scope: WorkerGlobalScope = worker::js_sys::global().unchecked_into();
    let answer = Ok(scope.fetch_with_request(&request));
    let response = settle(answer).await.map_err(|error| Failure::Origin(words(error)))?;
    let refusal = Refusal::from_platform_status(response.status());
    Ok((response, refusal))
}

async fn settle(promise: Result<Promise, JsValue>) -> Result<Response, JsValue> {
    JsFuture::from(promise?).await.map(JsCast::unchecked_into)
}

/// The visitor's request towards another URL, with the headers that the edge changes. It serves as
/// its own initialiser, and so keeps method and body (a GET's, too) and leaves redirects to the
/// visitor, as is the mode of all incoming requests.
fn forwarded(request: &Request, url: &str, upstream: &Upstream) -> Result<Request, Failure> {
    let init = request.unchecked_ref::<RequestInit>();
    let doing = Failure::platform("making the request to the origin");
    let request = Request::new_with_str_and_init(url, init).map_err(doing)?;
    let doing = || Failure::platform("setting a header");
    let headers = request.headers();
    for name in &upstream.headers.remove {
        headers.delete(name).map_err(doing())?;
    }
    for (name, value) in &upstream.headers.set {
        headers.set(name, value).map_err(doing())?;
    }
    Ok(request)
}

/// The origin's response, with what the edge adds. It serves as its own initialiser, and so keeps
/// status, headers, encoding and WebSocket.
fn finish(response: &Response, upstream: &Upstream, facts: &Facts) -> Result<Response, Failure> {
    let init = response.unchecked_ref::<ResponseInit>();
    let body = response.body();
    let response = Response::new_with_opt_readable_stream_and_init(body.as_ref(), init)
        .map_err(|error| Failure::Origin(words(error)))?; // A status that HTTP does not have.
    let doing = || Failure::platform("setting a header");
    let headers = response.headers();
    for name in OF_THE_ORIGIN_ALONE.into_iter().chain([FAULT]) {
        headers.delete(name).map_err(doing())?;
    }
    headers.set("cf-ray", &facts.request_id).map_err(doing())?;
    if let Some(value) = &upstream.strict_transport_security {
        headers.set("strict-transport-security", value).map_err(doing())?;
    }
    for (name, value) in &upstream.response_headers {
        let stands_beside = matches!(name.as_str(), "set-cookie" | "vary");
        let told =
            if stands_beside { headers.append(name, value) } else { headers.set(name, value) };
        told.map_err(doing())?;
    }
    Ok(response)
}
