//! Every way in, against everything that can be switched off or missing.

use saml::binding::Departure;
use saml::response::Status;
use saml::service_provider::Question;
use serde_json::json;

use crate::control::{CODE, user_id};
use crate::saml_idp::{SamlIdp, request_in};
use crate::shop::{Posted, Shop, sso};
use crate::world::{Ask, Browser, Reading as _, TEAM, WIKI, World};

/// Somebody on the way in, one step before the end; and whether the last step let them in.
type Entrance = fn(&mut World, &mut Browser, Off) -> bool;

/// Machines have a way of their own.
const MACHINES: [(&str, Off); 9] = [
    PARTIES[0],
    PARTIES[1],
    PARTIES[2],
    PARTIES[3],
    PARTIES[4],
    ("token off", |w| w.edit("service_token:m.access", |r| r["enabled"] = false.into())),
    ("token missing", |w| drop(w.records.remove("service_token:m.access"))),
    ("token elsewhere", |w| {
        w.edit("service_token:m.access", |r| r["auth_domain"] = "x.test".into());
    }),
    ("token expired", |w| {
        let now = w.now;
        w.edit("service_token:m.access", |r| r["expires_at"] = now.into());
    }),
];

/// Switches something off in the middle.
type Off = fn(&mut World);

impl World {
    fn switch(&mut self, off: Off) {
        off(self);
        self.log.clear();
    }
}

const PARTIES: [(&str, Off); 11] = [
    ("organization off", |w| w.edit(&format!("org:{TEAM}"), |r| r["enabled"] = false.into())),
    ("organization missing", |w| drop(w.records.remove(&format!("org:{TEAM}")))),
    ("application off", |w| each_application(w, |r| r["enabled"] = false.into())),
    ("application missing", |w| w.records.retain(|key, _| !key.starts_with("app:"))),
    ("application elsewhere", |w| each_application(w, |r| r["auth_domain"] = "x.test".into())),
    ("provider off", |w| each_provider(w, |r| r["enabled"] = false.into())),
    ("provider missing", |w| w.records.retain(|key, _| !key.starts_with("idp:"))),
    ("provider not listed", |w| {
        w.edit(&format!("org:{TEAM}"), |r| r["identity_providers"] = json!([]));
    }),
    ("provider not allowed", |w| each_application(w, |r| r["allowed_idps"] = json!(["none"]))),
    ("user off", |w| revoke(w, json!({ "not_after": 0, "disabled": true }))),
    ("user revoked", |w| {
        let now = w.now;
        revoke(w, json!({ "not_after": now }));
    }),
];

fn each_application(world: &mut World, change: fn(&mut serde_json::Value)) {
    for id in ["wiki", "shop"] {
        if world.records.contains_key(&format!("app:{id}")) {
            world.edit(&format!("app:{id}"), change);
        }
    }
}

fn each_provider(world: &mut World, change: fn(&mut serde_json::Value)) {
    for (_, record) in world.records.iter_mut().filter(|(key, _)| key.starts_with("idp:")) {
        change(record);
    }
}

fn revoke(world: &mut World, revocation: serde_json::Value) {
    for email in ["ada@example.com", "eve@example.com", "octo@example.com"] {
        let revocation = revocation.clone();
        world.edit(&format!("revoked:{TEAM}"), |r| r["users"][user_id(email)] = revocation);
        if world.records[&format!("revoked:{TEAM}")]["users"][user_id(email)]["disabled"] == true {
            world.control.disabled.insert(email.into());
        }
    }
}

/// Ada's SAML provider is another way in, also by its own start.
fn with_saml(world: &mut World) -> SamlIdp {
    let idp = SamlIdp::corp();
    world.put_saml(&idp);
    world.edit("idp:corp", |r| r["protocol"]["saml"]["allow_unsolicited"] = true.into());
    idp
}

fn is_in(at: &str, status: u16) -> bool {
    at.starts_with(WIKI) && status == 200
}

const ENTRANCES: [(&str, Entrance); 23] = [
    ("application-initiated", |world, browser, off| {
        let (_, page) = world.follow(browser, &format!("{WIKI}/x"));
        let start = format!("https://{TEAM}{}", page.link("data-idp=\"one\""));
        world.switch(off);
        let (at, page) = world.follow(browser, &start);
        is_in(&at, page.status)
    }),
    ("callback", |world, browser, off| {
        let callback = world.callback(browser, &format!("{WIKI}/x"), "one");
        world.switch(off);
        let (at, page) = world.follow(browser, &callback);
        is_in(&at, page.status)
    }),
    ("callback of GitHub", |world, browser, off| {
        let callback = world.callback(browser, &format!("{WIKI}/x"), "hub");
        world.switch(off);
        let (at, page) = world.follow(browser, &callback);
        is_in(&at, page.status)
    }),
    ("start of SAML", |world, browser, off| {
        let idp = with_saml(world);
        let (_, page) = world.follow(browser, &format!("{WIKI}/x"));
        let start = format!("https://{TEAM}{}", page.link("data-idp=\"corp\""));
        world.switch(off);
        let departure = world.get(browser, &start);
        if departure.location().is_none_or(|url| !url.starts_with(&idp.sso)) {
            return false;
        }
        let form = idp.answer(&idp.accept(&request_in(&departure), world.now).target, world.now);
        let (at, page) = world.arrive(browser, &form);
        is_in(&at, page.status)
    }),
    ("callback of SAML", |world, browser, off| {
        let idp = with_saml(world);
        let form = world.asked(browser, &format!("{WIKI}/x"), &idp);
        world.switch(off);
        let (at, page) = world.arrive(browser, &form);
        is_in(&at, page.status)
    }),
    ("unsolicited response of SAML", |world, browser, off| {
        let idp = with_saml(world);
        let form = idp.answer(&idp.target(None, Some(&format!("{WIKI}/x"))), world.now);
        world.switch(off);
        let (at, page) = world.arrive(browser, &form);
        is_in(&at, page.status)
    }),
    ("replayed response of SAML with a live session", |world, browser, off| {
        let idp = with_saml(world);
        let form = world.asked(browser, &format!("{WIKI}/x"), &idp);
        world.deliver(browser, &form);
        world.switch(off);
        let (at, page) = world.arrive(browser, &form);
        is_in(&at, page.status)
    }),
    ("mailed code", |world, browser, off| {
        let (_, page) = world.sign_in(browser, &format!("{WIKI}/x"), "pin");
        let state = page.field("state");
        let form = [("state", state.as_str()), ("email", "eve@example.com")];
        let page = world.post(browser, "/access/pin", &form);
        let state = page.field("state");
        world.switch(off);
        let answer = world.post(browser, "/access/pin", &[("state", &state), ("code", CODE)]);
        let Some(next) = answer.location().map(str::to_owned) else { return false };
        let (at, page) = world.follow(
            browser,
            &format!("https://{TEAM}/").replace("https://team.example.com/", &next),
        );
        is_in(&at, page.status)
    }),
    ("live session", |world, browser, off| {
        world.sign_in(browser, &format!("https://{TEAM}/"), "one");
        world.switch(off);
        let (at, page) = world.follow(browser, &format!("{WIKI}/x"));
        is_in(&at, page.status)
    }),
    ("replayed callback with a live session", |world, browser, off| {
        let callback = world.callback(browser, &format!("{WIKI}/x"), "one");
        world.get(browser, &callback);
        world.switch(off);
        let (at, page) = world.follow(browser, &callback);
        is_in(&at, page.status)
    }),
    ("handover", |world, browser, off| {
        let callback = world.callback(browser, &format!("{WIKI}/x"), "one");
        let handover = world.get(browser, &callback).location().unwrap().to_owned();
        assert!(handover.starts_with(&format!("{WIKI}/.access/authorized?code=")));
        world.switch(off);
        let (at, page) = world.follow(browser, &handover);
        is_in(&at, page.status)
    }),
    ("application's token", |world, browser, off| {
        world.sign_in(browser, &format!("{WIKI}/x"), "one");
        world.switch(off);
        world.get(browser, &format!("{WIKI}/x")).status == 200
    }),
    ("renewal of the application's token", |world, browser, off| {
        world.sign_in(browser, &format!("{WIKI}/x"), "one");
        world.now += 3_600;
        world.switch(off);
        world.get(browser, &format!("{WIKI}/x")).status == 200
    }),
    ("get-identity of the application", |world, browser, off| {
        world.sign_in(browser, &format!("{WIKI}/x"), "one");
        world.switch(off);
        let page = world.get(browser, &format!("{WIKI}/.access/get-identity"));
        page.status == 200 && page.says("ada@example.com")
    }),
    ("window that renews", |world, browser, off| {
        world.sign_in(browser, &format!("{WIKI}/x"), "one");
        world.switch(off);
        let (at, page) = world.follow(browser, &format!("{WIKI}/.access/renew"));
        is_in(&at, page.status)
    }),
    ("App Launcher", |world, browser, off| {
        world.sign_in(browser, &format!("https://{TEAM}/"), "one");
        world.switch(off);
        world.get(browser, &format!("https://{TEAM}/")).says("data-app=\"wiki\"")
    }),
    ("justification", |world, browser, off| {
        world.edit("app:wiki", |r| r["policies"][0]["justification_required"] = true.into());
        let (_, page) = world.sign_in(browser, &format!("{WIKI}/x"), "one");
        let fields = ["redirect_url", "meta", "form"].map(|name| (name, page.field(name)));
        let form: Vec<_> = fields.iter().map(|(n, v)| (*n, v.as_str())).collect();
        world.switch(off);
        let form: Vec<_> = form.into_iter().chain([("justification", "why")]).collect();
        let answer = world.post(browser, "/access/login/wiki", &form);
        let Some(next) = answer.location().map(str::to_owned) else { return false };
        let (at, page) = world.follow(browser, &next);
        is_in(&at, page.status)
    }),
    ("request of a SAML application by redirect", |world, browser, off| {
        let mut shop = shop(world);
        world.sign_in(browser, &format!("https://{TEAM}/"), "one");
        let (_, url) = shop.url(world, None);
        world.switch(off);
        is_told(&world.follow(browser, &url).1)
    }),
    ("request of a SAML application by post", |world, browser, off| {
        let mut shop = shop(world).by_post();
        world.sign_in(browser, &format!("https://{TEAM}/"), "one");
        let (_, Departure::Post(form)) = shop.ask(world, &Question::default(), None) else {
            return false;
        };
        world.switch(off);
        is_told(&world.follow_post(browser, &Posted::from(&form)).1)
    }),
    ("request of a SAML application that waits", |world, browser, off| {
        let mut shop = shop(world);
        world.sign_in(browser, &format!("https://{TEAM}/"), "one");
        let (_, url) = shop.url(world, None);
        let waits = world.get(browser, &url).location().unwrap().to_owned();
        world.switch(off);
        is_told(&world.follow(browser, &waits).1)
    }),
    ("callback on the way to a SAML application", |world, browser, off| {
        let mut shop = shop(world);
        let (_, url) = shop.url(world, None);
        let callback = world.callback(browser, &url, "one");
        world.switch(off);
        is_told(&world.follow(browser, &callback).1)
    }),
    ("passive request of a SAML application", |world, browser, off| {
        let mut shop = shop(world);
        world.sign_in(browser, &format!("https://{TEAM}/"), "one");
        let passive = Question { is_passive: true, ..Question::default() };
        let (id, url) = shop.url_of(world, &passive, None);
        world.switch(off);
        let page = world.follow(browser, &url).1;
        page.says("SAMLResponse") && shop.read(world, &page, Some(&id)).is_ok()
    }),
    ("start of a SAML application from here", |world, browser, off| {
        shop(world);
        world.sign_in(browser, &format!("https://{TEAM}/"), "one");
        world.switch(off);
        is_told(&world.follow(browser, &sso("shop")).1)
    }),
];

fn shop(world: &mut World) -> Shop {
    world.put_shop("shop");
    Shop::new("shop")
}

fn is_told(page: &access::Response) -> bool {
    page.says("SAMLResponse")
}

#[test]
fn all_on_is_let_in_on_every_way() {
    for (way, entrance) in ENTRANCES {
        let mut world = World::new();
        assert!(
            entrance(&mut world, &mut Browser::default(), |_| {}),
            "{way}: {}",
            world.last_reason()
        );
    }
}

#[test]
fn whoever_is_off_or_missing_is_kept_out_on_every_way() {
    for (way, entrance) in ENTRANCES {
        for (party, off) in PARTIES {
            let mut world = World::new();
            let let_in = entrance(&mut world, &mut Browser::default(), off);
            assert!(!let_in, "{way}, {party}");
            // What is merely not shown is no decision; a door without application and a domain
            // without organization have no log.
            let silent = way == "App Launcher"
                || way == "get-identity of the application"
                || ["organization missing", "application missing"].contains(&party);
            let logged = world.log.iter().any(|event| !event.allowed && event.code.is_some());
            assert!(logged || silent, "{way}, {party}: {:?}", world.log);
        }
    }
}

#[test]
fn machines_that_are_off_or_missing_are_kept_out_and_others_let_in() {
    let all_on: (&str, Off) = ("nothing off", |_| {});
    for (party, off) in MACHINES.into_iter().chain([all_on]) {
        let mut world = World::new();
        world.edit("app:wiki", |app| {
            app["policies"] = json!([{
                "id": "machines", "name": "Machines", "decision": "non_identity",
                "include": [{ "any_valid_service_token": {} }],
            }]);
        });
        let hash = "5e884898da28047151d0e56f8dc6292773603d0d6aabbdd62a11ef721d1542d8"; // "password"
        world.put(
            "service_token:m.access",
            json!({
                "client_id": "m.access", "id": "m", "auth_domain": TEAM, "name": "M",
                "secrets": [{ "sha256": hash }],
            }),
        );
        world.switch(off);
        let ask = Ask {
            method: http::Method::GET,
            url: &format!("{WIKI}/x"),
            form: None,
            headers: vec![
                ("cf-access-client-id", "m.access".to_owned()),
                ("cf-access-client-secret", "password".to_owned()),
            ],
        };
        let answer = world.send(&mut Browser::default(), &ask);
        assert_eq!(answer.status == 200, party == "nothing off", "{party}: {}", answer.status);
    }
}

#[test]
fn whoever_is_off_is_told_nothing_and_not_signed_out_by_anybody_else() {
    for (party, off) in PARTIES {
        let concerns_session = !party.starts_with("application") && party != "provider not allowed";
        let (mut world, mut browser) = (World::new(), Browser::default());
        world.sign_in(&mut browser, WIKI, "one");
        off(&mut world);
        let identity = world.get(&mut browser, &format!("https://{TEAM}/access/get-identity"));
        assert_eq!(identity.status != 200, concerns_session, "{party}");
        let approval = world.get(&mut browser, &format!("https://{TEAM}/access/approvals/x"));
        let decided = world.control.asked.iter();
        let decided =
            decided.filter(|c| matches!(c, access::need::Call::DecideApproval(_))).count();
        assert_eq!(decided == 0, concerns_session, "{party}: {}", approval.status);
        world.post(&mut browser, "/access/logout", &[("everywhere", "1")]);
        let ended = world.control.sessions.is_empty();
        assert_eq!(!ended, concerns_session, "{party}: a token that does not count ends nothing");
    }
}

#[test]
fn whoever_is_off_is_signed_out_by_nobody_else_and_metadata_of_what_is_off_is_not_shown() {
    for (party, off) in PARTIES {
        let concerns_application =
            party.starts_with("organization") || party.starts_with("application");
        let (mut world, mut browser) = (World::new(), Browser::default());
        let mut shop = shop(&mut world);
        let (id, url) = shop.url(&world, None);
        let (_, page) = world.sign_in(&mut browser, &url, "one");
        let login = shop.read(&world, &page, Some(&id)).unwrap();
        off(&mut world);
        let metadata = world.get(&mut browser, &format!("{}/saml-metadata", sso("shop")));
        assert_eq!(metadata.status != 200, concerns_application, "{party}");
        // An application that is off is not heard; one that is on is answered, whoever is off.
        let name = login.name_id().unwrap().clone();
        let (id, departure) = shop.ask_logout(&world, &name, &[], None);
        let Departure::Redirect(url) = departure else { panic!() };
        let response = world.get(&mut browser, &url);
        let answer = response.location().map(|url| shop.read_logout(&world, url, &id).unwrap());
        let heard = (!concerns_application).then(Status::success);
        assert_eq!(answer, heard, "{party}: {}", world.last_reason());
        let concerns_session = concerns_application
            || (party.starts_with("provider") && party != "provider not allowed")
            || party.starts_with("user");
        assert_eq!(world.control.sessions.is_empty(), !concerns_session, "{party}");
    }
}
