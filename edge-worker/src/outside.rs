//! Questions of our own: to the control plane, and to providers and services outside.

use std::net::IpAddr;

use access::need::{Call, Fetch};
use access::{Reply, known::Fetched};
use edge_state::Hostname;
use edge_state::access::call::LogBatch;
use routing::outside;
use routing::upstream::{DIRECTIONS, FAULT};
use wasm_bindgen::{JsCast, JsValue};
use web_sys::{
    AbortSignal, Headers, Request, RequestInit, RequestRedirect, Response, WorkerGlobalScope,
};
use worker::js_sys;
use worker::wasm_bindgen_futures::JsFuture;
use worker::{Date, Env, Fetcher, worker_sys};

use crate::body;
use crate::failure::words;
use crate::settings::{CONTROL, ORIGIN, Settings};

/// Whoever takes longer does not answer. A person waits for it.
const TIMEOUT_MILLIS: u32 = 10_000;
/// The control plane's answers are short.
const MAX_ANSWER: usize = 1 << 20;
/// GitHub's API refuses requests without one.
const USER_AGENT: &str = "Lintel";

/// A question to send.
struct Question<'a> {
    method: &'a str,
    url: &'a str,
    headers: Vec<(&'a str, &'a str)>,
    body: Option<&'a str>,
}

/// Asks the control plane.
pub async fn call(call: &Call, client: Option<IpAddr>, env: &Env, settings: &Settings) -> Reply {
    let asked = match serde_json::to_string(call) {
        Ok(body) => control(call.path(), &body, client, env, settings).await,
        Err(error) => Err(error.to_string()),
    };
    asked.map_or_else(Reply::Failed, Reply::Called)
}

/// Brings login events to the control plane.
pub async fn log(batch: &LogBatch, env: &Env, settings: &Settings) -> Result<(), String> {
    let body = serde_json::to_string(batch).map_err(|error| error.to_string())?;
    control("logs", &body, None, env, settings).await.map(|_| ())
}

/// With the visitor's address, so that no visitor's questions take the places of all others.
async fn control(
    path: &str,
    body: &str,
    client: Option<IpAddr>,
    env: &Env,
    settings: &Settings,
) -> Result<String, String> {
    let client = client.map(|client| client.to_string()).unwrap_or_default();
    let path = format!("/edge/v1/access/{path}");
    let mut headers = vec![("content-type", "application/json"), ("x-lintel-client", &client)];
    let response = if let Ok(relay) = env.service(CONTROL) {
        let url = format!("http://control{path}");
        let question = Question { method: "POST", url: &url, headers, body: Some(body) };
        question.send(Some(relay)).await?
    } else if let Some(control) = &settings.control {
        let url = format!("{}{path}", control.url);
        headers.push(("authorization", &control.authorization));
        let question = Question { method: "POST", url: &url, headers, body: Some(body) };
        question.send(None).await?
    } else {
        return Err("neither CONTROL nor LINTEL_CONTROL_URL leads to the control plane".to_owned());
    };
    let status = response.status();
    let text = body::text(response.body(), MAX_ANSWER).await;
    let text = text.map_err(|error| format!("{path}: {error}"))?;
    match status {
        200 => Ok(text),
        _ => Err(format!("{path}: the control plane answered {status}")),
    }
}

/// Asks somebody outside, on behalf of a hostname of ours.
pub async fn fetch(fetch: &Fetch, hostname: &Hostname, env: &Env, settings: &Settings) -> Reply {
    match ask(fetch, hostname, env, settings).await {
        Ok(fetched) => Reply::Fetched(fetched),
        Err(why) => Reply::Failed(format!("{}: {why}", fetch.url)),
    }
}

async fn ask(
    fetch: &Fetch,
    hostname: &Hostname,
    env: &Env,
    settings: &Settings,
) -> Result<Fetched, String> {
    let towards = outside::to(&fetch.url, hostname).map_err(|error| error.to_string())?;
    let directions = towards.directions.to_header();
    let mut headers: Vec<(&str, &str)> =
        fetch.headers.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
    if !headers.iter().any(|(name, _)| *name == "user-agent") {
        headers.push(("user-agent", USER_AGENT));
    }
    let (method, body) = (fetch.method.as_str(), fetch.body.as_deref());
    let response = match env.service(ORIGIN) {
        Ok(egress) => {
            headers.push((DIRECTIONS, &directions));
            let question = Question { method, url: &towards.url, headers, body };
            question.send(Some(egress)).await?
        }
        Err(_) if towards.is_plain() && !settings.allow_private_networks => {
            return Err("not over TLS (LINTEL_ALLOW_PRIVATE_NETWORKS)".to_owned());
        }
        Err(_) => Question { method, url: &fetch.url, headers, body }.send(None).await?,
    };
    if let Some(fault) = response.headers().get(FAULT).ok().flatten() {
        return Err(format!("egress: {fault}"));
    }
    let status = response.status();
    let content_type = response.headers().get("content-type").ok().flatten().unwrap_or_default();
    let content_type = content_type.split(';').next().unwrap_or_default().trim();
    let content_type = content_type.to_ascii_lowercase();
    let body = body::text(response.body(), fetch.max_bytes).await.map_err(|e| e.to_string())?;
    Ok(Fetched { status, content_type, body, at: now_seconds() })
}

/// Seconds since 1970.
pub fn now_seconds() -> i64 {
    i64::try_from(Date::now().as_millis() / 1000).unwrap_or(i64::MAX)
}

impl Question<'_> {
    /// By the platform's own `fetch` where there is no service.
    async fn send(&self, service: Option<Fetcher>) -> Result<Response, String> {
        let request = self.request().map_err(words)?;
        let promise = if let Some(service) = service {
            service.into_rpc::<worker_sys::Fetcher>().fetch(&request)
        } else {
            let scope: WorkerGlobalScope = js_sys::global().unchecked_into();
            Ok(scope.fetch_with_request(&request))
        };
        let answer = JsFuture::from(promise.map_err(words)?).await.map_err(words)?;
        answer.dyn_into().map_err(words)
    }

    fn request(&self) -> Result<Request, JsValue> {
        let headers = Headers::new()?;
        for (name, value) in &self.headers {
            headers.set(name, value)?;
        }
        let init = RequestInit::new();
        init.set_method(self.method);
        init.set_headers(&headers);
        init.set_redirect(RequestRedirect::Manual);
        init.set_signal(Some(&AbortSignal::timeout_with_u32(TIMEOUT_MILLIS)));
        if let Some(body) = self.body {
            init.set_body(&body.into());
        }
        Request::new_with_str_and_init(self.url, &init)
    }
}
