//! Every route on one page.

use std::time::Duration;

use axum::Router;
use axum::extract::{DefaultBodyLimit, Request};
use axum::middleware::{self, Next};
use axum::response::{Html, IntoResponse, Response};
use axum::routing;
use http::{Method, Uri, header};
use tower_http::catch_panic::CatchPanicLayer;
use utoipa::OpenApi;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::api::error::code;
use crate::api::json::MAX_BODY;
use crate::api::tokens::{account as account_tokens, user as user_tokens, verify};
use crate::api::{
    ApiError, App, access, accounts, custom_hostnames, dcv_delegation, fallback_origin,
    points_of_presence, user, zone_settings, zones,
};
use crate::feed::{self, Feed};
use crate::{description, telemetry};

/// What is served to clients, with its description at `/openapi.json`; `beside` stands next to it.
pub fn router(app: App, beside: Router) -> Router {
    let (api, mut description) = contract().split_for_parts();
    description::complete(&mut description);
    let described = move || {
        let description = description.clone();
        async move { axum::Json(description) }
    };
    api.with_state(app)
        .layer(middleware::from_fn(in_time))
        .route("/openapi.json", routing::get(described))
        .route("/", routing::get(front_page))
        .merge(beside)
        .fallback(no_route)
        .method_not_allowed_fallback(wrong_method)
        .layer(DefaultBodyLimit::max(MAX_BODY))
        .layer(middleware::from_fn(without_nul))
        .layer(CatchPanicLayer::custom(|_| ApiError::Internal.into_response()))
        .layer(middleware::from_fn(telemetry::trace))
}

/// What is not the clients' contract: the edges' feed, and the development CA's root if there is one.
pub fn beside(feed: Feed, root_pem: Option<&str>) -> Router {
    let feed = feed::router(feed);
    let Some(root) = root_pem.map(str::to_owned) else { return feed };
    let root = async move || ([(header::CONTENT_TYPE, "application/x-pem-file")], root);
    feed.route("/development_authority/root.pem", routing::get(root))
}

/// The contract's own routes: what is here is in the description, and nothing else is.
fn contract() -> OpenApiRouter<App> {
    OpenApiRouter::with_openapi(description::Head::openapi())
        .routes(routes!(user::get))
        .routes(routes!(user_tokens::create, user_tokens::list))
        .routes(routes!(verify::user))
        .routes(routes!(user_tokens::permission_groups))
        .routes(routes!(user_tokens::get, user_tokens::update, user_tokens::delete))
        .routes(routes!(user_tokens::roll))
        .routes(routes!(accounts::create, accounts::list))
        .routes(routes!(accounts::get))
        .routes(routes!(account_tokens::create, account_tokens::list))
        .routes(routes!(verify::account))
        .routes(routes!(account_tokens::permission_groups))
        .routes(routes!(account_tokens::get, account_tokens::update, account_tokens::delete))
        .routes(routes!(account_tokens::roll))
        .routes(routes!(zones::create, zones::list))
        .routes(routes!(zones::get, zones::edit, zones::delete))
        .routes(routes!(zone_settings::list))
        .routes(routes!(zone_settings::get, zone_settings::edit))
        .routes(routes!(custom_hostnames::create, custom_hostnames::list))
        .routes(routes!(custom_hostnames::quota))
        .routes(routes!(custom_hostnames::get, custom_hostnames::edit, custom_hostnames::delete))
        .routes(routes!(fallback_origin::get, fallback_origin::update, fallback_origin::delete))
        .routes(routes!(dcv_delegation::get))
        .routes(routes!(points_of_presence::list))
        .routes(routes!(points_of_presence::delete))
        .merge(access::routes::routes())
}

/// The description of the contract.
#[must_use]
pub fn description() -> utoipa::openapi::OpenApi {
    let mut description = contract().into_openapi();
    description::complete(&mut description);
    description
}

async fn no_route(uri: Uri) -> ApiError {
    ApiError::NoRoute { path: uri.path().to_owned() }
}

async fn wrong_method(method: Method) -> ApiError {
    ApiError::MethodNotAllowed { method: method.to_string() }
}

/// A client that waits longer than this has given up.
async fn in_time(request: Request, next: Next) -> Response {
    match tokio::time::timeout(TIME_LIMIT, next.run(request)).await {
        Ok(response) => response,
        Err(_) => ApiError::Unavailable.into_response(),
    }
}

/// Nothing that is stored has NUL in its name, and PostgreSQL does not even take the question.
async fn without_nul(request: Request, next: Next) -> Response {
    let uri = request.uri();
    if uri.path().contains(NUL) {
        return ApiError::MalformedId { path: uri.path().to_owned() }.into_response();
    }
    if uri.query().is_some_and(|query| query.contains(NUL)) {
        let message = "no query parameter may contain NUL (%00)";
        return ApiError::invalid(code::JSON, "query", message).into_response();
    }
    next.run(request).await
}

async fn front_page() -> Html<&'static str> {
    Html(FRONT_PAGE)
}

const TIME_LIMIT: Duration = Duration::from_secs(30);
const NUL: &str = "%00";
const FRONT_PAGE: &str = "<!doctype html>
<html lang=\"en\">
<meta charset=\"utf-8\">
<meta name=\"viewport\" content=\"width=device-width\">
<title>Lintel</title>
<style>body { font: 1.1rem/1.6 system-ui, sans-serif; max-width: 40rem; margin: 4rem auto; padding: 0 1rem }</style>
<h1>Lintel</h1>
<p>This is the API of a Lintel control plane: custom hostnames, with certificates, on an edge of one's own.
<p>It speaks Cloudflare's v4 contract below <code>/client/v4</code>; every route and field is described in
<a href=\"/openapi.json\"><code>/openapi.json</code></a>. Official Cloudflare SDKs work with their base URL set to
<code>/client/v4</code> on this address and an API token of this server.
<p>How to run it, and how to bring the first hostname live, is in <code>README.md</code> of the source.
";
