//! The operations of Access and what they ask for, as rows of the matrix in `authorization.rs`.
//! Each is one operation in an account; with [`TWIN`], it is also one in the account's zones.

/// Below the account alone.
pub const ACCOUNT: bool = false;
/// Also below its zones.
pub const TWIN: bool = true;

/// A method, the path below the account, and whether it has a twin.
pub type Row = (&'static str, &'static str, bool);

/// Every operation of Access.
pub fn rows() -> impl Iterator<Item = &'static Row> {
    [OBJECTS, PEOPLE, APPS].into_iter().flatten()
}

/// Whether the operation exists, and below what.
pub fn find(method: &str, path: &str) -> Option<&'static Row> {
    let account = path.strip_prefix("/client/v4/accounts/{account_id}");
    let zone = path.strip_prefix("/client/v4/zones/{zone_id}");
    rows().find(|(m, below, twin)| {
        *m == method && (account == Some(*below) || (*twin && zone == Some(*below)))
    })
}

#[rustfmt::skip]
const OBJECTS: &[Row] = &[
    ("POST", "/access/organizations", TWIN),
    ("GET", "/access/organizations", TWIN),
    ("PUT", "/access/organizations", TWIN),
    ("PATCH", "/access/organizations", TWIN),
    ("GET", "/access/organizations/doh", ACCOUNT),
    ("PUT", "/access/organizations/doh", ACCOUNT),
    ("GET", "/access/keys", ACCOUNT),
    ("PUT", "/access/keys", ACCOUNT),
    ("POST", "/access/keys/rotate", ACCOUNT),
    ("POST", "/access/identity_providers", TWIN),
    ("GET", "/access/identity_providers", TWIN),
    ("GET", "/access/identity_providers/{id}", TWIN),
    ("PUT", "/access/identity_providers/{id}", TWIN),
    ("DELETE", "/access/identity_providers/{id}", TWIN),
    ("GET", "/access/identity_providers/{id}/saml_metadata", ACCOUNT),
    ("POST", "/access/identity_providers/{id}/saml_metadata/refresh", ACCOUNT),
    ("POST", "/access/identity_providers/{id}/saml_certificate", ACCOUNT),
    ("GET", "/access/saml_certificates", ACCOUNT),
    ("GET", "/access/saml_certificates/{id}", ACCOUNT),
    ("GET", "/access/saml_certificates/{id}/pem", ACCOUNT),
    ("POST", "/access/saml_certificates/{id}/rotate", ACCOUNT),
    ("POST", "/access/service_tokens", TWIN),
    ("GET", "/access/service_tokens", TWIN),
    ("GET", "/access/service_tokens/{id}", TWIN),
    ("PUT", "/access/service_tokens/{id}", TWIN),
    ("DELETE", "/access/service_tokens/{id}", TWIN),
    ("POST", "/access/service_tokens/{id}/refresh", ACCOUNT),
    ("POST", "/access/service_tokens/{id}/rotate", ACCOUNT),
    ("POST", "/access/certificates", TWIN),
    ("GET", "/access/certificates", TWIN),
    ("GET", "/access/certificates/{id}", TWIN),
    ("PUT", "/access/certificates/{id}", TWIN),
    ("DELETE", "/access/certificates/{id}", TWIN),
    ("GET", "/access/certificates/settings", TWIN),
    ("PUT", "/access/certificates/settings", TWIN),
    ("POST", "/access/custom_pages", ACCOUNT),
    ("GET", "/access/custom_pages", ACCOUNT),
    ("GET", "/access/custom_pages/{id}", ACCOUNT),
    ("PUT", "/access/custom_pages/{id}", ACCOUNT),
    ("DELETE", "/access/custom_pages/{id}", ACCOUNT),
    ("POST", "/gateway/lists", ACCOUNT),
    ("GET", "/gateway/lists", ACCOUNT),
    ("GET", "/gateway/lists/{id}", ACCOUNT),
    ("PUT", "/gateway/lists/{id}", ACCOUNT),
    ("PATCH", "/gateway/lists/{id}", ACCOUNT),
    ("DELETE", "/gateway/lists/{id}", ACCOUNT),
    ("GET", "/gateway/lists/{id}/items", ACCOUNT),
    ("GET", "/zt_risk_scoring/{id}", ACCOUNT),
    ("POST", "/zt_risk_scoring/{id}/reset", ACCOUNT),
    ("POST", "/devices/posture", ACCOUNT),
    ("GET", "/devices/posture", ACCOUNT),
    ("GET", "/devices/posture/{id}", ACCOUNT),
    ("PUT", "/devices/posture/{id}", ACCOUNT),
    ("DELETE", "/devices/posture/{id}", ACCOUNT),
    ("POST", "/devices/posture/integration", ACCOUNT),
    ("GET", "/devices/posture/integration", ACCOUNT),
    ("GET", "/devices/posture/integration/{id}", ACCOUNT),
    ("PATCH", "/devices/posture/integration/{id}", ACCOUNT),
    ("DELETE", "/devices/posture/integration/{id}", ACCOUNT),
    ("POST", "/access/groups", TWIN),
    ("GET", "/access/groups", TWIN),
    ("GET", "/access/groups/{id}", TWIN),
    ("PUT", "/access/groups/{id}", TWIN),
    ("DELETE", "/access/groups/{id}", TWIN),
    ("POST", "/access/tags", ACCOUNT),
    ("GET", "/access/tags", ACCOUNT),
    ("GET", "/access/tags/{name}", ACCOUNT),
    ("PUT", "/access/tags/{name}", ACCOUNT),
    ("DELETE", "/access/tags/{name}", ACCOUNT),
];

#[rustfmt::skip]
const PEOPLE: &[Row] = &[
    ("POST", "/access/users", ACCOUNT),
    ("GET", "/access/users", ACCOUNT),
    ("GET", "/access/users/{id}", ACCOUNT),
    ("PUT", "/access/users/{id}", ACCOUNT),
    ("DELETE", "/access/users/{id}", ACCOUNT),
    ("GET", "/access/users/{id}/active_sessions", ACCOUNT),
    ("GET", "/access/users/{id}/active_sessions/{nonce}", ACCOUNT),
    ("GET", "/access/users/{id}/last_seen_identity", ACCOUNT),
    ("GET", "/access/users/{id}/failed_logins", ACCOUNT),
    ("PATCH", "/access/seats", ACCOUNT),
    ("POST", "/access/organizations/revoke_user", TWIN),
    ("GET", "/access/logs/access_requests", ACCOUNT),
    ("GET", "/access/logs/scim/updates", ACCOUNT),
];

#[rustfmt::skip]
const APPS: &[Row] = &[
    ("POST", "/access/apps", TWIN),
    ("GET", "/access/apps", TWIN),
    ("GET", "/access/apps/{id}", TWIN),
    ("PUT", "/access/apps/{id}", TWIN),
    ("DELETE", "/access/apps/{id}", TWIN),
    ("PUT", "/access/apps/{id}/settings", TWIN),
    ("PATCH", "/access/apps/{id}/settings", TWIN),
    ("POST", "/access/apps/{id}/revoke_tokens", TWIN),
    ("GET", "/access/apps/{id}/user_policy_checks", TWIN),
    ("POST", "/access/apps/{id}/ca", TWIN),
    ("GET", "/access/apps/{id}/ca", TWIN),
    ("DELETE", "/access/apps/{id}/ca", TWIN),
    ("GET", "/access/apps/ca", TWIN),
    ("GET", "/access/apps/{id}/saml_metadata", ACCOUNT),
    ("POST", "/access/apps/{id}/saml_metadata/refresh", ACCOUNT),
    ("POST", "/access/apps/{id}/saml_test", ACCOUNT),
    ("GET", "/access/apps/{id}/saml_certificates", ACCOUNT),
    ("POST", "/access/apps/{id}/saml_certificates", ACCOUNT),
    ("DELETE", "/access/apps/{id}/saml_certificates/{kid}", ACCOUNT),
    ("PUT", "/access/apps/{id}/saml_certificates/{kid}/activate", ACCOUNT),
    ("POST", "/access/apps/{id}/policies", TWIN),
    ("GET", "/access/apps/{id}/policies", TWIN),
    ("GET", "/access/apps/{id}/policies/{policy_id}", TWIN),
    ("PUT", "/access/apps/{id}/policies/{policy_id}", TWIN),
    ("DELETE", "/access/apps/{id}/policies/{policy_id}", TWIN),
    ("POST", "/access/policies", ACCOUNT),
    ("GET", "/access/policies", ACCOUNT),
    ("GET", "/access/policies/{id}", ACCOUNT),
    ("PUT", "/access/policies/{id}", ACCOUNT),
    ("DELETE", "/access/policies/{id}", ACCOUNT),
    ("POST", "/access/policy-tests", ACCOUNT),
    ("GET", "/access/policy-tests/{id}", ACCOUNT),
    ("GET", "/access/policy-tests/{id}/users", ACCOUNT),
    ("POST", "/access/policy-tests/evaluate", ACCOUNT),
    ("POST", "/access/policy-tests/replay", ACCOUNT),
];
