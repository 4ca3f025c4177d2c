//! What `/openapi.json` says beside what the handlers say themselves.

use utoipa::OpenApi;
use utoipa::openapi::path::{Operation, PathItem};
use utoipa::openapi::security::{HttpAuthScheme, HttpBuilder, SecurityScheme};
use utoipa::openapi::{OpenApi as Document, RefOr};

/// The head of the document.
#[derive(OpenApi)]
#[openapi(
    info(
        title = "Lintel",
        description = "Custom hostnames on an edge of your own. Cloudflare's v4 contract as far as it \
                       is listed here, so that its SDKs work with only the base URL changed.",
        license(name = "Apache-2.0", identifier = "Apache-2.0")
    ),
    modifiers(&BearerToken),
    security(("api_token" = []))
)]
pub(crate) struct Head;

struct BearerToken;

impl utoipa::Modify for BearerToken {
    fn modify(&self, openapi: &mut Document) {
        let components = openapi.components.get_or_insert_default();
        let bearer = HttpBuilder::new().scheme(HttpAuthScheme::Bearer).build();
        components.add_security_scheme("api_token", SecurityScheme::Http(bearer));
    }
}

/// Adds what OpenAPI demands of every operation and no handler has to say: an id that no other one
/// has, and a description of each response.
pub(crate) fn complete(document: &mut Document) {
    for (path, item) in &mut document.paths.paths {
        for operation in operations(item) {
            let name = operation.operation_id.take().unwrap_or_default();
            operation.operation_id = Some(id(path, &name));
            for (status, response) in &mut operation.responses.responses {
                if let RefOr::T(response) = response
                    && response.description.is_empty()
                {
                    let refusal = status.starts_with('4');
                    let words = if refusal { "Refused; `errors` says why" } else { "Done" };
                    words.clone_into(&mut response.description);
                }
            }
        }
    }
}

/// `/client/v4/zones/{zone_id}/settings` and `list` -> `zones_settings_list`
fn id(path: &str, name: &str) -> String {
    let fixed = path.trim_start_matches("/client/v4").split('/');
    let mut parts: Vec<_> =
        fixed.filter(|part| !part.is_empty() && !part.starts_with('{')).collect();
    if parts.last() != Some(&name) {
        parts.push(name);
    }
    parts.join("_")
}

fn operations(item: &mut PathItem) -> impl Iterator<Item = &mut Operation> {
    let PathItem { get, put, post, patch, delete, .. } = item;
    [get, put, post, patch, delete].into_iter().flatten()
}
