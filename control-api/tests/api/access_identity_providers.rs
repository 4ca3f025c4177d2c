//! `/access/identity_providers`.

use edge_state::seal::{ACCESS, KeyRing, Sealed, SealingKey, derive_ring};
use serde_json::{Value, json};

use crate::lab::{KEY, lab, labs};

/// Every `type` of the contract, with all that it takes.
fn every_type() -> Vec<(&'static str, Value)> {
    let client = json!({"client_id": "c", "claims": ["b", "a"], "email_claim_name": "mail"});
    let with = |more: Value| {
        let mut config = client.clone();
        config.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        config
    };
    vec![
        ("onetimepin", json!({})),
        (
            "saml",
            json!({
                "sso_target_url": "https://idp.example.com/sso", "issuer_url": "https://idp.example.com",
                "idp_public_certs": [certificate()], "attributes": ["groups", "email"],
                "email_attribute_name": "email", "sign_request": false, "force_authn": true,
                "header_attributes": [{"attribute_name": "g", "header_name": "X-G"}],
            }),
        ),
        (
            "oidc",
            with(json!({
                "auth_url": "https://idp.example.com/a?b=c", "token_url": "https://idp.example.com/t",
                "certs_url": "https://idp.example.com/k", "scopes": ["openid", "email", "z"],
                "pkce_enabled": true, "email_domains": ["example.com"],
            })),
        ),
        (
            "azureAD",
            with(json!({
                "directory_id": "d", "support_groups": true, "conditional_access_enabled": true,
                "prompt": "login",
            })),
        ),
        (
            "okta",
            with(json!({"okta_account": "https://you.okta.com", "authorization_server_id": "a"})),
        ),
        ("google", client.clone()),
        ("google-apps", with(json!({"apps_domain": "you.com"}))),
        ("onelogin", with(json!({"onelogin_account": "https://you.onelogin.com"}))),
        ("pingone", with(json!({"ping_env_id": "e"}))),
        (
            "centrify",
            with(
                json!({"centrify_account": "https://you.my.centrify.com", "centrify_app_id": "a"}),
            ),
        ),
        ("github", json!({"client_id": "c"})),
        ("facebook", json!({"client_id": "c"})),
        ("linkedin", json!({"client_id": "c"})),
        ("yandex", json!({"client_id": "c"})),
        ("cloudflare", json!({"restrict_to_account_members": true})),
    ]
}

fn certificate() -> String {
    let key = rcgen::KeyPair::generate().unwrap();
    rcgen::CertificateParams::default().self_signed(&key).unwrap().pem()
}

#[tokio::test]
async fn every_type_is_answered_as_it_was_sent_and_tells_no_secret() {
    for lab in labs().await {
        let own = lab.organization("own.com").await;
        let path = own.access("identity_providers");
        for (kind, config) in every_type() {
            let mut sent = json!({"name": kind, "type": kind, "config": config});
            let secret = format!("secret-of-{kind}");
            let has_secret = config.get("client_id").is_some();
            let mut body = sent.clone();
            if has_secret {
                body["config"]["client_secret"] = secret.as_str().into();
            }
            let made = lab.operator("POST", &path, body.clone()).await;
            assert_eq!(made.status, 201, "{kind}: {}", made.text);
            let id = made.id();
            sent["config"]["redirect_url"] =
                format!("https://team.own.com/access/callback/{id}").into();
            made.repeats(&sent);
            let one = format!("{path}/{id}");
            let read = lab.operator("GET", &one, Value::Null).await;
            assert_eq!(read.result(), made.result(), "{kind}");
            let zone = own.zone_access(&format!("identity_providers/{id}"));
            assert_eq!(lab.operator("GET", &zone, Value::Null).await.result(), made.result());
            // Writing back what was read changes nothing, and keeps the secret.
            let again = lab.operator("PUT", &one, read.result().clone()).await;
            again.repeats(&sent);
            let again = lab.operator("PUT", &one, body).await;
            again.repeats(&sent);
            for answer in [made, read, again] {
                assert!(!answer.text.contains(&secret), "{kind}: {}", answer.text);
            }
            let record = lab.record(&format!("idp:{id}")).await;
            assert!(!record.to_string().contains(&secret), "{kind}");
            assert_eq!(record.is_null(), UNSPOKEN.contains(&kind), "{kind}: {record}");
        }
        let record = lab.record("org:team.own.com").await;
        for provider in record["identity_providers"].as_array().unwrap() {
            let kind = provider["kind"].as_str().unwrap();
            let off = provider["enabled"] == false;
            assert_eq!(off, UNSPOKEN.contains(&kind), "{provider}");
        }
    }
}

const UNSPOKEN: [&str; 4] = ["facebook", "linkedin", "yandex", "cloudflare"];

fn opened(id: &str, sealed: &Value) -> String {
    let derived = derive_ring(KEY, ACCESS).unwrap();
    let ring = KeyRing::new(SealingKey::parse(derived.trim()).unwrap(), []);
    let sealed: Sealed = serde_json::from_value(sealed.clone()).unwrap();
    let secret = ring.open(&sealed, &format!("idp:{id}")).unwrap();
    String::from_utf8(secret.to_vec()).unwrap()
}

#[tokio::test]
async fn the_worker_opens_the_secret_and_hears_of_each_change() {
    for lab in labs().await {
        let own = lab.organization("own.com").await;
        let path = own.access("identity_providers");
        let body = json!({"name": "Entra", "type": "azureAD", "config":
            {"client_id": "c", "client_secret": "s1", "directory_id": "d", "claims": ["x"]}});
        let id = lab.operator("POST", &path, body.clone()).await.id();
        let (one, key) = (format!("{path}/{id}"), format!("idp:{id}"));
        let first = lab.record(&key).await;
        let oidc = &first["protocol"]["oidc"];
        assert_eq!(oidc["issuer"], "https://login.microsoftonline.com/d/v2.0");
        assert_eq!((&oidc["claims"], &oidc["client_id"]), (&json!(["x"]), &"c".into()));
        assert_eq!(opened(&id, &oidc["client_secret"]), "s1");
        let mut renamed = body.clone();
        renamed["name"] = "Entra ID".into();
        renamed["config"].as_object_mut().unwrap().remove("client_secret");
        assert_eq!(lab.operator("PUT", &one, renamed).await.status, 200);
        let second = lab.record(&key).await;
        let sealed = &second["protocol"]["oidc"]["client_secret"];
        assert_eq!(sealed, &oidc["client_secret"], "what did not change is not sealed anew");
        assert!(second["revision"].as_i64() > first["revision"].as_i64());
        let summary = &lab.record("org:team.own.com").await["identity_providers"][0];
        assert_eq!(summary["name"], "Entra ID");
        let mut changed = body;
        changed["config"]["client_secret"] = "s2".into();
        changed["enabled"] = false.into();
        lab.operator("PUT", &one, changed).await;
        let third = lab.record(&key).await;
        assert_eq!(opened(&id, &third["protocol"]["oidc"]["client_secret"]), "s2");
        assert_eq!(third["enabled"], false);
        let deleted = lab.operator("DELETE", &one, Value::Null).await;
        assert_eq!((deleted.status.as_u16(), deleted.id()), (202, id));
        assert_eq!(lab.operator("GET", &one, Value::Null).await.status, 404);
        assert_eq!(lab.record(&key).await, Value::Null);
        assert_eq!(lab.record("org:team.own.com").await["identity_providers"], json!([]));
    }
}

#[tokio::test]
async fn what_is_spoiled_is_refused_by_name_and_changes_nothing() {
    let lab = lab().await;
    let own = lab.organization("own.com").await;
    let path = own.access("identity_providers");
    let body = json!({"name": "O", "type": "oidc", "config": {
        "client_id": "c", "auth_url": "https://i.com/a", "token_url": "https://i.com/t",
        "certs_url": "https://i.com/k",
    }});
    let made = lab.operator("POST", &path, body.clone()).await;
    let one = format!("{path}/{}", made.id());
    // As a declarative client was seen to send it.
    let spoiled = json!({"config": {"claims": [null, null]}, "scim_config": {}});
    assert_eq!(lab.operator("PUT", &one, spoiled).await.refused(), "/name");
    for (member, value, pointer) in [
        ("claims", json!([null, null]), "/config/claims/0"),
        ("auth_url", json!("http://i.com/a"), "/config/auth_url"),
        ("token_url", json!("https://localhost/t"), "/config/token_url"),
        ("certs_url", json!("https://10.0.0.1/k"), "/config/certs_url"),
        ("userinfo_url", json!("https://169.254.169.254/"), "/config/userinfo_url"),
        ("discovery", json!(true), "/config/issuer"),
        ("client_id", Value::Null, "/config/client_id"),
        ("scopes", json!("openid"), "/config/scopes"),
        ("scops", json!([]), "/config/scops"),
        ("email_domains", json!(["a@b.c"]), "/config/email_domains/0"),
    ] {
        let mut spoiled = body.clone();
        spoiled["config"][member] = value;
        let refused = lab.operator("PUT", &one, spoiled).await;
        assert_eq!(refused.refused(), pointer, "{}", refused.text);
    }
    let mut other = body.clone();
    other["type"] = "google".into();
    assert_eq!(lab.operator("PUT", &one, other).await.refused(), "/type");
    let mut scim = body;
    scim["scim_config"] = json!({"enabled": true, "seat_deprovision": true});
    let refused = lab.operator("PUT", &one, scim).await;
    assert_eq!(refused.refused(), "/scim_config/seat_deprovision");
    let read = lab.operator("GET", &one, Value::Null).await;
    assert_eq!(read.result(), made.result());
    let saml = json!({"name": "S", "type": "saml", "config": {"sso_target_url": "https://i.com",
        "issuer_url": "i", "idp_public_certs": ["bm8="]}});
    let refused = lab.operator("POST", &path, saml).await;
    assert_eq!(refused.refused(), "/config/idp_public_certs/0");
}

#[tokio::test]
async fn scim_is_answered_in_full_once_it_is_set_and_its_secret_once() {
    for lab in labs().await {
        let own = lab.organization("own.com").await;
        let path = own.access("identity_providers");
        let plain = json!({"name": "P", "type": "onetimepin", "config": {}, "scim_config": {}});
        let made = lab.operator("POST", &path, plain).await;
        assert!(made.result().get("scim_config").is_none(), "{}", made.text);
        let one = format!("{path}/{}", made.id());
        let body = json!({"name": "P", "type": "onetimepin", "config": {},
            "scim_config": {"enabled": true}});
        let first = lab.operator("PUT", &one, body.clone()).await;
        let secret = first.result()["scim_config"]["secret"].as_str().unwrap().to_owned();
        assert_eq!(secret.len(), 48);
        let full = json!({
            "enabled": true, "user_deprovision": false, "seat_deprovision": false,
            "identity_update_behavior": "no_action",
            "scim_base_url": format!("https://team.own.com/access/scim/{}", made.id()),
        });
        for answer in
            [lab.operator("GET", &one, Value::Null).await, lab.operator("PUT", &one, body).await]
        {
            assert_eq!(answer.result()["scim_config"], full);
        }
    }
}

#[tokio::test]
async fn a_provider_that_a_rule_names_stays() {
    for lab in labs().await {
        let own = lab.organization("own.com").await;
        let other = lab.organization("other.com").await;
        let body = json!({"name": "P", "type": "onetimepin", "config": {}});
        let id = lab.operator("POST", &own.access("identity_providers"), body).await.id();
        let group = json!({"name": "G", "include": [{"login_method": {"id": id}}]});
        let foreign = lab.operator("POST", &other.access("groups"), group.clone()).await;
        assert_eq!(foreign.refused(), "/include/0", "{}", foreign.text);
        let group = lab.operator("POST", &own.access("groups"), group).await.id();
        let one = own.access(&format!("identity_providers/{id}"));
        let refused = lab.operator("DELETE", &one, Value::Null).await;
        assert_eq!((refused.status.as_u16(), refused.header("x-should-retry")), (409, "false"));
        assert!(refused.text.contains(&group), "{}", refused.text);
        lab.operator("DELETE", &own.access(&format!("groups/{group}")), Value::Null).await;
        assert_eq!(lab.operator("DELETE", &one, Value::Null).await.status, 202);
    }
}
