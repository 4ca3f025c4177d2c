//! The App Launcher.

use serde_json::json;

use crate::world::{Browser, Reading as _, TEAM, WIKI, World};

fn launcher(path: &str) -> String {
    format!("https://{TEAM}{path}")
}

fn signed_in() -> (World, Browser) {
    let (mut world, mut browser) = (World::new(), Browser::default());
    world.sign_in(&mut browser, WIKI, "one");
    world.publish_sessions();
    (world, browser)
}

fn list(world: &mut World, id: &str) {
    world.edit(&format!("org:{TEAM}"), |org| {
        org["applications"].as_array_mut().unwrap().push(id.into());
    });
}

#[test]
fn a_stranger_signs_in_first_and_comes_back() {
    let (mut world, mut browser) = (World::new(), Browser::default());
    let (at, page) = world.sign_in(&mut browser, &launcher("/"), "two");
    assert_eq!((at, page.status), (launcher("/"), 200));
    assert!(page.says("bob@example.com") && page.says("data-app=\"wiki\""));
    let event = world.log.last().unwrap();
    assert!(event.allowed && event.user_email.as_deref() == Some("bob@example.com"));
}

#[test]
fn exactly_what_this_person_may_open() {
    let (mut world, mut browser) = signed_in();
    let nobody = json!([{
        "id": "p", "name": "P", "decision": "deny", "include": [{ "everyone": {} }],
    }]);
    let everyone = json!([{
        "id": "p", "name": "P", "decision": "allow", "include": [{ "everyone": {} }],
    }]);
    world.put_application("denied", "denied.example.com", nobody);
    world.put_application("hidden", "hidden.example.com", everyone.clone());
    world.put_application("off", "off.example.com", everyone.clone());
    world.put_application("elsewhere", "elsewhere.example.com", everyone.clone());
    world.put_application("others", "others.example.com", everyone.clone());
    world.put_application("odd", "odd.example.com", everyone.clone());
    world.put_application("link", "example.org/docs", json!([]));
    world.put_application("trap", "javascript:alert(1)//", json!([]));
    world.edit("app:hidden", |app| app["app_launcher_visible"] = false.into());
    world.edit("app:off", |app| app["enabled"] = false.into());
    world.edit("app:elsewhere", |app| app["auth_domain"] = "team.other.test".into());
    world.edit("app:others", |app| app["allowed_idps"] = json!(["two"]));
    world.edit("app:odd", |app| app["launch_url"] = "javascript:alert(1)".into());
    for id in ["link", "trap"] {
        world.edit(&format!("app:{id}"), |app| app["type"] = "bookmark".into());
    }
    for id in ["denied", "hidden", "off", "elsewhere", "others", "odd", "link", "trap", "missing"] {
        list(&mut world, id);
    }
    let page = world.get(&mut browser, &launcher("/"));
    for (id, shown) in [
        ("wiki", true),
        ("link", true),
        ("admin", false),
        ("denied", false),
        ("hidden", false),
        ("off", false),
        ("elsewhere", false),
        ("others", false),
        ("odd", false),
        ("trap", false),
        ("missing", false),
    ] {
        assert_eq!(page.says(&format!("data-app=\"{id}\"")), shown, "{id}");
    }
    assert_eq!(page.link("data-app=\"link\""), "https://example.org/docs");
    assert_eq!(page.link("data-app=\"wiki\""), format!("{WIKI}/"));
}

#[test]
fn search_and_tags() {
    let (mut world, mut browser) = signed_in();
    let policies = world.records["app:wiki"]["policies"].clone();
    world.put_application("blog", "blog.example.com", policies);
    world.edit("app:wiki", |app| app["tags"] = json!(["docs", "r&d"]));
    world.edit("app:blog", |app| app["tags"] = json!(["news"]));
    list(&mut world, "blog");
    for (query, wiki, blog) in [
        ("/", true, true),
        ("/?q=WI", true, false),
        ("/?q=news", false, true),
        ("/?q=wiki+docs", true, false),
        ("/?q=wiki+news", false, false),
        ("/?tag=docs", true, false),
        ("/?tag=r%26d", true, false),
        ("/?tag=", true, true),
        ("/?tag=nothing", false, false),
        ("/?q=%3Cimg+src%3Dx%3E", false, false),
    ] {
        let page = world.get(&mut browser, &launcher(query));
        assert_eq!(page.status, 200);
        assert_eq!(page.says("data-app=\"wiki\""), wiki, "{query}");
        assert_eq!(page.says("data-app=\"blog\""), blog, "{query}");
        assert!(!page.says("<img src=x>"));
    }
}

#[test]
fn its_own_application_says_who_sees_it_at_all() {
    let (mut world, mut browser) = signed_in();
    let deny = json!([{
        "id": "p", "name": "Nobody", "decision": "deny", "include": [{ "everyone": {} }],
    }]);
    world.put_application("launcher", TEAM, deny);
    world.edit("app:launcher", |app| app["type"] = "app_launcher".into());
    world.edit(&format!("org:{TEAM}"), |org| {
        org["launcher"] = json!({ "application_id": "launcher" });
    });
    assert_eq!(world.get(&mut browser, &launcher("/")).status, 403);
    assert!(world.last_reason().contains("Nobody"));
    world.edit("app:launcher", |app| app["enabled"] = false.into());
    assert_eq!(world.get(&mut browser, &launcher("/")).status, 403);
    world.records.remove("app:launcher");
    assert_eq!(world.get(&mut browser, &launcher("/")).status, 403);
}

#[test]
fn hundreds_of_applications_are_weighed() {
    let (mut world, mut browser) = signed_in();
    let policies = world.records["app:wiki"]["policies"].clone();
    for n in 0..300 {
        let id = format!("app-{n}");
        world.put_application(&id, &format!("{id}.example.com"), policies.clone());
        list(&mut world, &id);
    }
    let page = world.get(&mut browser, &launcher("/"));
    assert!(page.says("data-app=\"app-299\""));
}
