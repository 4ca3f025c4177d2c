//! Responses that the edge makes up itself.

use routing::decision::Redirect;
use routing::page::{Reader, prefers_json};
use routing::{Facts, Refusal};
use worker::web_sys::{Headers, Response, ResponseInit};

use crate::failure::Failure;

/// A challenge or an ownership token, byte for byte.
pub fn answer(text: &str, facts: &Facts) -> Result<Response, Failure> {
    let headers = [
        ("content-type", "text/plain"),
        ("cache-control", "no-store"),
        ("x-content-type-options", "nosniff"),
    ];
    respond(200, headers, text, &facts.request_id)
}

/// To the same place over HTTPS. Browsers forget it within the hour, should the setting change.
pub fn redirect(redirect: &Redirect, facts: &Facts) -> Result<Response, Failure> {
    let headers = [("location", redirect.location.as_str()), ("cache-control", "max-age=3600")];
    respond(redirect.status, headers, "", &facts.request_id)
}

/// What Access answers by itself.
pub fn access(response: &access::Response, facts: &Facts) -> Result<Response, Failure> {
    let headers = response.headers.iter().map(|(name, value)| (*name, value.as_str()));
    respond(response.status, headers, &response.body, &facts.request_id)
}

/// A page that says why not, to a person or to a program.
pub fn refusal(refusal: &Refusal, reader: Reader<'_>) -> Result<Response, Failure> {
    let page = routing::page::refusal(refusal, reader);
    let headers = page.headers.iter().map(|(name, value)| (*name, value.as_str()));
    respond(page.status, headers, &page.body, reader.request_id)
}

/// Who asked.
pub fn reader(facts: &Facts) -> Reader<'_> {
    Reader {
        hostname: facts.authority.hostname.as_ref(),
        request_id: &facts.request_id,
        json: prefers_json(&facts.headers),
    }
}

fn respond<'a>(
    status: u16,
    headers: impl IntoIterator<Item = (&'a str, &'a str)>,
    body: &str,
    request_id: &'a str,
) -> Result<Response, Failure> {
    let doing = || Failure::platform("making a response");
    let init = ResponseInit::new();
    let all = Headers::new().map_err(doing())?;
    for (name, value) in headers.into_iter().chain([("cf-ray", request_id)]) {
        all.append(name, value).map_err(doing())?;
    }
    init.set_status(status);
    init.set_headers(&all);
    // Fetch §"null body status": not even an empty one may be given.
    let body = (!matches!(status, 204 | 205 | 304)).then_some(body);
    Response::new_with_opt_str_and_init(body, &init).map_err(doing())
}
