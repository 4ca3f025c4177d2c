//! `/access/sso/saml/{application}`, and what stands below.

use edge_state::key::is_token;
use http::Method;

use super::sso::{by_form, by_link, metadata};
use super::{party, slo};
use crate::visit::Visit;
use crate::{Need, Response};

/// `/access/sso/{rest}`; `None`: there is nothing at this address.
pub(crate) fn answer(visit: &Visit, rest: &str) -> Result<Option<Response>, Need> {
    let Some(rest) = rest.strip_prefix("saml/") else { return Ok(None) };
    let (id, below) = match rest.split_once('/') {
        Some((id, below)) => (id, Some(below)),
        None => (rest, None),
    };
    if !is_token(id) || !matches!(below, None | Some("saml-metadata" | "logout")) {
        return Ok(None);
    }
    let party = match party::find(visit, id)? {
        Ok(party) => party,
        Err(response) => return Ok(Some(response)),
    };
    match (below, visit.request.method) {
        (Some("saml-metadata"), &(Method::GET | Method::HEAD)) => metadata::answer(&party),
        (Some("saml-metadata"), _) => Ok(wrong_method("GET, HEAD")),
        // HEAD asks about a page and does nothing; a GET here does something.
        (Some(_), &(Method::GET | Method::POST)) => slo::answer(&party),
        (None, &Method::GET) => by_link(&party),
        (None, &Method::POST) => by_form(&party),
        _ => Ok(wrong_method("GET, POST")),
    }
    .map(Some)
}

fn wrong_method(allow: &str) -> Response {
    Response { status: 405, ..Response::default() }
        .with_header("allow", allow)
        .with_header("cache-control", "no-store")
}
