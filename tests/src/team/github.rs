//! A stand-in for GitHub, which cannot be reached from a test: the pages and the REST answers that
//! sign-in uses, in their recorded shapes. The one counterpart here that is not the real thing.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, PoisonError};

use axum::extract::{Form, Query, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{Html, IntoResponse as _, Json, Redirect, Response};
use axum::routing::{get, post};
use lintel_dev::Failure;
use serde_json::{Value, json};
use tokio::net::TcpListener;

use crate::ports::loopback;

/// A running stand-in. Dropping it closes it.
#[derive(Debug)]
pub struct Github {
    address: SocketAddr,
    server: tokio::task::JoinHandle<()>,
}

type Parameters = BTreeMap<String, String>;

/// What was granted, by code: each is good once.
type Grants = Arc<Mutex<BTreeMap<String, Parameters>>>;

impl Github {
    /// Listens.
    pub async fn start() -> Result<Self, Failure> {
        let listener = TcpListener::bind(loopback(0)).await?;
        let address = listener.local_addr()?;
        let router = axum::Router::new()
            .route("/login/oauth/authorize", get(ask).post(grant))
            .route("/login/oauth/access_token", post(token))
            .route("/api/v3/user", get(async |headers: HeaderMap| answer(&headers, user())))
            .route(
                "/api/v3/user/emails",
                get(async |headers: HeaderMap| answer(&headers, emails())),
            )
            .route("/api/v3/user/orgs", get(page_of_orgs))
            .route("/api/v3/user/teams", get(page_of_teams))
            .with_state(Grants::default());
        let server = tokio::spawn(async move {
            // Never returns: axum passes over failed connections.
            let _ = axum::serve(listener, router).await;
        });
        Ok(Self { address, server })
    }

    /// What Lintel is told of it.
    #[must_use]
    pub fn body(&self) -> Value {
        json!({
            "name": "GitHub",
            "type": "github",
            "config": {
                "client_id": CLIENT_ID,
                "client_secret": CLIENT_SECRET,
                "web_url": format!("http://{}", self.address),
                "api_url": format!("http://{}/api/v3", self.address),
            },
        })
    }
}

impl Drop for Github {
    fn drop(&mut self) {
        self.server.abort();
    }
}

/// The page that asks a signed-in person whether the application may know them.
async fn ask(Query(asked): Query<Parameters>) -> Response {
    if asked.get("client_id").map(String::as_str) != Some(CLIENT_ID) {
        return StatusCode::NOT_FOUND.into_response();
    }
    Html(
        "<!doctype html><html lang=en><title>Authorize application</title>\
         <form method=post><button type=submit id=authorize>Authorize</button></form>",
    )
    .into_response()
}

async fn grant(State(grants): State<Grants>, Query(asked): Query<Parameters>) -> Response {
    let (Some(redirect), Some(state)) = (asked.get("redirect_uri"), asked.get("state")) else {
        return StatusCode::BAD_REQUEST.into_response();
    };
    let code = format!("{:020x}", rand::random::<u64>());
    let query = url_encoded(&[("code", &code), ("state", state)]);
    let target = format!("{redirect}?{query}");
    grants.lock().unwrap_or_else(PoisonError::into_inner).insert(code, asked);
    Redirect::to(&target).into_response()
}

/// Errors are 200 with `error`, as GitHub's are.
async fn token(
    State(grants): State<Grants>,
    headers: HeaderMap,
    Form(form): Form<Parameters>,
) -> Response {
    let field = |name: &str| form.get(name).map(String::as_str);
    if headers.get(header::ACCEPT).is_none_or(|accept| accept != "application/json") {
        return "access_token=unread&token_type=bearer".into_response();
    }
    if field("client_id") != Some(CLIENT_ID) || field("client_secret") != Some(CLIENT_SECRET) {
        return Json(json!({ "error": "incorrect_client_credentials" })).into_response();
    }
    let code = field("code").unwrap_or_default();
    let granted = grants.lock().unwrap_or_else(PoisonError::into_inner).remove(code);
    let same = |granted: &Parameters| {
        granted.get("redirect_uri").map(String::as_str) == field("redirect_uri")
            && granted.contains_key("code_challenge") == form.contains_key("code_verifier")
    };
    if !granted.as_ref().is_some_and(same) {
        return Json(json!({
            "error": "bad_verification_code",
            "error_description": "The code passed is incorrect or expired.",
        }))
        .into_response();
    }
    Json(json!({ "access_token": TOKEN, "token_type": "bearer", "scope": "read:org,user:email" }))
        .into_response()
}

/// The API wants a token and, as GitHub's does, a user agent.
fn answer(headers: &HeaderMap, body: Value) -> Response {
    let authorized = headers
        .get(header::AUTHORIZATION)
        .and_then(|value| value.to_str().ok())
        .and_then(|value| value.split_once(' '))
        .is_some_and(|(scheme, token)| {
            ["bearer", "token"].contains(&scheme.to_ascii_lowercase().as_str()) && token == TOKEN
        });
    if !headers.contains_key(header::USER_AGENT) {
        return (StatusCode::FORBIDDEN, "Request forbidden by administrative rules.")
            .into_response();
    }
    if !authorized {
        let body = json!({ "message": "Bad credentials", "status": "401" });
        return (StatusCode::UNAUTHORIZED, Json(body)).into_response();
    }
    Json(body).into_response()
}

async fn page_of_orgs(headers: HeaderMap, Query(query): Query<Parameters>) -> Response {
    let orgs =
        json!([{ "login": ORGANIZATION, "id": 4_242, "node_id": "O_kgDOABC", "description": "" }]);
    answer(&headers, paged(&query, orgs))
}

async fn page_of_teams(headers: HeaderMap, Query(query): Query<Parameters>) -> Response {
    let teams = json!([{
        "id": 7, "name": "Platform Team", "slug": "platform", "privacy": "closed",
        "organization": { "login": ORGANIZATION, "id": 4_242 },
    }]);
    answer(&headers, paged(&query, teams))
}

fn paged(query: &Parameters, all: Value) -> Value {
    if query.get("page").is_none_or(|page| page == "1") { all } else { json!([]) }
}

fn user() -> Value {
    json!({
        "login": "octo-ada", "id": 583_231, "node_id": "MDQ6VXNlcjU4MzIzMQ==", "type": "User",
        "name": "Ada at GitHub", "email": null, "two_factor_authentication": true,
    })
}

fn emails() -> Value {
    json!([
        { "email": "unverified@acme.test", "primary": false, "verified": false, "visibility": null },
        { "email": GITHUB_EMAIL, "primary": true, "verified": true, "visibility": "private" },
    ])
}

fn url_encoded(pairs: &[(&str, &str)]) -> String {
    reqwest::Url::parse_with_params("http://a", pairs)
        .map(|url| url.query().unwrap_or_default().to_owned())
        .unwrap_or_default()
}

/// Of the person who is signed in there.
pub const GITHUB_EMAIL: &str = "ada@octo.test";
/// They are a member, and of its team `platform`.
pub const ORGANIZATION: &str = "octo-org";
const CLIENT_ID: &str = "Ov23lintel";
const CLIENT_SECRET: &str = "a secret between Lintel and GitHub";
const TOKEN: &str = "gho_16C7e42F292c6912E7710c838347Ae178B4a";
