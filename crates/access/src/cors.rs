//! Requests of other origins (Fetch §3.2): preflights that are answered here, and headers by which a
//! program of another origin may read our own answers.

use edge_state::access::ApplicationRecord;
use edge_state::access::application::Cors;
use http::{Method, header};

use crate::{Request, Response};

/// What becomes of a preflight.
#[derive(Clone, Debug, PartialEq)]
pub enum Preflight {
    /// The origin answers it, unjudged: a preflight carries no cookies, so nobody could be known.
    Pass,
    /// We do.
    Answer(Box<Response>),
}

/// Headers of our own answers that a program may read.
const EXPOSED: &str = "access-login-url, cf-ray, www-authenticate";

/// Whether the request is a preflight, and what the application wants done with it.
#[must_use]
pub fn preflight(request: &Request, application: &ApplicationRecord) -> Option<Preflight> {
    let origin = text(request, header::ORIGIN)?;
    let method = text(request, header::ACCESS_CONTROL_REQUEST_METHOD)?;
    if *request.method != Method::OPTIONS {
        return None;
    }
    if application.options_preflight_bypass {
        return Some(Preflight::Pass);
    }
    let cors = application.cors.as_ref()?;
    let mut headers = allow_origin(cors, origin);
    if headers.len() > 1 {
        headers.push(("access-control-allow-methods", methods(cors, method)));
        let wanted = text(request, header::ACCESS_CONTROL_REQUEST_HEADERS);
        if let Some(allowed) = allow_headers(cors, wanted) {
            headers.push(("access-control-allow-headers", allowed));
        }
        if let Some(seconds) = cors.max_age {
            headers.push(("access-control-max-age", seconds.to_string()));
        }
    }
    headers.push(("cache-control", "no-store".to_owned()));
    Some(Preflight::Answer(Box::new(Response { status: 204, headers, ..Response::default() })))
}

/// Headers that let a program of an allowed origin read our answer to it.
#[must_use]
pub fn readable(request: &Request, application: &ApplicationRecord) -> Vec<(&'static str, String)> {
    let (Some(origin), Some(cors)) = (text(request, header::ORIGIN), &application.cors) else {
        return Vec::new();
    };
    let mut headers = allow_origin(cors, origin);
    if headers.len() > 1 {
        headers.push(("access-control-expose-headers", EXPOSED.to_owned()));
    }
    headers
}

/// `Vary` alone, if the origin is not allowed.
fn allow_origin(cors: &Cors, origin: &str) -> Vec<(&'static str, String)> {
    let mut headers = vec![("vary", "Origin".to_owned())];
    let named = cors.allowed_origins.iter().any(|allowed| allowed == origin && allowed != "null");
    if named {
        headers.push(("access-control-allow-origin", origin.to_owned()));
        if cors.allow_credentials {
            headers.push(("access-control-allow-credentials", "true".to_owned()));
        }
    } else if cors.allow_all_origins || cors.allowed_origins.iter().any(|allowed| allowed == "*") {
        // Never with credentials: any page of the Internet would act as whoever opens it.
        headers.push(("access-control-allow-origin", "*".to_owned()));
    }
    headers
}

/// With credentials `*` is no wildcard (Fetch §4.9), so what is asked for is named.
fn methods(cors: &Cors, wanted: &str) -> String {
    let any = cors.allow_all_methods || cors.allowed_methods.iter().any(|method| method == "*");
    match Method::from_bytes(wanted.as_bytes()) {
        Ok(method) if any => method.to_string(),
        _ => cors.allowed_methods.join(", "),
    }
}

fn allow_headers(cors: &Cors, wanted: Option<&str>) -> Option<String> {
    let any = cors.allow_all_headers || cors.allowed_headers.iter().any(|name| name == "*");
    let allowed = if any {
        let names = wanted?.split(',').map(str::trim);
        let names = names.filter_map(|name| http::HeaderName::try_from(name).ok());
        names.map(|name| name.to_string()).collect::<Vec<_>>()
    } else {
        cors.allowed_headers.clone()
    };
    (!allowed.is_empty()).then(|| allowed.join(", "))
}

fn text<'r>(request: &Request<'r>, name: http::HeaderName) -> Option<&'r str> {
    request.headers.get(name).and_then(|value| value.to_str().ok())
}
