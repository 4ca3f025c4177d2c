//! The team domain: its routes.

use edge_state::access::OrganizationRecord;
use http::Method;

use crate::admission::admit;
use crate::event::Action;
use crate::login::{approval, callback, choose, start};
use crate::page::message;
use crate::saml::route;
use crate::visit::{Visit, Words};
use crate::{
    Here, Known, Need, Request, Response, certs, get_identity, launcher, logout, one_time_pin,
    saml_provider,
};

/// Below these everything stands: `/access`, and the contract's own spelling.
const PREFIXES: [&str; 2] = ["/access", "/cdn-cgi/access"];

/// The answer to any request for the team domain.
///
/// # Errors
/// [`Need`]
pub fn answer(
    organization: &OrganizationRecord,
    request: &Request,
    known: &Known,
    here: &Here,
) -> Result<Response, Need> {
    let visit = Visit { organization, request, known, here };
    let entrance = visit.entrance();
    if let Err(reason) = admit(&entrance, known)? {
        let words = Words {
            status: 403,
            title: "Sign-in is switched off",
            text: "Please ask your administrator.",
            links: Vec::new(),
        };
        return Ok(visit.refuse(words, visit.event(Action::Login, false, reason.to_string())));
    }
    if request.path == "/" {
        return if is_get(&visit) {
            launcher::answer(&visit)
        } else {
            Ok(wrong_method("GET, HEAD"))
        };
    }
    let below = PREFIXES.iter().find_map(|prefix| request.path.strip_prefix(prefix));
    let Some(below) = below.and_then(|below| below.strip_prefix('/')) else {
        return Ok(nothing_here(&visit));
    };
    let (route, rest) = below.split_once('/').map_or((below, None), |(r, rest)| (r, Some(rest)));
    route_to(&visit, route, rest)
}

fn route_to(visit: &Visit, route: &str, rest: Option<&str>) -> Result<Response, Need> {
    let (get, post) = (is_get(visit), visit.request.method == Method::POST);
    // HEAD asks about a page and does nothing; where a GET does something, it is refused.
    let only_get = visit.request.method == Method::GET;
    match (route, rest) {
        ("login", _) if get || post => choose::answer(visit, rest),
        ("start", Some(provider)) if only_get => start::answer(visit, provider),
        ("callback", Some(provider)) if only_get || post => callback::answer(visit, provider),
        ("callback", None) if only_get || post => Ok(callback::nobodys(visit)),
        // The contract's spellings of the metadata that a SAML provider wants of us.
        ("saml-metadata", None) if get => saml_provider::metadata::of_the_only_one(visit),
        (provider, Some(document @ "saml-metadata")) if get => {
            saml_provider::metadata::answer(visit, provider, document)
        }
        ("pin", None) if post => one_time_pin::answer(visit),
        // Whoever reloads the page of a form that is gone begins again.
        ("pin", None) if get => Ok(Response::redirect("/access/login")),
        ("certs", None) if get => certs::answer(visit),
        ("get-identity", None) if get => get_identity::answer(visit),
        ("logout", None) if get || post => logout::answer(visit),
        ("sso", Some(rest)) => {
            Ok(route::answer(visit, rest)?.unwrap_or_else(|| nothing_here(visit)))
        }
        ("approvals", Some(id)) if get || post => approval::answer(visit, id),
        ("start", Some(_)) => Ok(wrong_method("GET")),
        ("login" | "logout" | "callback" | "pin", _) | ("approvals", Some(_)) => {
            Ok(wrong_method("GET, HEAD, POST"))
        }
        ("certs" | "get-identity", None) => Ok(wrong_method("GET, HEAD")),
        _ => Ok(nothing_here(visit)),
    }
}

fn is_get(visit: &Visit) -> bool {
    matches!(*visit.request.method, Method::GET | Method::HEAD)
}

fn nothing_here(visit: &Visit) -> Response {
    message::render(&message::View {
        frame: visit.frame(),
        status: 404,
        title: "There is nothing here",
        text: vec!["The address may be mistyped.".to_owned()],
        code: None,
        links: vec![crate::login::target::home()],
    })
}

fn wrong_method(allow: &str) -> Response {
    Response { status: 405, ..Response::default() }
        .with_header("allow", allow)
        .with_header("cache-control", "no-store")
}
