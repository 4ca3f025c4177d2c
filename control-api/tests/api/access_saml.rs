//! SAML applications: what the edge is told of them, and by which keys they are spoken to.

use edge_state::Key;
use serde_json::{Value, json};

use crate::access_applications::{create, path};
use crate::access_lab::{organization, record};
use crate::lab::{lab_with, labs};

/// All fields that an operator can type.
pub fn typed() -> Value {
    json!({"type": "saas", "name": "CRM", "saas_app": {
        "auth_type": "saml", "sp_entity_id": "urn:sp", "consumer_service_url": "https://sp.com/acs",
        "name_id_format": "id", "default_relay_state": "/start", "group_filter_regex": "^crm-",
        "custom_attributes": [
            {"name": "mail", "friendly_name": "E-mail", "required": true,
                "name_format": "urn:oasis:names:tc:SAML:2.0:attrname-format:basic",
                "source": {"name": "email", "name_by_idp": [{"idp_id": "i-1", "source_name": "mail"}]}},
            {"name": "dept", "source": {"name_by_idp": {"i-2": "department"}}},
        ],
        "name_id_source": {"name": "employee", "name_by_idp": [{"idp_id": "i-1", "source_name": "uid"}]},
        "custom_entity_id": "https://old.com/idp", "sign": "assertion", "allow_sha1": true,
        "require_signed_requests": false, "single_logout_service_url": "https://sp.com/slo"}})
}

#[tokio::test]
async fn the_edge_has_a_saml_application_with_a_key_of_its_own() {
    for lab in labs().await {
        let tenant = lab.tenant("saas.com").await;
        organization(&lab, &tenant, "team.saas.com").await;
        let made = create(&lab, &tenant, typed()).await;
        let (id, one) = (made.id(), format!("{}/{}", path(&tenant), made.id()));
        let app = record(&lab, &Key::Application(id.clone())).await.unwrap();
        assert_eq!(app.get("saas"), None, "{}", lab.name);
        assert_eq!(app["launch_url"], json!(format!("https://team.saas.com/access/sso/saml/{id}")));
        let expected = json!({
            "entity_id": "https://old.com/idp",
            "service_provider": {"entity_id": "urn:sp", "allow_sha1": true,
                "assertion_consumer_services": [{"binding": "urn:oasis:names:tc:SAML:2.0:bindings:HTTP-POST",
                    "location": "https://sp.com/acs", "index": 0, "is_default": true}],
                "single_logout_services": [{"binding": "urn:oasis:names:tc:SAML:2.0:bindings:HTTP-Redirect",
                    "location": "https://sp.com/slo"}]},
            "name_id": {"format": "id", "source": {"name": "employee", "name_by_idp": {"i-1": "uid"}}},
            "attributes": [
                {"name": "mail", "friendly_name": "E-mail", "required": true,
                    "name_format": "urn:oasis:names:tc:SAML:2.0:attrname-format:basic",
                    "source": {"name": "email", "name_by_idp": {"i-1": "mail"}}},
                {"name": "dept", "source": {"name": "", "name_by_idp": {"i-2": "department"}}}],
            "group_filter": "^crm-", "default_relay_state": "/start", "signed": "assertion",
        });
        assert_eq!(app["saml"], expected);
        let keys = record(&lab, &Key::SamlKeys(id.clone())).await.unwrap();
        assert_eq!(
            (&keys["id"], &keys["auth_domain"], keys["keys"].as_array().unwrap().len()),
            (&json!(id), &json!("team.saas.com"), 1)
        );
        let key = &keys["keys"][0];
        assert_eq!((&key["use"], key["private_key"].is_null()), (&json!("signing"), false));
        let pem = made.result()["saas_app"]["public_key"].as_str().unwrap();
        let body: String = pem.lines().filter(|line| !line.starts_with('-')).collect();
        assert_eq!(key["certificate"], json!(body), "{}", lab.name);
        assert_eq!(made.result()["saas_app"]["idp_entity_id"], "https://old.com/idp");

        // The key stays, whatever else changes, and nothing is written that did not change.
        let mut body = typed();
        body["saas_app"]["custom_entity_id"] = Value::Null;
        let put = lab.operator("PUT", &one, body).await;
        assert_eq!(put.result()["saas_app"]["public_key"], json!(pem));
        assert_eq!(
            put.result()["saas_app"]["idp_entity_id"],
            put.result()["saas_app"]["sso_endpoint"]
        );
        assert_eq!(record(&lab, &Key::SamlKeys(id.clone())).await.unwrap(), keys);
        let other = create(&lab, &tenant, typed()).await;
        assert_ne!(other.result()["saas_app"]["public_key"], json!(pem));

        lab.operator("DELETE", &one, Value::Null).await;
        assert_eq!(record(&lab, &Key::SamlKeys(id.clone())).await, None, "{}", lab.name);
        assert_eq!(record(&lab, &Key::Application(id)).await, None);
    }
}

#[tokio::test]
async fn a_key_moves_with_the_team_domain() {
    for lab in labs().await {
        let tenant = lab.tenant("saas.com").await;
        let team = format!("/accounts/{}/access/organizations", tenant.account);
        let body = |domain: &str| json!({"name": "T", "auth_domain": domain});
        assert_eq!(lab.operator("PUT", &team, body("team.saas.com")).await.status, 200);
        let made = create(&lab, &tenant, typed()).await;
        let before = record(&lab, &Key::SamlKeys(made.id())).await.unwrap();
        assert_eq!(lab.operator("PUT", &team, body("login.saas.com")).await.status, 200);
        let after = record(&lab, &Key::SamlKeys(made.id())).await.unwrap();
        assert_eq!(after["auth_domain"], "login.saas.com", "{}", lab.name);
        assert_eq!(after["keys"], before["keys"]);
        let app = record(&lab, &Key::Application(made.id())).await.unwrap();
        assert!(app["launch_url"].as_str().unwrap().starts_with("https://login.saas.com/"));
    }
}

#[tokio::test]
async fn a_port_stands_in_every_address() {
    let lab = lab_with(&[("LINTEL_HTTPS_PORT", "8443")]).await;
    let tenant = lab.tenant("saas.com").await;
    organization(&lab, &tenant, "team.saas.com").await;
    let mut body = typed();
    body["saas_app"]["custom_entity_id"] = Value::Null;
    let made = create(&lab, &tenant, body).await;
    let sso = json!(format!("https://team.saas.com:8443/access/sso/saml/{}", made.id()));
    let app = record(&lab, &Key::Application(made.id())).await.unwrap();
    let shown = &made.result()["saas_app"];
    for address in [
        &shown["sso_endpoint"],
        &shown["idp_entity_id"],
        &app["launch_url"],
        &app["saml"]["entity_id"],
    ] {
        assert_eq!(address, &sso);
    }
}

#[tokio::test]
async fn a_name_that_several_providers_may_give_is_remarked_upon() {
    for lab in labs().await {
        let tenant = lab.tenant("saas.com").await;
        organization(&lab, &tenant, "team.saas.com").await;
        let idp = async |name: &str, kind: &str, enabled: bool| {
            let config = if kind == "oidc" {
                json!({"client_id": "c", "discovery": true, "issuer": "https://i.com"})
            } else {
                json!({})
            };
            let body = json!({"name": name, "type": kind, "config": config, "enabled": enabled});
            lab.operator("POST", &tenant.access("identity_providers"), body).await.id()
        };
        let first = idp("First", "oidc", true).await;
        idp("Off", "oidc", false).await;
        idp("Code", "onetimepin", true).await;
        let application = |source: Value, allowed: Value| {
            json!({"type": "saas", "name": "CRM", "allowed_idps": allowed, "saas_app": {
                "sp_entity_id": "urn:sp", "consumer_service_url": "https://sp.com/acs",
                "name_id_source": source}})
        };
        let employee = json!({"name": "employee"});
        let made = create(&lab, &tenant, application(employee.clone(), Value::Null)).await;
        assert_eq!(made.body["messages"], json!([]), "{}: one provider knows it", lab.name);
        let second = idp("Second", "oidc", true).await;

        let one = format!("{}/{}", path(&tenant), made.id());
        let named = |ids: &[&String]| {
            let named = ids.iter().map(|id| json!({"idp_id": id, "source_name": "uid"}));
            json!({"name": "employee", "name_by_idp": named.collect::<Vec<_>>()})
        };
        let mut transformed = application(employee.clone(), Value::Null);
        transformed["saas_app"]["name_id_transform_jsonata"] = "id".into();
        for (body, remarked) in [
            (application(employee.clone(), Value::Null), Some("2 providers may sign in")),
            (application(json!({"name": "sub"}), Value::Null), Some("3 providers may sign in")),
            (application(named(&[&first]), Value::Null), Some("\"employee\"")),
            (application(employee.clone(), json!([first, second])), Some("allowed_idps")),
            (application(employee, json!([first])), None),
            (application(named(&[&first, &second]), Value::Null), None),
            (application(json!({"name": "email"}), Value::Null), None),
            (application(Value::Null, Value::Null), None),
            (transformed, None),
        ] {
            let put = lab.operator("PUT", &one, body.clone()).await;
            assert_eq!(put.status, 200, "{}", put.text);
            let remarks = put.body["messages"].as_array().unwrap();
            assert_eq!(remarks.len(), usize::from(remarked.is_some()), "{body}: {}", put.text);
            let tried = json!({"identity": {"user_id": "u", "email": "a@b.com", "subject": "s",
                "idp": {"id": first, "type": "oidc"}, "authenticated_at": 1_790_000_000}});
            let tried = lab.operator("POST", &format!("{one}/saml_test"), tried).await;
            let tried = tried.result()["remarks"].to_string();
            assert_eq!(tried.contains("name_id_source.name_by_idp"), remarked.is_some(), "{tried}");
            if let Some(words) = remarked {
                let remark = remarks[0]["message"].as_str().unwrap();
                assert!(remark.contains(words), "{body}: {remark}");
            }
        }
    }
}
