//! Attributes in headers: the person's own, and no visitor's.

use super::*;

/// A visitor claims to be an administrator in every spelling.
fn claims_to_be_root(sent: Sent) -> Sent {
    sent.with("x-role", "root")
        .with("x_role", "root")
        .with("x.role", "root")
        .with("x-department", "all")
        .with("x-rolex", "mine")
}

const SPELLINGS: [&str; 4] = ["x-role", "x_role", "x.role", "x-department"];

fn with_headers() -> Shell {
    let mut shell = shell();
    shell.edit(&format!("org:{TEAM}"), |organization| {
        organization["origin_headers"] = json!(["x-role", "x-department", "host", "cookie"]);
    });
    let told = [("x-role", "staff,\u{e9}"), ("X-Role", "staff"), ("host", "evil.test")];
    let told = told.map(|(name, value)| (name.to_owned(), value.to_owned()));
    let identity = Identity { origin_headers: told.into(), ..ada() };
    shell.begin_session(SESSION, 86_400, &identity);
    shell
}

fn removed(passage: &Passage) -> Vec<&str> {
    let ours = passage.remove.iter().map(String::as_str).filter(|name| name.starts_with('x'));
    let mut ours: Vec<_> = ours.collect();
    ours.sort_unstable();
    ours
}

fn spellings() -> Vec<&'static str> {
    let mut all = SPELLINGS.to_vec();
    all.sort_unstable();
    all
}

#[test]
fn the_origin_hears_the_persons_own_and_nothing_of_the_visitors() {
    let shell = with_headers();
    let sent = claims_to_be_root(fetch("/data")).cookie("CF_Authorization", &forge(&claims()));
    let passage = sent.passes(&shell);
    assert_eq!(removed(&passage), spellings());
    let told = to_origin(&passage);
    assert_eq!(told["x-role"], "staff");
    assert!(!told.contains_key("host") && !told.contains_key("x-department"));
    assert!(!passage.remove.iter().any(|name| name == "host" || name == "cookie"));
}

#[test]
fn whose_provider_says_nothing_says_nothing_either() {
    let mut shell = with_headers();
    shell.begin_session(SESSION, 86_400, &ada());
    let sent = claims_to_be_root(fetch("/data")).cookie("CF_Authorization", &forge(&claims()));
    let passage = sent.passes(&shell);
    assert_eq!(removed(&passage), spellings());
    assert!(!to_origin(&passage).contains_key("x-role"));
}

/// The organisation's record may be older than the session.
#[test]
fn what_is_told_is_stripped_also_where_the_organisation_does_not_know_of_it_yet() {
    let mut shell = with_headers();
    shell.edit(&format!("org:{TEAM}"), |organization| {
        organization["origin_headers"] = json!([]);
    });
    let sent = claims_to_be_root(fetch("/data")).cookie("CF_Authorization", &forge(&claims()));
    let passage = sent.passes(&shell);
    assert_eq!(removed(&passage), ["x-role", "x.role", "x_role"]);
}

#[test]
fn bypass_machines_preflights_and_paths_beside_are_stripped_too() {
    let mut shell = with_headers();
    shell.edit(&format!("app:{APP}"), |app| {
        app["policies"] = json!([{"id": "b", "name": "All", "decision": "bypass",
            "include": [{"everyone": {}}]}]);
    });
    assert_eq!(removed(&claims_to_be_root(fetch("/")).passes(&shell)), spellings());

    shell.edit(&format!("app:{APP}"), |app| {
        app["policies"] = json!([{"id": "m", "name": "CI", "decision": "non_identity",
            "include": [{"service_token": {"token_id": "st1"}}]}]);
    });
    let machine = claims_to_be_root(fetch("/")).service_token(SECRET).passes(&shell);
    assert_eq!(removed(&machine), spellings());

    shell.edit(&format!("app:{APP}"), |app| app["options_preflight_bypass"] = true.into());
    let preflight = claims_to_be_root(fetch("/"))
        .method(Method::OPTIONS)
        .with("origin", "https://other.example")
        .with("access-control-request-method", "GET");
    assert_eq!(removed(&preflight.passes(&shell)), spellings());

    doors(&mut shell, &[(APP, "admin")]);
    let Gate::Unguarded { mut remove } = claims_to_be_root(visit("/other")).at(&shell) else {
        panic!("it stands beside the door");
    };
    remove.sort_unstable();
    assert_eq!(remove, spellings());
}
