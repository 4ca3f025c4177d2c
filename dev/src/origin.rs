//! The demo origin: shows what a request looks like when it has come through Lintel.

use axum::Router;
use axum::extract::ws::{WebSocket, WebSocketUpgrade};
use axum::http::{HeaderMap, HeaderName, HeaderValue, Method, Uri, header};
use axum::response::{Html, IntoResponse, Json, Response};
use axum::routing::any;
use serde_json::{Map, Value, json};
use tokio::net::TcpListener;

use crate::config::loopback;
use crate::{Context as _, Failure};

/// Serves until the returned task is aborted.
pub async fn start(port: u16) -> Result<tokio::task::JoinHandle<()>, Failure> {
    let listener = TcpListener::bind(loopback(port)).await;
    let listener = listener.context(format!("the demo origin's port {port}"))?;
    let router = Router::new().route("/websocket", any(websocket)).fallback(show);
    Ok(tokio::spawn(async move {
        // Never returns: axum passes over failed connections.
        let _ = axum::serve(listener, router).await;
    }))
}

/// Any request: a page for people, JSON for whoever prefers it.
async fn show(method: Method, uri: Uri, headers: HeaderMap) -> Response {
    let text = |name| headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let host = text(header::HOST);
    if text(header::ACCEPT).contains("application/json") {
        return Json(json!({
            "greeting": GREETING,
            "method": method.as_str(),
            "host": host,
            "path": uri.to_string(),
            "headers": header_map(&headers),
        }))
        .into_response();
    }
    let row = |(name, value): (&HeaderName, &HeaderValue)| {
        let value = escape(&String::from_utf8_lossy(value.as_bytes()));
        format!("<tr><th scope=row>{name}<td>{value}")
    };
    let rows: Vec<String> = headers.iter().map(row).collect();
    let page = PAGE
        .replace("{greeting}", GREETING)
        .replace("{host}", &escape(host))
        .replace("{method}", method.as_str())
        .replace("{path}", &escape(&uri.to_string()))
        .replace("{rows}", &rows.join("\n"));
    Html(page).into_response()
}

/// `/websocket` says back whatever it is told.
async fn websocket(upgrade: WebSocketUpgrade) -> Response {
    upgrade.on_upgrade(async |mut socket: WebSocket| {
        while let Some(Ok(message)) = socket.recv().await {
            if socket.send(message).await.is_err() {
                return;
            }
        }
    })
}

fn header_map(headers: &HeaderMap) -> Value {
    let mut map = Map::new();
    for (name, value) in headers {
        let value = String::from_utf8_lossy(value.as_bytes());
        let all = match map.get(name.as_str()).and_then(Value::as_str) {
            Some(before) => format!("{before}, {value}"),
            None => value.into_owned(),
        };
        map.insert(name.as_str().to_owned(), Value::String(all));
    }
    Value::Object(map)
}

fn escape(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}

/// What the page and the JSON begin with, so that whoever gets it knows that it came from here.
pub const GREETING: &str = "Hello from the demo origin";

const PAGE: &str = r#"<!doctype html>
<html lang=en>
<meta charset=utf-8>
<meta name=viewport content="width=device-width, initial-scale=1">
<title>{host} — Lintel</title>
<style>
  :root { color-scheme: light dark; font: 16px/1.5 system-ui, sans-serif }
  body { max-width: 50rem; margin: 4rem auto; padding: 0 1.5rem }
  h1 { font-size: 1.6rem; line-height: 1.25 }
  code, td { font-family: ui-monospace, monospace; font-size: .9em; overflow-wrap: anywhere }
  table { border-collapse: collapse; width: 100% }
  th { text-align: left; font-weight: normal; white-space: nowrap; opacity: .7 }
  th, td { padding: .3rem .8rem .3rem 0; vertical-align: top; border-top: 1px solid #8884 }
  @media (max-width: 40rem) { th, td { display: block; padding-right: 0 } td { border: 0 } }
</style>
<h1>{greeting}</h1>
<p>Your request for <code>{host}</code> came through Lintel's edge, with a certificate of its own, and
reached this small server, which stands for the application of a SaaS company.</p>
<p><code>{method} {path}</code> arrived with these headers:</p>
<table>
{rows}
</table>
</html>
"#;

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn the_page_shows_what_was_asked_and_nothing_of_it_is_markup() {
        let mut headers = HeaderMap::new();
        headers.insert("host", "shop.localhost".parse().unwrap());
        headers.insert("x-evil", "<script>alert(1)</script>".parse().unwrap());
        let response = show(Method::GET, Uri::from_static("/a?b=%3Ci%3E"), headers).await;
        let body = axum::body::to_bytes(response.into_body(), 1 << 20).await.unwrap();
        let page = String::from_utf8(body.to_vec()).unwrap();
        assert!(page.contains("<code>shop.localhost</code>"), "{page}");
        assert!(page.contains("GET /a?b=%3Ci%3E"), "{page}");
        assert!(!page.contains("<script>"), "{page}");
    }
}
