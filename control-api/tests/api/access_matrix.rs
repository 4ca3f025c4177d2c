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
];
