//! The keys of a SAML application, from one to the next.

use control_api::api::access::applications::saml_certificates;
use control_api::store::access::objects;
use edge_state::Key;
use serde_json::{Value, json};

use crate::access_applications::{create, path};
use crate::access_lab::{organization, record};
use crate::access_saml::typed;
use crate::lab::{Answer, Lab, labs};

fn states(answer: &Answer) -> Vec<(String, String)> {
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    let list = answer.result().as_array().unwrap();
    list.iter().map(|one| (text(&one["id"]), text(&one["status"]))).collect()
}

/// Which keys the edge has, and whether each can sign.
async fn at_the_edge(lab: &Lab, id: &str) -> Vec<(String, bool)> {
    let keys = record(lab, &Key::SamlKeys(id.to_owned())).await.unwrap();
    let keys = keys["keys"].as_array().unwrap();
    keys.iter()
        .map(|key| (key["kid"].as_str().unwrap().to_owned(), key.get("private_key").is_some()))
        .collect()
}

#[tokio::test]
async fn a_key_is_rolled_over_without_a_moment_that_nobody_trusts() {
    for lab in labs().await {
        let tenant = lab.tenant("saas.com").await;
        organization(&lab, &tenant, "team.saas.com").await;
        let made = create(&lab, &tenant, typed()).await;
        let id = made.id();
        let keys = format!("{}/{id}/saml_certificates", path(&tenant));
        let listed = lab.operator("GET", &keys, Value::Null).await;
        let first = states(&listed)[0].0.clone();
        assert_eq!(states(&listed), [(first.clone(), "signing".to_owned())], "{}", lab.name);
        assert_eq!(listed.result()[0]["certificate"], made.result()["saas_app"]["public_key"]);

        let next = lab.operator("POST", &keys, json!({})).await;
        assert_eq!(
            (next.status.as_u16(), &next.result()["status"]),
            (201, &json!("next")),
            "{}",
            next.text
        );
        let second = next.id();
        assert_eq!(at_the_edge(&lab, &id).await, [(first.clone(), true), (second.clone(), false)]);
        let unchanged = lab.operator("GET", &format!("{}/{id}", path(&tenant)), Value::Null).await;
        assert_eq!(unchanged.result()["saas_app"], made.result()["saas_app"]);

        // The one that signs stays.
        let refused = lab.operator("DELETE", &format!("{keys}/{first}"), Value::Null).await;
        assert_eq!(refused.status, 409, "{}", refused.text);
        let active = lab.operator("PUT", &format!("{keys}/{second}/activate"), Value::Null).await;
        let expected =
            [(second.clone(), "signing".to_owned()), (first.clone(), "previous".to_owned())];
        assert_eq!(states(&active), expected, "{}", lab.name);
        assert_eq!(at_the_edge(&lab, &id).await, [(second.clone(), true), (first.clone(), false)]);
        let shown = lab.operator("GET", &format!("{}/{id}", path(&tenant)), Value::Null).await;
        assert_eq!(shown.result()["saas_app"]["public_key"], next.result()["certificate"]);
        // Back, while the old one is there; and forth again.
        for kid in [&first, &second] {
            let back = lab.operator("PUT", &format!("{keys}/{kid}/activate"), Value::Null).await;
            assert_eq!(&states(&back)[0].0, kid);
        }
        let gone = lab.operator("DELETE", &format!("{keys}/{first}"), Value::Null).await;
        assert_eq!((gone.status.as_u16(), gone.id()), (200, first.clone()));
        assert_eq!(at_the_edge(&lab, &id).await, [(second.clone(), true)]);
        for (method, rest) in [("DELETE", ""), ("PUT", "/activate")] {
            let unknown = lab.operator(method, &format!("{keys}/{first}{rest}"), Value::Null).await;
            assert_eq!(unknown.status, 404, "{method}");
        }
        for _ in 0..3 {
            assert_eq!(lab.operator("POST", &keys, json!({})).await.status, 201);
        }
        assert_eq!(lab.operator("POST", &keys, json!({})).await.status, 409, "{}", lab.name);
    }
}

#[tokio::test]
async fn only_applications_that_speak_saml_have_such_keys() {
    for lab in labs().await {
        let tenant = lab.tenant("saas.com").await;
        organization(&lab, &tenant, "team.saas.com").await;
        let oidc = json!({"type": "saas", "saas_app": {"auth_type": "oidc", "redirect_uris": ["https://a.com/"]}});
        let oidc = create(&lab, &tenant, oidc).await.id();
        let keys = format!("{}/{oidc}/saml_certificates", path(&tenant));
        for method in ["GET", "POST"] {
            assert_eq!(lab.operator(method, &keys, json!({})).await.status, 400, "{method}");
        }
        assert_eq!(record(&lab, &Key::SamlKeys(oidc)).await, None);
    }
}

#[tokio::test]
async fn an_application_of_an_older_version_gets_its_key_at_the_start() {
    for lab in labs().await {
        let tenant = lab.tenant("saas.com").await;
        organization(&lab, &tenant, "team.saas.com").await;
        let made = create(&lab, &tenant, typed()).await;
        let mut tx = lab.db.begin().await.unwrap();
        for key in objects::children(&mut tx, &made.id(), "saml key").await.unwrap() {
            objects::delete(&mut tx, &tenant.account, "saml key", &key.id).await.unwrap();
        }
        tx.commit().await.unwrap();
        for _ in 0..2 {
            saml_certificates::complete_all(&lab.app).await.unwrap();
            assert_eq!(at_the_edge(&lab, &made.id()).await.len(), 1, "{}", lab.name);
        }
        let one = format!("{}/{}", path(&tenant), made.id());
        let shown = lab.operator("GET", &one, Value::Null).await;
        let key = &shown.result()["saas_app"]["public_key"];
        assert!(key.is_string() && *key != made.result()["saas_app"]["public_key"]);
    }
}
