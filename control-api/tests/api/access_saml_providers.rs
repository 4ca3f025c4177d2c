//! SAML providers: what clients write, what the edge is told, and the keys of each.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use edge_state::Record as _;
use edge_state::access::saml::{KeyUse, SamlKeyRecord};
use edge_state::seal::{ACCESS, KeyRing, SealingKey, derive_ring};
use serde_json::{Value, json};

use crate::lab::{KEY, Lab, lab, labs};
use crate::saml_peer::{ENTITY, PeerKey, entity, lasting_until, plain};

fn provider(config: Value) -> Value {
    let mut body = json!({"name": "Corp", "type": "saml"});
    body["config"] = config;
    body
}

fn by_hand(key: &PeerKey) -> Value {
    json!({"sso_target_url": "https://idp.corp.com/sso", "issuer_url": "urn:idp",
        "idp_public_certs": [key.certificate.pem()]})
}

fn with(mut config: Value, more: Value) -> Value {
    if let Value::Object(more) = more {
        config.as_object_mut().unwrap().extend(more);
    }
    config
}

/// The keys at the edge, each with what opens of it.
async fn keys(lab: &Lab, id: &str) -> Vec<(KeyUse, String, String)> {
    let record = lab.record(&format!("saml_keys:{id}")).await;
    if record.is_null() {
        return Vec::new();
    }
    let record = SamlKeyRecord::decode(&record.to_string()).unwrap();
    assert_eq!((record.id.as_str(), record.auth_domain.as_str()), (id, "team.own.com"));
    let derived = derive_ring(KEY, ACCESS).unwrap();
    let ring = KeyRing::new(SealingKey::parse(derived.trim()).unwrap(), []);
    let opened = |key: &edge_state::access::saml::SamlKey| {
        let opened = record.private_key(&key.kid, key.r#use, &ring).unwrap().unwrap();
        let pair = aws_lc_rs::rsa::KeyPair::from_pkcs8(&opened).unwrap();
        assert_eq!(pair.public_modulus_len(), 256);
        (key.r#use, key.kid.clone(), key.certificate.clone())
    };
    record.keys.iter().map(opened).collect()
}

#[tokio::test]
async fn every_field_is_answered_as_sent_and_told_to_the_edge() {
    for lab in labs().await {
        let own = lab.organization("own.com").await;
        let key = PeerKey::new("idp");
        let more = json!({
            "attributes": ["groups", "dept"], "email_attribute_name": "mail",
            "subject_attribute_name": "uid", "groups_attribute_name": "memberOf",
            "header_attributes": [{"attribute_name": "dept", "header_name": "X-Dept"}],
            "name_id_format": "urn:oasis:names:tc:SAML:2.0:nameid-format:persistent",
            "sign_request": true, "force_authn": true, "enable_encryption": true,
            "require_signed_response": true, "allow_unsigned_assertion": false,
            "allow_unsolicited": true, "allow_sha1": true, "allow_cbc": true,
            "max_sso_url_length": 2000, "email_domains": ["corp.com"],
            "single_logout_service_url": "https://idp.corp.com/slo",
        });
        let config = with(by_hand(&key), more.clone());
        let made =
            lab.operator("POST", &own.access("identity_providers"), provider(config.clone())).await;
        let mut expected = config.clone();
        expected["redirect_url"] = made.result()["config"]["redirect_url"].clone();
        made.repeats(&provider(expected));
        assert!(made.result().get("saml_certificate_set_id").is_none(), "{}", made.text);
        let record = lab.record(&format!("idp:{}", made.id())).await;
        assert_eq!(record["email_domains"], json!(["corp.com"]));
        let told = &record["protocol"]["saml"];
        let mut wanted = with(
            config,
            json!({"idp_public_certs": [key.text()],
            "single_logout_services": [{"location": "https://idp.corp.com/slo",
                "binding": "urn:oasis:names:tc:SAML:2.0:bindings:HTTP-Redirect"}]}),
        );
        let wanted = wanted.as_object_mut().unwrap();
        for gone in ["allow_unsigned_assertion", "email_domains", "single_logout_service_url"] {
            wanted.remove(gone);
        }
        assert_eq!(told.as_object().unwrap(), wanted, "{}", lab.name);
        let organization = lab.record("org:team.own.com").await;
        assert_eq!(organization["origin_headers"], json!(["x-dept"]));
        // Writing back what was read changes nothing.
        let one = own.access(&format!("identity_providers/{}", made.id()));
        let again = lab.operator("PUT", &one, made.result().clone()).await;
        assert_eq!(again.result()["config"], made.result()["config"], "{}", again.text);
    }
}

#[tokio::test]
async fn pasted_metadata_is_enough() {
    let lab = lab().await;
    let own = lab.organization("own.com").await;
    let path = own.access("identity_providers");
    let (key, old) = (PeerKey::new("idp"), PeerKey::until("old", 2021));
    let xml = format!("\u{feff}<?xml version=\"1.0\"?>\n{}\n", plain(&[&key, &old]));
    let xml = xml.trim_start_matches('\u{feff}').to_owned();
    let made = lab.operator("POST", &path, provider(json!({"idp_metadata": xml}))).await;
    assert_eq!(made.result()["config"]["idp_metadata"], xml.as_str(), "{}", made.text);
    let remarks = made.body["messages"].to_string();
    for remark in ["has expired", "email_domains is not set"] {
        assert!(remarks.contains(remark), "{remarks}");
    }
    let told = lab.record(&format!("idp:{}", made.id())).await["protocol"]["saml"].clone();
    assert_eq!(told["issuer_url"], ENTITY);
    assert_eq!(told["idp_public_certs"], json!([key.text(), old.text()]));
    // It may run out while it is here: that is said when it is pasted, and stops nobody later.
    let ends = lasting_until(entity(&[&key]), 3_600_000);
    let made = lab.operator("POST", &path, provider(json!({"idp_metadata": ends}))).await;
    assert!(made.body["messages"].to_string().contains("idp_metadata_url"), "{}", made.text);
    lab.clock.advance(std::time::Duration::from_hours(2));
    let organization = json!({"name": "own", "auth_domain": "new.own.com"});
    let moved = lab.operator("PUT", &own.access("organizations"), organization).await;
    assert_eq!(moved.status, 200, "{}", moved.text);
    let record = lab.record(&format!("idp:{}", made.id())).await;
    assert_eq!(record["auth_domain"], "new.own.com");
    let keys = lab.record(&format!("saml_keys:{}", made.id())).await;
    assert_eq!(keys["auth_domain"], "new.own.com");
    let late = lab.operator("POST", &path, provider(json!({"idp_metadata": ends}))).await;
    assert_eq!(late.refused(), "/config/idp_metadata", "{}", late.text);
}

#[tokio::test]
async fn certificates_come_in_every_form_and_what_is_none_is_explained() {
    let lab = lab().await;
    let own = lab.organization("own.com").await;
    let path = own.access("identity_providers");
    let (key, other) = (PeerKey::new("idp"), PeerKey::new("other"));
    let (pem, der) = (key.certificate.pem(), key.certificate.der());
    for (pasted, expected) in [
        (pem.clone(), vec![key.text()]),
        (key.text(), vec![key.text()]),
        (pem.replace('\n', "\\n"), vec![key.text()]),
        (STANDARD.encode(&pem), vec![key.text()]),
        (format!("{pem}{}", other.certificate.pem()), vec![key.text(), other.text()]),
        (plain(&[&key, &other]), vec![key.text(), other.text()]),
        (
            STANDARD.encode(key.certificate.public_key().spki()),
            vec![STANDARD.encode(key.certificate.public_key().spki())],
        ),
    ] {
        let config = with(by_hand(&key), json!({"idp_public_certs": [pasted]}));
        let made = lab.operator("POST", &path, provider(config)).await;
        let record = lab.record(&format!("idp:{}", made.id())).await;
        assert_eq!(record["protocol"]["saml"]["idp_public_certs"], json!(expected), "{pasted}");
    }
    let cut = pem.replace("-----END CERTIFICATE-----", "");
    let private = "-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----".to_owned();
    for (pasted, said) in [
        (cut, "no end line"),
        (private, "a private key"),
        ("https://idp.corp.com/cert".to_owned(), "this is an address"),
        (STANDARD.encode(&der[1..]), "no X.509 certificate"),
        ("???".to_owned(), "neither PEM nor base64"),
    ] {
        let config = with(by_hand(&key), json!({"idp_public_certs": [key.text(), pasted]}));
        let refused = lab.operator("POST", &path, provider(config)).await;
        assert_eq!(refused.refused(), "/config/idp_public_certs/1", "{}", refused.text);
        assert!(refused.text.contains(said), "{said}: {}", refused.text);
    }
}

#[tokio::test]
async fn what_is_spoiled_is_refused_by_name() {
    let lab = lab().await;
    let own = lab.organization("own.com").await;
    let path = own.access("identity_providers");
    let key = PeerKey::new("idp");
    let header = |name: &str| json!([{"attribute_name": "a", "header_name": name}]);
    let xml = plain(&[&key]);
    for (more, pointer) in [
        (json!({"issuer_url": null}), "/config/issuer_url"),
        (json!({"sso_target_url": ""}), "/config/sso_target_url"),
        (json!({"sso_target_url": "http://idp.corp.com/"}), "/config/sso_target_url"),
        (json!({"idp_public_certs": []}), "/config/idp_public_certs"),
        (json!({"idp_public_certs": null}), "/config/idp_public_certs"),
        (json!({"idp_metadata": "<a/>"}), "/config/idp_metadata"),
        (json!({"idp_metadata": xml}), "/config/idp_metadata"),
        (json!({"idp_metadata": 1}), "/config/idp_metadata"),
        (
            json!({"idp_metadata": "<a/>", "idp_metadata_url": "https://i.com"}),
            "/config/idp_metadata",
        ),
        (json!({"idp_metadata_certs": [key.text()]}), "/config/idp_metadata_certs"),
        (json!({"name_id_format": "email"}), "/config/name_id_format"),
        (json!({"max_sso_url_length": 1}), "/config/max_sso_url_length"),
        (json!({"allow_sha1": "yes"}), "/config/allow_sha1"),
        (json!({"header_attributes": [{"attribute_name": "a"}]}), "/config/header_attributes/0"),
        (json!({"header_attributes": header("Host")}), "/config/header_attributes/0/header_name"),
        (
            json!({"header_attributes": header("X-Forwarded-User")}),
            "/config/header_attributes/0/header_name",
        ),
        (
            json!({"header_attributes": header("cf_access_jwt_assertion")}),
            "/config/header_attributes/0/header_name",
        ),
        (
            json!({"header_attributes": [header("X-A")[0], header("x_a")[0]]}),
            "/config/header_attributes/1/header_name",
        ),
    ] {
        let body = provider(with(by_hand(&key), more));
        let refused = lab.operator("POST", &path, body.clone()).await;
        assert_eq!(refused.refused(), pointer, "{body}: {}", refused.text);
    }
    let foreign = uuid::Uuid::new_v4().to_string();
    let mut body = provider(by_hand(&key));
    body["saml_certificate_set_id"] = foreign.into();
    let refused = lab.operator("POST", &path, body).await;
    assert_eq!(refused.refused(), "/saml_certificate_set_id", "{}", refused.text);
}

#[tokio::test]
async fn a_certificate_set_rotates_and_the_one_before_goes_on_decrypting() {
    for lab in labs().await {
        let own = lab.organization("own.com").await;
        let other = lab.organization("other.com").await;
        let path = own.access("identity_providers");
        let idp = PeerKey::new("idp");
        let made = lab.operator("POST", &path, provider(by_hand(&idp))).await;
        let (id, one) = (made.id(), format!("{path}/{}", made.id()));
        let first = keys(&lab, &id).await;
        let uses: Vec<_> = first.iter().map(|key| key.0).collect();
        assert!(uses.contains(&KeyUse::Signing) && uses.contains(&KeyUse::Encryption));
        assert_eq!(first.len(), 2, "{}", lab.name);
        let assign = format!("{one}/saml_certificate");
        let assigned = lab.operator("POST", &assign, Value::Null).await;
        assert_eq!(assigned.status, 201, "{}", assigned.text);
        let again = lab.operator("POST", &assign, Value::Null).await;
        assert_eq!((again.status.as_u16(), again.result()), (200, assigned.result()));
        let set = assigned.result().clone();
        let uid = set["uid"].as_str().unwrap();
        assert_eq!(
            (&set["previous_certificate"], &set["current_certificate"]["is_current"]),
            (&Value::Null, &json!(true))
        );
        assert!(set["current_certificate"]["not_after"].as_str().unwrap() > "2035");
        let read = lab.operator("GET", &one, Value::Null).await;
        assert_eq!(read.result()["saml_certificate_set"], set);
        assert_eq!(read.result()["saml_certificate_set_id"], uid);
        let sets = own.access("saml_certificates");
        let one_set = format!("{sets}/{uid}");
        for (query, count) in [
            (String::new(), 1),
            (format!("?id={uid}"), 1),
            (format!("?id=x,{uid}"), 1),
            ("?id=x".to_owned(), 0),
            ("?page=2".to_owned(), 0),
        ] {
            let listed = lab.operator("GET", &format!("{sets}{query}"), Value::Null).await;
            assert_eq!(
                listed.result().as_array().unwrap().len(),
                count,
                "{query}: {}",
                listed.text
            );
        }
        assert_eq!(lab.operator("GET", &one_set, Value::Null).await.result(), &set);
        let foreign = other.access(&format!("saml_certificates/{uid}"));
        assert_eq!(lab.operator("GET", &foreign, Value::Null).await.status, 404);
        let pem = lab.operator("GET", &format!("{one_set}/pem"), Value::Null).await;
        assert_eq!(pem.header("content-type"), "application/x-pem-file");
        assert_eq!(set["current_certificate"]["public_certificate"], pem.text.as_str());
        lab.clock.advance(std::time::Duration::from_secs(1));
        let mut before = set.clone();
        for expected in [3, 3] {
            let rotated = lab.operator("POST", &format!("{one_set}/rotate"), Value::Null).await;
            let now = rotated.result().clone();
            assert_eq!(now["uid"], uid);
            let previous = &now["previous_certificate"];
            assert_eq!(previous["uid"], before["current_certificate"]["uid"], "{}", rotated.text);
            assert_eq!(previous["is_current"], false);
            assert_ne!(now["current_certificate"]["uid"], previous["uid"]);
            let keys = keys(&lab, &id).await;
            assert_eq!(keys.len(), expected, "{}", lab.name);
            let opens: Vec<_> =
                keys.iter().filter(|key| key.0 == KeyUse::Encryption).map(|key| &key.2).collect();
            let certificate = |it: &Value| -> String {
                let pem = it["public_certificate"].as_str().unwrap();
                pem.lines().filter(|line| !line.starts_with("-----")).collect()
            };
            let current = certificate(&now["current_certificate"]);
            assert_eq!(opens, [&current, &certificate(previous)], "others encrypt to the first");
            before = now;
        }
        // As declarative clients do: named, and not named any more.
        let mut named = provider(by_hand(&idp));
        named["saml_certificate_set_id"] = uid.into();
        named["config"]["enable_encryption"] = true.into();
        let put = lab.operator("PUT", &one, named).await;
        assert_eq!(put.result()["saml_certificate_set_id"], uid, "{}", put.text);
        let put = lab.operator("PUT", &one, provider(by_hand(&idp))).await;
        assert!(put.result().get("saml_certificate_set_id").is_none(), "{}", put.text);
        assert_eq!(put.result()["saml_certificate_set"]["uid"], uid);
        let signing = |keys: &[(KeyUse, String, String)]| {
            keys.iter().find(|key| key.0 == KeyUse::Signing).cloned()
        };
        let kept = keys(&lab, &id).await;
        assert_eq!(signing(&kept), signing(&first), "nothing else changes it");
        let pin = json!({"name": "P", "type": "onetimepin", "config": {}});
        let pin = lab.operator("POST", &path, pin).await.id();
        let of_pin = format!("{path}/{pin}/saml_certificate");
        assert_eq!(lab.operator("POST", &of_pin, Value::Null).await.status, 409);
        assert_eq!(lab.operator("DELETE", &one, Value::Null).await.status, 202);
        assert_eq!(keys(&lab, &id).await, []);
        assert_eq!(lab.operator("GET", &one_set, Value::Null).await.status, 404);
    }
}

#[tokio::test]
async fn a_kept_secret_goes_to_no_other_server() {
    let lab = lab().await;
    let own = lab.organization("own.com").await;
    let path = own.access("identity_providers");
    let oidc = |host: &str| {
        json!({"name": "O", "type": "oidc", "config": {"client_id": "c",
            "auth_url": "https://i.com/a", "token_url": format!("https://{host}/t"),
            "certs_url": "https://i.com/k"}})
    };
    let okta = |account: &str| json!({"name": "O", "type": "okta", "config": {"client_id": "c", "okta_account": account}});
    let github = |web: &str| json!({"name": "O", "type": "github", "config": {"client_id": "c", "web_url": web}});
    let discovered = |issuer: &str| {
        json!({"name": "O", "type": "oidc", "config": {"client_id": "c", "issuer": issuer,
            "discovery": true}})
    };
    for (known, other) in [
        (oidc("i.com"), oidc("evil.com")),
        (oidc("i.com"), oidc("i.com:8443")),
        (okta("you"), okta("evil")),
        (github("https://git.you.com"), github("https://git.evil.com")),
        (discovered("https://i.com"), discovered("https://evil.com")),
        (oidc("i.com"), discovered("https://evil.com")),
    ] {
        let mut first = known.clone();
        first["config"]["client_secret"] = "s".into();
        let id = lab.operator("POST", &path, first).await.id();
        let one = format!("{path}/{id}");
        let record = lab.record(&format!("idp:{id}")).await;
        let mut stars = other.clone();
        stars["config"]["client_secret"] = "***".into();
        for body in [&other, &stars] {
            let refused = lab.operator("PUT", &one, body.clone()).await;
            assert_eq!(refused.refused(), "/config/client_secret", "{body}: {}", refused.text);
        }
        assert_eq!(lab.record(&format!("idp:{id}")).await, record);
        assert_eq!(lab.operator("PUT", &one, known).await.status, 200);
        let mut again = other;
        again["config"]["client_secret"] = "s".into();
        assert_eq!(lab.operator("PUT", &one, again).await.status, 200);
    }
    let posture = format!("/accounts/{}/devices/posture/integration", own.account);
    let integration = |url: &str| {
        json!({"name": "F", "type": "custom_s2s", "interval": "10m", "config": {"api_url": url,
            "access_client_id": "i", "access_client_secret": "s"}})
    };
    let id = lab.operator("POST", &posture, integration("https://a.com/x")).await.id();
    let one = format!("{posture}/{id}");
    let mut moved = integration("https://evil.com/x");
    moved["config"].as_object_mut().unwrap().remove("access_client_secret");
    let refused = lab.operator("PATCH", &one, moved.clone()).await;
    assert_eq!(refused.refused(), "/config/access_client_secret", "{}", refused.text);
    moved["config"]["api_url"] = "https://a.com/y".into();
    assert_eq!(lab.operator("PATCH", &one, moved).await.status, 200);
    let again = integration("https://evil.com/x");
    assert_eq!(lab.operator("PATCH", &one, again).await.status, 200);
}
