//! The sign-in tester: what a SAML application would be told, and what its service provider would
//! make of that.

use control_api::store::access::objects;
use serde_json::{Value, json};

use crate::access_applications::{create, path};
use crate::access_lab::{object, organization};
use crate::access_policy_tests::user;
use crate::lab::{Answer, Lab, Tenant, labs};

const PYSAML2: &str = include_str!("../samples/saml/pysaml2.xml");

async fn application(lab: &Lab, tenant: &Tenant, idp: &str) -> String {
    let policies = format!("/accounts/{}/access/policies", tenant.account);
    let staff = json!({"name": "Staff", "decision": "allow", "include": [{"email_domain": {"domain": "saas.com"}}]});
    let staff = lab.operator("POST", &policies, staff).await.id();
    let body = json!({"type": "saas", "name": "CRM", "policies": [staff], "saas_app": {
        "sp_entity_id": "urn:sp", "consumer_service_url": "https://sp.com/acs", "name_id_format": "email",
        "custom_attributes": [
            {"name": "dept", "required": true, "source": {"name": "department", "name_by_idp": [{"idp_id": idp, "source_name": "team"}]}},
            {"name": "phone", "source": {"name": "phone"}}]}});
    create(lab, tenant, body).await.id()
}

async fn tried(lab: &Lab, tenant: &Tenant, id: &str, body: Value) -> Answer {
    lab.operator("POST", &format!("{}/{id}/saml_test", path(tenant)), body).await
}

fn ann(idp: &str) -> Value {
    json!({"user_id": "u-1", "email": "Ann@saas.com", "name": "Ann", "subject": "a",
        "idp": {"id": idp, "type": "saml"}, "claims": {"department": "Sales", "team": "Blue"},
        "authenticated_at": 1_790_000_000})
}

#[tokio::test]
async fn an_administrator_sees_what_the_application_would_be_told() {
    for lab in labs().await {
        let tenant = lab.tenant("saas.com").await;
        organization(&lab, &tenant, "team.saas.com").await;
        let idp = object(&lab, &tenant, "identity provider", "Corp").await;
        let id = application(&lab, &tenant, &idp).await;
        let seen = tried(&lab, &tenant, &id, json!({"identity": ann(&idp)})).await;
        let result = seen.result();
        assert_eq!(
            (&result["policy"]["admitted"], &result["policy"]["policy"]["name"]),
            (&json!(true), &json!("Staff"))
        );
        assert_eq!(result["name_id"]["value"], "ann@saas.com", "{}", lab.name);
        assert_eq!(
            result["name_id"]["format"],
            "urn:oasis:names:tc:SAML:1.1:nameid-format:emailAddress"
        );
        let dept = result["attributes"]
            .as_array()
            .unwrap()
            .iter()
            .find(|one| one["name"] == "dept")
            .unwrap();
        assert_eq!(dept["values"], json!(["Blue"]));
        let source = dept["source"].as_str().unwrap();
        assert!(source.contains("team"), "{source}");
        let left_out = result["left_out"].as_array().unwrap();
        assert!(left_out.iter().any(|one| one["name"] == "phone"), "{left_out:?}");
        assert!(result["authn_context"]["class"].as_str().unwrap().starts_with("urn:oasis"));
        assert_eq!(result["destination"], "https://sp.com/acs");
        assert_eq!((&result["audience"], &result["signed"]), (&json!("urn:sp"), &json!("both")));
        assert_eq!(result["encrypted"], json!({"what": "nothing"}));
        assert!(result.get("error").is_none());

        // Nobody can present it: it carries no signature, and is over when it begins.
        let xml = result["assertion_xml"].as_str().unwrap();
        assert!(
            xml.contains("\n  <saml:Subject>\n") && xml.contains(">ann@saas.com</saml:NameID>"),
            "{xml}"
        );
        assert!(!xml.contains("Signature") && !seen.text.contains("SAMLResponse"), "{xml}");
        let instants: Vec<_> = ["NotBefore=\"", "NotOnOrAfter=\""]
            .iter()
            .map(|name| xml.split(name).nth(1).unwrap().split('"').next().unwrap())
            .collect();
        assert_eq!(instants[0], instants[1]);
        assert!(
            xml.split("NotOnOrAfter=\"").skip(1).all(|rest| rest.starts_with(instants[1])),
            "{xml}"
        );

        // Elsewhere it is called otherwise; and somebody else is let in by nobody.
        let mut bob = ann("another");
        bob["email"] = "bob@else.com".into();
        let seen = tried(&lab, &tenant, &id, json!({"identity": bob})).await;
        let result = seen.result();
        assert_eq!(result["policy"]["admitted"], false, "{}", lab.name);
        let dept = result["attributes"]
            .as_array()
            .unwrap()
            .iter()
            .find(|one| one["name"] == "dept")
            .unwrap();
        assert_eq!(dept["values"], json!(["Sales"]));

        // What is required and not there forbids the whole, in words for both.
        let mut eve = ann("another");
        eve["claims"] = json!({});
        let seen = tried(&lab, &tenant, &id, json!({"identity": eve})).await;
        let error = &seen.result()["error"];
        assert!(error["message"].as_str().unwrap().contains("dept"), "{}", seen.text);
        assert!(error["shown_to_the_person"].as_str().unwrap().contains("dept"));
        assert!(
            seen.result().get("assertion_xml").is_none() && seen.result().get("name_id").is_none()
        );

        // An address that is another's is no name.
        let mut mallory = ann(&idp);
        mallory["email_is_anothers"] = true.into();
        let seen = tried(&lab, &tenant, &id, json!({"identity": mallory})).await;
        assert!(
            seen.result()["error"]["message"].as_str().unwrap().contains("another person"),
            "{}",
            seen.text
        );
    }
}

#[tokio::test]
async fn people_are_tried_as_they_last_signed_in() {
    for lab in labs().await {
        let tenant = lab.tenant("saas.com").await;
        organization(&lab, &tenant, "team.saas.com").await;
        let idp = object(&lab, &tenant, "identity provider", "Corp").await;
        let id = application(&lab, &tenant, &idp).await;
        let mut known = ann("another");
        known.as_object_mut().unwrap().remove("user_id");
        known["email"] = "ann@saas.com".into();
        let user = user(&lab, &tenant, "ann@saas.com", Some(known)).await;
        for body in [json!({"email": "Ann@saas.com"}), json!({"user_id": user})] {
            let seen = tried(&lab, &tenant, &id, body).await;
            assert_eq!(seen.result()["identity"]["user_id"], user, "{}", lab.name);
            assert_eq!(seen.result()["remarks"], json!([]));
        }
        let seen = tried(&lab, &tenant, &id, json!({"user_id": user, "idp_id": idp})).await;
        let dept = seen.result()["attributes"]
            .as_array()
            .unwrap()
            .iter()
            .find(|one| one["name"] == "dept")
            .unwrap();
        assert_eq!(dept["values"], json!(["Blue"]), "{}", lab.name);
        assert_eq!(seen.result()["remarks"].as_array().unwrap().len(), 1);
        for (body, field) in [
            (json!({}), "email"),
            (json!({"email": "nobody@saas.com"}), "email"),
            (json!({"user_id": "22222222-2222-4222-8222-222222222222"}), "user_id"),
            (json!({"email": "ann@saas.com", "idp_id": "none"}), "idp_id"),
            (json!({"email": "ann@saas.com", "ip": "here"}), "ip"),
        ] {
            let seen = tried(&lab, &tenant, &id, body.clone()).await;
            assert_eq!(seen.status, 400, "{body}: {}", seen.text);
            assert!(
                seen.body["errors"][0]["message"].as_str().unwrap().starts_with(field),
                "{body}: {}",
                seen.text
            );
        }
        let none = tried(
            &lab,
            &tenant,
            "22222222-2222-4222-8222-222222222222",
            json!({"email": "ann@saas.com"}),
        )
        .await;
        assert_eq!(none.status, 404);
    }
}

#[tokio::test]
async fn a_draft_is_tried_and_not_saved() {
    for lab in labs().await {
        let tenant = lab.tenant("saas.com").await;
        organization(&lab, &tenant, "team.saas.com").await;
        let id = application(&lab, &tenant, "none").await;
        let one = format!("{}/{id}", path(&tenant));
        let before = lab.operator("GET", &one, Value::Null).await;
        let draft = json!({"sp_metadata": PYSAML2, "name_id_format": "email", "encrypt": "assertion", "sign": "response"});
        let seen =
            tried(&lab, &tenant, &id, json!({"identity": ann("x"), "saas_app": draft})).await;
        let result = seen.result();
        assert_eq!(result["destination"], "https://pysaml2.example/acs", "{}", lab.name);
        assert_eq!(
            (&result["signed"], &result["encrypted"]["what"]),
            (&json!("response"), &json!("assertion"))
        );
        let lint: Vec<_> = result["lint"]
            .as_array()
            .unwrap()
            .iter()
            .map(|one| (one["level"].as_str().unwrap(), one["message"].as_str().unwrap()))
            .collect();
        for part in ["names of", "surname", "wants signed assertions"] {
            assert!(
                lint.iter().any(|(level, message)| *level == "refused" && message.contains(part)),
                "{part}: {lint:?}"
            );
        }
        // What it asks for is what it gets.
        let asked = json!({"identity": ann("x"), "saas_app": {"sp_metadata": PYSAML2},
            "name_id_format": "urn:oasis:names:tc:SAML:2.0:nameid-format:persistent"});
        let seen = tried(&lab, &tenant, &id, asked).await;
        assert_eq!(seen.result()["name_id"]["value"], "u-1", "{}", seen.text);
        let refused = json!({"identity": ann("x"), "saas_app": {"sp_metadata": "<x/>"}});
        let refused = tried(&lab, &tenant, &id, refused).await;
        assert_eq!(refused.outcome(), (400, 12130), "{}", refused.text);
        let oidc = json!({"identity": ann("x"), "saas_app": {"auth_type": "oidc", "redirect_uris": ["https://a.com/"]}});
        assert_eq!(tried(&lab, &tenant, &id, oidc).await.status, 400);
        let after = lab.operator("GET", &one, Value::Null).await;
        assert_eq!(after.result(), before.result(), "{}", lab.name);
        let mut tx = lab.db.read().await.unwrap();
        assert_eq!(objects::children(&mut tx, &id, "saml key").await.unwrap().len(), 1);
    }
}
