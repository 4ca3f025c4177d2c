//! GitHub.

use serde_json::json;

use crate::world::{Browser, WIKI, World};

fn outcome(change: impl FnOnce(&mut World)) -> (u16, World) {
    let mut world = World::new();
    change(&mut world);
    let (_, page) = world.sign_in(&mut Browser::default(), &format!("{WIKI}/x"), "hub");
    (page.status, world)
}

#[test]
fn organizations_and_teams_of_all_pages_are_groups() {
    let (status, world) = outcome(|world| world.github.teams = 250);
    assert_eq!(status, 200);
    let identity = world.log.last().unwrap().identity.clone().unwrap();
    let names: Vec<_> = identity.groups.iter().filter_map(|group| group.name.as_deref()).collect();
    assert_eq!(names.len(), 251);
    assert!(names.contains(&"Example-Inc") && names.contains(&"Example-Inc/team-249"));
    assert_eq!(
        (identity.subject.as_str(), identity.email.as_str()),
        ("583231", "octo@example.com")
    );
    assert_eq!(identity.name.as_deref(), Some("Octo Cat"));
}

#[test]
fn more_teams_than_can_be_read_sign_nobody_in() {
    let (status, world) = outcome(|world| world.github.teams = 5_000);
    assert_eq!(status, 403);
    assert_eq!(world.last_reason(), "the provider names more teams than can be read");
    let pages = world.github.asked.iter().filter(|fetch| fetch.url.contains("/user/teams"));
    assert_eq!(pages.count(), 10);
}

#[test]
fn only_a_verified_primary_address_counts() {
    for (emails, reason) in [
        (json!([]), "the provider named no e-mail address"),
        (
            json!([{ "email": "root@example.com", "primary": false, "verified": true }]),
            "the provider named no e-mail address",
        ),
        (
            json!([{ "email": "root@example.com", "primary": true, "verified": false }]),
            "the provider says that the e-mail address is not verified",
        ),
        (json!({ "message": "Bad credentials" }), "the provider's e-mail addresses cannot be read"),
    ] {
        let (status, world) = outcome(|world| {
            world.github.other.insert("/user/emails", emails);
        });
        assert_eq!((status, world.last_reason()), (403, reason));
        assert!(world.control.sessions.is_empty());
    }
}

#[test]
fn a_refused_code_and_a_missing_token_sign_nobody_in() {
    let path = "/login/oauth/access_token";
    for (answer, reason) in [
        (
            json!({ "error": "bad_verification_code", "error_description": "expired" }),
            "the provider refused the code: bad_verification_code expired",
        ),
        (json!({}), "the provider's access token cannot be read"),
        (
            json!({ "access_token": "x", "token_type": "mac" }),
            "the provider's access token cannot be read",
        ),
        (json!({ "access_token": "x\r\ny" }), "the provider's access token cannot be read"),
    ] {
        let (status, world) = outcome(|world| {
            world.github.other.insert(path, answer);
        });
        assert_eq!((status, world.last_reason()), (403, reason));
    }
}

#[test]
fn a_secret_that_does_not_open_is_said_to_be_ours_to_mend() {
    let (status, world) = outcome(|world| {
        let secret = world.records["idp:one"]["protocol"]["oidc"]["client_secret"].clone();
        world.edit("idp:hub", |r| r["protocol"]["github"]["client_secret"] = secret);
    });
    assert_eq!((status, world.last_reason()), (403, "the provider's secret cannot be opened"));
}
