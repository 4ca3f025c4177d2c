//! `get-identity`: what is known of the person who asks.

use edge_state::access::{Identity, OrganizationRecord};
use serde_json::{Value, json};

use crate::session::Live;
use crate::visit::Visit;
use crate::{Need, Response};

/// `/access/get-identity` on the team domain.
pub(crate) fn answer(visit: &Visit) -> Result<Response, Need> {
    // Programs show the token alone; whoever planted it reads nothing of the answer.
    Ok(match visit.recognise_token(None)? {
        Ok(session) => {
            Response::json(200, &body(&session.live, session.issued_at, visit.organization))
        }
        Err(_) => nobody(),
    })
}

/// The answer to who is not signed in.
#[must_use]
pub fn nobody() -> Response {
    Response::json(401, &json!({ "err": "no app token set" }))
}

/// The name under which the contract has what the provider said of somebody.
pub(crate) fn said_by_provider(identity: &Identity) -> &'static str {
    if identity.idp.kind == "saml" { "saml_attributes" } else { "oidc_fields" }
}

/// The contract's JSON.
#[must_use]
pub fn body(live: &Live, issued_at: i64, organization: &OrganizationRecord) -> Value {
    let identity = &live.identity;
    json!({
        "id": identity.subject,
        "name": identity.name,
        "email": identity.email,
        "user_uuid": identity.user_id,
        "account_id": organization.account_id,
        "idp": { "id": identity.idp.id, "type": identity.idp.kind },
        "geo": { "country": identity.country },
        "groups": identity.groups,
        "amr": identity.amr,
        "custom": identity.claims,
        said_by_provider(identity): identity.claims,
        "devicePosture": identity.device_posture,
        "ip": identity.ip,
        "iat": issued_at,
        "exp": live.expires_at,
        "auth_status": "NONE",
        "common_name": "",
        "service_token_id": "",
        "service_token_status": false,
        "is_warp": false,
        "is_gateway": false,
        "device_id": "",
        "device_sessions": {},
        "version": 2,
    })
}
