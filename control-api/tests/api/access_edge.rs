//! What edges ask of Access, on every database, many at once.

use std::time::Duration;

use futures_util::future::join_all;
use serde_json::{Value, json};

use crate::access_world::{
    APP, CORP, DOMAIN, OFF, OPEN, PIN, POLICY, allow, application, nonce, organization,
    organization_record, publish, record, sign_in,
};
use crate::lab::{Lab, NOW, labs};

#[tokio::test]
async fn only_an_edge_is_answered() {
    for lab in labs().await {
        for question in [
            "spend",
            "pins",
            "pins/check",
            "sign_ins",
            "sessions/find",
            "sign_outs",
            "approvals/ask",
            "approvals/find",
            "approvals/decide",
            "logs",
        ] {
            let uri = format!("/edge/v1/access/{question}");
            for token in ["Bearer wrong", "Bearer ", "Basic edge-token-for-tests", ""] {
                let request = http::Request::post(&uri).header("authorization", token);
                let request = request.body(axum::body::Body::from("{}")).unwrap();
                assert_eq!(lab.send(request).await.status, 401, "{question} with {token:?}");
            }
            let nonsense = lab.edge("POST", &format!("access/{question}"), json!([1])).await;
            assert_eq!(nonsense.status, 422, "{question}: {}", nonsense.text);
            let size = if question == "logs" { 17_000_000 } else { 600_000 };
            let large = json!({"x": "x".repeat(size)});
            let large = lab.edge("POST", &format!("access/{question}"), large).await;
            assert_eq!(large.status, 413, "{question}: {}", large.text);
        }
    }
}

#[tokio::test]
async fn of_many_at_once_one_is_first() {
    for lab in labs().await {
        let spend = |domain: &str, token: &str| {
            let ask = json!({"auth_domain": domain, "token": token, "until": NOW / 1000 + 60});
            lab.edge("POST", "access/spend", ask)
        };
        let answers = join_all((0..20).map(|_| spend(DOMAIN, "attempt:1"))).await;
        let first = answers.iter().filter(|answer| answer.body == json!({"first": true})).count();
        let again = answers.iter().filter(|answer| answer.body == json!({"first": false})).count();
        assert_eq!((first, again), (1, 19), "{}", lab.name);
        assert_eq!(spend("team.other.com", "attempt:1").await.body["first"], true);
        // Within its time it is remembered, afterwards it is refused for its age.
        lab.people.tidy().await.unwrap();
        assert_eq!(spend(DOMAIN, "attempt:1").await.body["first"], false);
        lab.clock.advance(Duration::from_hours(1));
        lab.people.tidy().await.unwrap();
        assert_eq!(spend(DOMAIN, "attempt:1").await.body["first"], true);
    }
}

fn pin(email: &str, attempt: &str) -> Value {
    json!({"auth_domain": DOMAIN, "identity_provider_id": PIN, "application_id": APP,
        "email": email, "attempt": attempt, "browser": "browser-1", "ip": "192.0.2.9",
        "country": "DE"})
}

async fn check(lab: &Lab, attempt: &str, browser: &str, code: &str) -> Value {
    let ask = json!({"auth_domain": DOMAIN, "attempt": attempt, "browser": browser, "code": code});
    let answer = lab.edge("POST", "access/pins/check", ask).await;
    assert_eq!(answer.status, 200, "{}", answer.text);
    answer.body
}

/// Asks for a code and reads it in the mail.
async fn mailed(lab: &Lab, email: &str, attempt: &str) -> String {
    let answer = lab.edge("POST", "access/pins", pin(email, attempt)).await;
    assert_eq!(answer.body, json!({"outcome": "accepted"}), "{}", answer.text);
    let mails = lab.people.empty_mailbag().await.unwrap();
    assert_eq!(mails.len(), 1, "{mails:?}");
    assert_eq!(mails[0].to, email.trim().to_lowercase());
    let text = &mails[0].text;
    let code = text.plain.lines().find(|line| line.len() == 8 && line.parse::<u32>().is_ok());
    let code = code.unwrap_or_else(|| panic!("{text:?}")).to_owned();
    for said in ["Own Inc.", "Wiki (wiki.own.com)", "192.0.2.9 (DE)", "Nobody signs in by opening"]
    {
        assert!(text.plain.contains(said) && text.html.contains(said), "{said}: {text:?}");
    }
    assert!(text.html.contains(&code) && text.subject.contains(&code));
    for link in ["http", "href", "://", "<a "] {
        assert!(!text.plain.contains(link) && !text.html.contains(link), "{link}: {text:?}");
    }
    code
}

/// Another code than this one.
fn other(code: &str) -> String {
    format!("{:08}", (code.parse::<u32>().unwrap() + 1) % 100_000_000)
}

#[tokio::test]
async fn a_code_is_good_once_in_its_browser_and_for_ten_minutes() {
    for lab in labs().await {
        organization(&lab, &lab.tenant("own.com").await).await;
        let code = mailed(&lab, " Ann@Corp.com", "a1").await;
        assert_eq!(check(&lab, "a1", "browser-2", &code).await, json!({"outcome": "gone"}));
        assert_eq!(check(&lab, "a2", "browser-1", &code).await, json!({"outcome": "gone"}));
        let wrong = check(&lab, "a1", "browser-1", &other(&code)).await;
        assert_eq!(wrong, json!({"outcome": "wrong", "tries_left": 4}));
        let right = check(&lab, "a1", "browser-1", &code).await;
        assert_eq!(right, json!({"outcome": "right", "email": "ann@corp.com"}), "{}", lab.name);
        assert_eq!(check(&lab, "a1", "browser-1", &code).await, json!({"outcome": "gone"}));
        // A newer code takes the place of an older one of the same attempt.
        let first = mailed(&lab, "bob@corp.com", "a3").await;
        let second = mailed(&lab, "bob@corp.com", "a3").await;
        assert_eq!(check(&lab, "a3", "browser-1", &first).await["outcome"], "wrong");
        assert_eq!(check(&lab, "a3", "browser-1", &second).await["outcome"], "right");
        let late = mailed(&lab, "bob@corp.com", "a4").await;
        lab.clock.advance(Duration::from_mins(10));
        assert_eq!(check(&lab, "a4", "browser-1", &late).await["outcome"], "gone");
    }
}

#[tokio::test]
async fn of_many_tries_at_once_five_are_judged_and_one_at_most_is_right() {
    for lab in labs().await {
        organization(&lab, &lab.tenant("own.com").await).await;
        let code = mailed(&lab, "ann@corp.com", "a1").await;
        let wrong = other(&code);
        let tries = join_all((0..20).map(|_| check(&lab, "a1", "browser-1", &wrong))).await;
        let mut left: Vec<_> = tries.iter().filter_map(|it| it["tries_left"].as_u64()).collect();
        left.sort_unstable();
        assert_eq!(left, [0, 1, 2, 3, 4], "{}", lab.name);
        assert_eq!(check(&lab, "a1", "browser-1", &code).await["outcome"], "gone");
        let code = mailed(&lab, "ann@corp.com", "a2").await;
        let tries = join_all((0..20).map(|_| check(&lab, "a2", "browser-1", &code))).await;
        let right = tries.iter().filter(|it| it["outcome"] == "right").count();
        let gone = tries.iter().filter(|it| it["outcome"] == "gone").count();
        assert_eq!((right, gone), (1, 19), "{}", lab.name);
    }
}

#[tokio::test]
async fn every_address_hears_the_same_and_only_some_get_a_code() {
    for lab in labs().await {
        let own = lab.tenant("own.com").await;
        organization(&lab, &own).await;
        let list = json!({"id": "l1", "type": "EMAIL", "values": ["eve@list.com"]});
        publish(&lab, ("list:l1".parse().unwrap(), list)).await;
        let group = json!({"id": "g1", "name": "G", "include": [{"email_list": {"id": "l1"}}]});
        publish(&lab, ("group:g1".parse().unwrap(), group)).await;
        let mut asked = 0;
        for (include, more, email, mailed) in [
            (json!([{"email_domain": {"domain": "corp.com"}}]), json!({}), "a@corp.com", true),
            (json!([{"email_domain": {"domain": "corp.com"}}]), json!({}), "a@else.com", false),
            (json!([{"email": {"email": "A@else.com"}}]), json!({}), "a@else.com", true),
            (json!([{"group": {"id": "g1"}}]), json!({}), "eve@list.com", true),
            (json!([{"group": {"id": "g1"}}]), json!({}), "bob@list.com", false),
            (json!([{"group": {"id": "none"}}]), json!({}), "bob@list.com", false),
            (json!([{"everyone": {}}]), json!({}), "any@where.com", true),
            (json!([{"geo": {"country_code": "DE"}}]), json!({}), "any@where.com", true),
            (json!([{"any_valid_service_token": {}}]), json!({}), "any@where.com", false),
            (
                json!([{"everyone": {}}]),
                json!({"exclude": [{"email_domain": {"domain": "where.com"}}]}),
                "any@where.com",
                false,
            ),
            (
                json!([{"everyone": {}}]),
                json!({"require": [{"email_domain": {"domain": "corp.com"}}]}),
                "any@where.com",
                false,
            ),
            (json!([{"everyone": {}}]), json!({"decision": "bypass"}), "any@where.com", false),
            (json!([{"everyone": {}}]), json!({}), "no address", false),
            (json!([{"everyone": {}}]), json!({}), "a@b.com\r\nbcc: x@y.com", false),
            (
                json!([{"email": {"email": "x@y.com"}}]),
                json!({"approval_groups": [{"approvals_needed": 1, "email_addresses": ["boss@y.com"]}]}),
                "boss@y.com",
                true,
            ),
        ] {
            publish(&lab, application(&json!([allow(&include, more)]))).await;
            asked += 1;
            let mut ask = pin(email, &format!("a{asked}"));
            ask["ip"] = format!("198.51.100.{asked}").into();
            let answer = lab.edge("POST", "access/pins", ask).await;
            assert_eq!(answer.body, json!({"outcome": "accepted"}), "{email}: {}", answer.text);
            let tried = check(&lab, &format!("a{asked}"), "browser-1", "wrong").await;
            assert_eq!(tried, json!({"outcome": "wrong", "tries_left": 4}), "{email}");
            let mails = lab.people.empty_mailbag().await.unwrap();
            assert_eq!(mails.len() == 1, mailed, "{email} by {include}: {mails:?}");
        }
        // A provider that is none, or is off, or of an organisation that is off, mails nobody.
        for provider in [CORP, OFF, "00000000-0000-4000-8000-000000000000"] {
            let mut ask = pin("a@corp.com", "b1");
            ask["identity_provider_id"] = provider.into();
            let answer = lab.edge("POST", "access/pins", ask).await;
            assert_eq!(answer.body, json!({"outcome": "unavailable"}), "{provider}");
        }
        publish(&lab, organization_record(&own, false)).await;
        let answer = lab.edge("POST", "access/pins", pin("a@corp.com", "b1")).await;
        assert_eq!(answer.body, json!({"outcome": "unavailable"}));
    }
}

#[tokio::test]
async fn how_many_codes_are_asked_for_is_counted_here() {
    for lab in labs().await {
        organization(&lab, &lab.tenant("own.com").await).await;
        let ask = async |email: &str, ip: &str, attempt: usize| {
            let mut ask = pin(email, &format!("c{attempt}"));
            ask["ip"] = ip.into();
            // Another browser each time: what a client can change counts for nothing.
            ask["browser"] = format!("browser-{attempt}").into();
            lab.edge("POST", "access/pins", ask).await.body
        };
        let answers = join_all((0..20).map(|n| ask("ann@corp.com", "192.0.2.9", n))).await;
        let accepted = answers.iter().filter(|it| it["outcome"] == "accepted").count();
        assert_eq!(accepted, 4, "{}: {answers:?}", lab.name);
        let refused = answers.iter().find(|it| it["outcome"] == "too_many").unwrap();
        assert!((1..=900).contains(&refused["retry_after"].as_u64().unwrap()), "{refused}");
        // Nobody at one address of the network can use up what another may have.
        assert_eq!(ask("ann@corp.com", "198.51.100.1", 30).await["outcome"], "accepted");
        // An address that may get no code is counted alike.
        let unknown = join_all((40..50).map(|n| ask("x@else.com", "192.0.2.10", n))).await;
        let accepted = unknown.iter().filter(|it| it["outcome"] == "accepted").count();
        assert_eq!(accepted, 4, "{unknown:?}");
        // One network of IPv6 is one client, whatever addresses it takes and names.
        let mut accepted = 0;
        for n in 0..70 {
            let answer = ask(&format!("v{n}@corp.com"), &format!("2001:db8::{n:x}"), 100 + n).await;
            accepted += usize::from(answer["outcome"] == "accepted");
        }
        assert_eq!(accepted, 60, "{}", lab.name);
        let elsewhere = ask("v99@corp.com", "2001:db8:0:1::1", 200).await;
        assert_eq!(elsewhere["outcome"], "accepted");
        lab.clock.advance(Duration::from_mins(15));
        assert_eq!(ask("ann@corp.com", "192.0.2.9", 300).await["outcome"], "accepted");
    }
}

#[tokio::test]
async fn nothing_in_the_database_is_a_code_or_an_identity() {
    for lab in labs().await {
        organization(&lab, &lab.tenant("own.com").await).await;
        let answer = lab.edge("POST", "access/pins", pin("ann@corp.com", "a1")).await;
        assert_eq!(answer.body["outcome"], "accepted");
        let dump = dump(&lab).await;
        let mails = lab.people.empty_mailbag().await.unwrap();
        let code = mails[0].text.subject.split(' ').next().unwrap();
        assert!(code.len() == 8 && !dump.contains(code), "{}", lab.name);
        let signed_in = sign_in(&lab, CORP, "s1", "ann@corp.com", &nonce("n1")).await;
        assert!(signed_in["record"].is_null());
        let record = record(&lab, &format!("session:{}", nonce("n1"))).await.unwrap();
        assert!(!record.to_string().contains("ann@corp.com"), "{record}");
    }
}

/// All that is stored of codes and mails, as text.
async fn dump(lab: &Lab) -> String {
    use control_api::store::Db;
    let statement = "SELECT attempt || browser || email FROM access_pins
                     UNION ALL SELECT id || sealed FROM access_mails";
    let rows: Vec<String> = match &lab.db {
        Db::Sqlite(pool) => sqlx::query_scalar(statement).fetch_all(pool).await.unwrap(),
        Db::Postgres(pool) => sqlx::query_scalar(statement).fetch_all(pool).await.unwrap(),
    };
    assert_eq!(rows.len(), 2);
    let codes = "SELECT code FROM access_pins";
    let hashes: Vec<Vec<u8>> = match &lab.db {
        Db::Sqlite(pool) => sqlx::query_scalar(codes).fetch_all(pool).await.unwrap(),
        Db::Postgres(pool) => sqlx::query_scalar(codes).fetch_all(pool).await.unwrap(),
    };
    assert!(hashes.iter().all(|hash| hash.len() == 32));
    rows.concat() + &String::from_utf8_lossy(&hashes.concat())
}

#[tokio::test]
async fn who_is_the_same_person_is_said_by_who_may_say_it() {
    for lab in labs().await {
        let own = lab.tenant("own.com").await;
        organization(&lab, &own).await;
        let user = async |provider: &str, subject: &str, email: &str, mark: &str| {
            let answer = sign_in(&lab, provider, subject, email, &nonce(mark)).await;
            assert_eq!(answer["outcome"], "session", "{answer}");
            let path = format!("/accounts/{}/access/users?email={email}", own.account);
            let listed = lab.operator("GET", &path, Value::Null).await;
            (listed.result().clone(), answer)
        };
        // Proven by mail, then by the provider that speaks for the domain: one user.
        let (users, _) = user(PIN, "ann@corp.com", "Ann@corp.com", "n1").await;
        let ann = users[0]["id"].as_str().unwrap().to_owned();
        let (users, session) = user(CORP, "subject-7", "ann@corp.com", "n2").await;
        assert_eq!((users.as_array().unwrap().len(), &users[0]["id"]), (1, &json!(ann)));
        assert_eq!(users[0]["access_seat"], true);
        assert_eq!(session["nonce"], nonce("n2").as_str());
        assert_eq!(session["expires_at"], NOW / 1000 + 3600);
        // A provider that speaks for nobody cannot be taken for her.
        let (users, _) = user(OPEN, "subject-7", "ann@corp.com", "n3").await;
        assert_eq!(users.as_array().unwrap().len(), 2, "{users}");
        let (users, _) = user(OPEN, "subject-7", "renamed@corp.com", "n4").await;
        assert_ne!(users[0]["id"], json!(ann));
        // Who may not speak for an address is refused, and so is whatever is off.
        for (provider, email) in [(CORP, "ann@else.com"), (OFF, "ann@corp.com"), (CORP, "")] {
            let refused = sign_in(&lab, provider, "s", email, &nonce("n5")).await;
            assert_eq!(refused, json!({"outcome": "refused"}), "{provider} {email}");
        }
        publish(&lab, organization_record(&own, false)).await;
        let refused = sign_in(&lab, CORP, "s", "ann@corp.com", &nonce("n5")).await;
        assert_eq!(refused, json!({"outcome": "refused"}));
    }
}

#[tokio::test]
async fn a_repeated_sign_in_makes_one_session_and_many_at_once_make_one_user() {
    for lab in labs().await {
        let own = lab.tenant("own.com").await;
        organization(&lab, &own).await;
        let n1 = nonce("n1");
        let same = join_all((0..10).map(|_| sign_in(&lab, CORP, "s1", "ann@corp.com", &n1))).await;
        assert!(same.iter().all(|answer| answer == &same[0]), "{}: {same:?}", lab.name);
        assert_eq!(same[0]["outcome"], "session");
        let stolen = sign_in(&lab, CORP, "s2", "bob@corp.com", &n1).await;
        assert_eq!(stolen, json!({"outcome": "refused"}), "another person's nonce");
        let nonces: Vec<_> = (0..20).map(|n| nonce(&format!("m{n}x"))).collect();
        let many = nonces.iter().map(|n| sign_in(&lab, PIN, "new@corp.com", "new@corp.com", n));
        assert!(join_all(many).await.iter().all(|answer| answer["outcome"] == "session"));
        let path = format!("/accounts/{}/access/users?search=NEW@", own.account);
        let listed = lab.operator("GET", &path, Value::Null).await;
        assert_eq!(listed.body["result_info"]["total_count"], 1, "{}", listed.text);
        for bad in ["short", "has spaces in it 123456", "../../../../../../../.."] {
            let ask = json!({"auth_domain": DOMAIN, "session_seconds": 1, "nonce": bad,
                "identity": {"email": "", "idp": {"id": CORP, "type": "oidc"}, "subject": "s",
                    "authenticated_at": 0}});
            assert_eq!(lab.edge("POST", "access/sign_ins", ask).await.status, 400, "{bad}");
        }
    }
}

#[tokio::test]
async fn a_session_is_found_until_it_ends_and_ends_here_or_everywhere() {
    for lab in labs().await {
        let own = lab.tenant("own.com").await;
        organization(&lab, &own).await;
        let find = async |domain: &str, mark: &str| {
            let ask = json!({"auth_domain": domain, "nonce": nonce(mark)});
            lab.edge("POST", "access/sessions/find", ask).await.body["session"].clone()
        };
        let out = async |domain: &str, mark: &str, everywhere: bool| {
            let ask =
                json!({"auth_domain": domain, "nonce": nonce(mark), "everywhere": everywhere});
            let answer = lab.edge("POST", "access/sign_outs", ask).await;
            assert_eq!((answer.status.as_u16(), answer.body), (200, json!({})));
        };
        for mark in ["n1", "n2", "n3"] {
            sign_in(&lab, CORP, "s1", "ann@corp.com", &nonce(mark)).await;
        }
        assert_eq!(find(DOMAIN, "n1").await["nonce"], nonce("n1").as_str());
        assert!(find("team.other.com", "n1").await.is_null());
        out("team.other.com", "n1", true).await;
        assert!(!find(DOMAIN, "n1").await.is_null(), "another organisation cannot end it");
        out(DOMAIN, "n1", false).await;
        out(DOMAIN, "n1", false).await;
        assert!(find(DOMAIN, "n1").await.is_null() && !find(DOMAIN, "n2").await.is_null());
        assert!(record(&lab, &format!("session:{}", nonce("n1"))).await.is_none());
        assert!(record(&lab, &format!("revoked:{DOMAIN}")).await.is_none());
        out(DOMAIN, "n2", true).await;
        for mark in ["n2", "n3"] {
            assert!(find(DOMAIN, mark).await.is_null());
            assert!(record(&lab, &format!("session:{}", nonce(mark))).await.is_none());
            let again = sign_in(&lab, CORP, "s1", "ann@corp.com", &nonce(mark)).await;
            assert_eq!(again, json!({"outcome": "refused"}), "an ended session stays ended");
        }
        let revoked = record(&lab, &format!("revoked:{DOMAIN}")).await.unwrap();
        let users: Vec<_> = revoked["users"].as_object().unwrap().values().collect();
        assert_eq!(users, [&json!({"not_after": NOW / 1000})]);
        // What nobody can hold any more is forgotten.
        sign_in(&lab, CORP, "s1", "ann@corp.com", &nonce("n4")).await;
        lab.clock.advance(Duration::from_hours(2));
        assert!(find(DOMAIN, "n4").await.is_null(), "it has expired");
        lab.people.tidy().await.unwrap();
        assert!(record(&lab, &format!("session:{}", nonce("n4"))).await.is_none());
        assert!(record(&lab, &format!("revoked:{DOMAIN}")).await.is_some());
        lab.clock.advance(Duration::from_hours(33 * 24));
        lab.people.tidy().await.unwrap();
        assert!(record(&lab, &format!("revoked:{DOMAIN}")).await.is_none());
    }
}

#[tokio::test]
async fn somebody_is_let_in_for_a_time_if_enough_agree() {
    for lab in labs().await {
        let own = lab.tenant("own.com").await;
        organization(&lab, &own).await;
        let groups = json!({"approval_required": true, "approval_groups": [
            {"approvals_needed": 2, "email_addresses": ["Boss@corp.com", "b2@corp.com", "ann@corp.com"]},
            {"approvals_needed": 1, "email_addresses": ["legal@corp.com"]}]});
        publish(&lab, application(&json!([allow(&json!([{"everyone": {}}]), groups)]))).await;
        let mut ids = std::collections::BTreeMap::new();
        for who in ["ann", "boss", "b2", "legal", "other"] {
            let email = format!("{who}@corp.com");
            sign_in(&lab, CORP, who, &email, &nonce(who)).await;
            let path = format!("/accounts/{}/access/users?email={email}", own.account);
            let users = lab.operator("GET", &path, Value::Null).await;
            ids.insert(who, users.result()[0]["id"].as_str().unwrap().to_owned());
        }
        let id = uuid::Uuid::new_v4().to_string();
        let ask = json!({"auth_domain": DOMAIN, "id": id, "application_id": APP,
            "policy_id": POLICY, "user_id": ids["ann"], "email": "ann@corp.com",
            "justification": "Quarter's end\r\nBcc: x@y.com", "seconds": 3600});
        let find = json!({"auth_domain": DOMAIN, "application_id": APP, "policy_id": POLICY,
            "user_id": ids["ann"]});
        let state = async |question: &str, ask: &Value| {
            let path = format!("access/approvals/{question}");
            let answer = lab.edge("POST", &path, ask.clone()).await;
            assert_eq!(answer.status, 200, "{question}: {}", answer.text);
            answer.body
        };
        let decide = async |who: &str, id: &str, approve: Option<bool>| {
            let mut ask = json!({"auth_domain": DOMAIN, "id": id, "approver_id": ids[who],
                "approver_email": format!("{who}@corp.com")});
            ask["approve"] = approve.map_or(Value::Null, Value::from);
            state("decide", &ask).await
        };
        assert_eq!(state("find", &find).await, json!({"state": "unknown"}));
        let asked = join_all((0..5).map(|_| state("ask", &ask))).await;
        assert!(asked.iter().all(|it| it["state"] == "pending" && it["id"] == id.as_str()));
        let mails = lab.people.empty_mailbag().await.unwrap();
        let mut to: Vec<_> = mails.iter().map(|mail| mail.to.as_str()).collect();
        to.sort_unstable();
        assert_eq!(to, ["b2@corp.com", "boss@corp.com", "legal@corp.com"], "{}", lab.name);
        let link = format!("https://{DOMAIN}/access/approvals/{id}");
        assert!(mails.iter().all(|mail| mail.text.plain.contains(&link)), "{mails:?}");
        assert!(mails[0].text.plain.contains("Quarter's end  Bcc: x@y.com"), "{mails:?}");
        // Who has no say in it learns nothing, and nobody lets themselves in.
        for who in ["other", "ann"] {
            assert_eq!(decide(who, &id, Some(true)).await, json!({"state": "unknown"}), "{who}");
        }
        let mut forged = json!({"auth_domain": DOMAIN, "id": id, "approver_id": ids["other"],
            "approver_email": "boss@corp.com", "approve": true});
        assert_eq!(state("decide", &forged).await, json!({"state": "unknown"}));
        forged["auth_domain"] = "team.other.com".into();
        assert_eq!(state("decide", &forged).await, json!({"state": "unknown"}));
        assert_eq!(decide("boss", &id, None).await["state"], "pending");
        assert_eq!(decide("boss", &id, Some(true)).await["state"], "pending");
        assert_eq!(decide("boss", &id, Some(true)).await["state"], "pending", "counted once");
        assert_eq!(decide("legal", &id, Some(true)).await["state"], "pending");
        let until = NOW / 1000 + 3600;
        let approved = json!({"state": "approved", "until": until});
        assert_eq!(decide("b2", &id, Some(true)).await, approved);
        assert_eq!(state("find", &find).await, approved);
        assert_eq!(decide("boss", &id, Some(false)).await, approved, "it is decided");
        lab.clock.advance(Duration::from_hours(1));
        assert_eq!(state("find", &find).await, json!({"state": "unknown"}));
        let mut again = ask.clone();
        let id = uuid::Uuid::new_v4().to_string();
        again["id"] = id.clone().into();
        assert_eq!(state("ask", &again).await["state"], "pending");
        assert_eq!(decide("legal", &id, Some(false)).await, json!({"state": "refused"}));
        assert_eq!(decide("boss", &id, Some(true)).await, json!({"state": "refused"}));
        assert_eq!(state("find", &find).await, json!({"state": "refused"}));
        // Nobody mails others without end.
        let mut refused = 0;
        for _ in 0..12 {
            let id = uuid::Uuid::new_v4().to_string();
            again["id"] = id.clone().into();
            let answer = lab.edge("POST", "access/approvals/ask", again.clone()).await;
            if answer.status == 429 {
                assert!(answer.header("retry-after").parse::<u64>().unwrap() > 0);
                refused += 1;
            } else {
                decide("legal", &id, Some(false)).await;
            }
        }
        assert!(refused > 0, "{}", lab.name);
    }
}
