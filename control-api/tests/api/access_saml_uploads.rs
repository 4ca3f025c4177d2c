//! Metadata and certificates of service providers, as they are pasted: what is filled in by them,
//! what wins, and what is refused with which words.

use edge_state::Key;
use serde_json::{Value, json};

use crate::access_applications::{create, path};
use crate::access_lab::{organization, record};
use crate::lab::{Answer, Lab, Tenant, lab, labs};

const SAMPLES: [(&str, &str); 4] = [
    ("node", include_str!("../samples/saml/node-saml.xml")),
    ("samlify", include_str!("../samples/saml/samlify.xml")),
    ("python3", include_str!("../samples/saml/python3-saml.xml")),
    ("pysaml2", include_str!("../samples/saml/pysaml2.xml")),
];
const CERTIFICATE: &str = include_str!("../samples/saml/sp.crt");
const POST: &str = "urn:oasis:names:tc:SAML:2.0:bindings:HTTP-POST";
const REDIRECT: &str = "urn:oasis:names:tc:SAML:2.0:bindings:HTTP-Redirect";

fn bare(pem: &str) -> String {
    pem.lines().filter(|line| !line.starts_with('-')).collect()
}

fn messages(answer: &Answer) -> Vec<String> {
    let messages = answer.body["messages"].as_array().unwrap();
    messages.iter().map(|one| one["message"].as_str().unwrap().to_owned()).collect()
}

async fn put(lab: &Lab, tenant: &Tenant, id: &str, saas: Value) -> Answer {
    let body = json!({"type": "saas", "name": "S", "saas_app": saas});
    lab.operator("PUT", &format!("{}/{id}", path(tenant)), body).await
}

#[tokio::test]
async fn metadata_of_real_service_providers_fills_everything_in() {
    for lab in labs().await {
        let tenant = lab.tenant("saas.com").await;
        organization(&lab, &tenant, "team.saas.com").await;
        for (name, xml) in SAMPLES {
            let body = json!({"type": "saas", "name": name, "saas_app": {"sp_metadata": xml}});
            let made = create(&lab, &tenant, body).await;
            let shown = &made.result()["saas_app"];
            assert_eq!(shown["sp_metadata"], xml, "{} {name}", lab.name);
            for absent in ["sp_entity_id", "consumer_service_url", "require_signed_requests"] {
                assert_eq!(shown.get(absent), None, "{name} {absent}");
            }
            let app = record(&lab, &Key::Application(made.id())).await.unwrap();
            let peer = &app["saml"]["service_provider"];
            let site = format!("https://{name}.example");
            assert_eq!(peer["entity_id"], format!("{site}/metadata"));
            let consumers = peer["assertion_consumer_services"].as_array().unwrap();
            let acs = json!(format!("{site}/acs"));
            assert_eq!((&consumers[0]["location"], &consumers[0]["binding"]), (&acs, &json!(POST)));
            assert_eq!(consumers.iter().filter(|one| one["is_default"] == true).count(), 1);
            let key = json!([bare(CERTIFICATE)]);
            assert_eq!(peer["signing_certificates"], key, "{name}");
            let logout = peer["single_logout_services"].as_array().unwrap();
            assert!(
                logout.iter().any(|one| one["location"] == format!("{site}/slo")),
                "{logout:?}"
            );
            let signs = xml.contains("AuthnRequestsSigned=\"true\"");
            assert_eq!(peer["require_signed_requests"] == true, signs, "{name}");
            assert_eq!(peer["encryption_certificates"] == key, name != "python3", "{name}");
            if name == "pysaml2" {
                assert_eq!(consumers.len(), 2);
                let said = messages(&made).join(" ");
                assert!(said.contains("requires the attribute surname"), "{said}");
            } else {
                assert_eq!(messages(&made), Vec::<String>::new(), "{name}");
            }
            // As clients write back what they read.
            let mut again = made.result().clone();
            again["type"] = "saas".into();
            let one = format!("{}/{}", path(&tenant), made.id());
            let again = lab.operator("PUT", &one, again).await;
            assert_eq!(again.result()["saas_app"], *shown, "{} {name}", lab.name);
            assert_eq!(
                record(&lab, &Key::Application(made.id())).await.unwrap()["saml"],
                app["saml"]
            );
        }
    }
}

#[tokio::test]
async fn what_was_typed_wins_over_the_metadata_and_it_is_said() {
    let lab = lab().await;
    let tenant = lab.tenant("saas.com").await;
    organization(&lab, &tenant, "team.saas.com").await;
    let xml = SAMPLES[3].1;
    let made =
        create(&lab, &tenant, json!({"type": "saas", "saas_app": {"sp_metadata": xml}})).await;
    let key = Key::Application(made.id());

    // One of its own addresses becomes the default one, and the others stay.
    let saas = json!({"sp_metadata": xml, "consumer_service_url": "https://pysaml2.example/acs2",
        "single_logout_service_url": "https://pysaml2.example/slo/post"});
    put(&lab, &tenant, &made.id(), saas).await.result();
    let app = record(&lab, &key).await.unwrap();
    let peer = &app["saml"]["service_provider"];
    let consumers: Vec<_> = peer["assertion_consumer_services"]
        .as_array()
        .unwrap()
        .iter()
        .map(|one| (one["location"].as_str().unwrap(), one["is_default"].as_bool().unwrap()))
        .collect();
    assert_eq!(
        consumers,
        [("https://pysaml2.example/acs", false), ("https://pysaml2.example/acs2", true)]
    );
    assert_eq!(
        peer["single_logout_services"],
        json!([{"binding": POST, "location": "https://pysaml2.example/slo/post"}])
    );

    // A stranger's address takes the place of all.
    let saas = json!({"sp_metadata": xml, "sp_entity_id": "urn:typed", "consumer_service_url": "https://else.com/acs",
        "single_logout_service_url": "https://else.com/slo", "sp_certificates": [CERTIFICATE],
        "require_signed_requests": false, "encrypt": "assertion", "sign": "response"});
    let answer = put(&lab, &tenant, &made.id(), saas).await;
    let said = messages(&answer).join("\n");
    for part in [
        "sp_entity_id is",
        "consumer_service_url is",
        "single_logout_service_url is",
        "sp_certificates stands",
        "it wants signed assertions",
        "surname",
    ] {
        assert!(said.contains(part), "{part}: {said}");
    }
    let app = record(&lab, &key).await.unwrap();
    let peer = &app["saml"]["service_provider"];
    assert_eq!(peer["entity_id"], "urn:typed");
    assert_eq!(
        peer["assertion_consumer_services"],
        json!([{"binding": POST, "location": "https://else.com/acs", "index": 0, "is_default": true}])
    );
    assert_eq!(
        peer["single_logout_services"],
        json!([{"binding": REDIRECT, "location": "https://else.com/slo"}])
    );
    assert_eq!(peer["signing_certificates"], json!([bare(CERTIFICATE)]));
    assert_eq!(peer.get("require_signed_requests"), None);
    assert_eq!(
        (&app["saml"]["encrypted"], &app["saml"]["signed"]),
        (&json!("assertion"), &json!("response"))
    );
}

#[tokio::test]
async fn certificates_are_read_in_whatever_form() {
    let lab = lab().await;
    let tenant = lab.tenant("saas.com").await;
    organization(&lab, &tenant, "team.saas.com").await;
    let typed = |certificate: &str| {
        json!({"sp_entity_id": "urn:sp", "consumer_service_url": "https://sp.com/acs",
        "sp_certificates": [certificate], "require_signed_requests": true, "encrypt": "name_id"})
    };
    let body = json!({"type": "saas", "saas_app": typed(CERTIFICATE)});
    let made = create(&lab, &tenant, body).await;
    for form in [
        CERTIFICATE.to_owned(),
        bare(CERTIFICATE),
        CERTIFICATE.replace('\n', "\r\n"),
        CERTIFICATE.replace('\n', "\\n"),
        format!("\"{CERTIFICATE}\""),
        SAMPLES[0].1.to_owned(),
    ] {
        let answer = put(&lab, &tenant, &made.id(), typed(&form)).await;
        assert_eq!(answer.result()["saas_app"]["sp_certificates"], json!([form]));
        let app = record(&lab, &Key::Application(made.id())).await.unwrap();
        let peer = &app["saml"]["service_provider"];
        for of in ["signing_certificates", "encryption_certificates"] {
            assert_eq!(peer[of], json!([bare(CERTIFICATE)]), "{form}");
        }
    }
}

/// Bodies, which field of each is at fault, and a part of what is said of it.
fn unspeakable() -> Vec<(Value, &'static str, &'static str)> {
    let xml = SAMPLES[0].1;
    let several = format!(
        "<md:EntitiesDescriptor xmlns:md=\"urn:oasis:names:tc:SAML:2.0:metadata\">{}{}</md:EntitiesDescriptor>",
        SAMPLES[0].1.trim_start_matches("<?xml version=\"1.0\"?>"),
        SAMPLES[2].1
    );
    let keyless = "<md:EntityDescriptor xmlns:md=\"urn:oasis:names:tc:SAML:2.0:metadata\" entityID=\"urn:sp\">\
        <md:SPSSODescriptor AuthnRequestsSigned=\"true\" protocolSupportEnumeration=\"urn:oasis:names:tc:SAML:2.0:protocol\">\
        <md:AssertionConsumerService Binding=\"urn:oasis:names:tc:SAML:2.0:bindings:HTTP-POST\" Location=\"https://sp.com/acs\" index=\"0\"/>\
        </md:SPSSODescriptor></md:EntityDescriptor>";
    let typed = |more: Value| {
        let mut saas =
            json!({"sp_entity_id": "urn:sp", "consumer_service_url": "https://sp.com/acs"});
        saas.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        saas
    };
    let attribute =
        |source: Value| typed(json!({"custom_attributes": [{"name": "a", "source": source}]}));
    vec![
        (json!({"sp_metadata": "<x/>"}), "sp_metadata", "not EntityDescriptor"),
        (json!({"sp_metadata": "nonsense"}), "sp_metadata", "cannot be used"),
        (
            json!({"sp_metadata": "<!DOCTYPE a [<!ENTITY b 'c'>]><a>&b;</a>"}),
            "sp_metadata",
            "document type",
        ),
        (json!({"sp_metadata": several}), "sp_metadata", "sp_entity_id"),
        (json!({"sp_metadata": xml.replace("SPSSODescriptor", "Extensions")}), "sp_metadata", ""),
        (json!({"sp_metadata": keyless}), "sp_metadata", "AuthnRequestsSigned"),
        (
            json!({"sp_metadata": xml, "sp_metadata_url": "https://sp.com/m"}),
            "sp_metadata_url",
            "one of the two",
        ),
        (
            typed(
                json!({"sp_certificates": ["-----BEGIN PRIVATE KEY-----\nAA==\n-----END PRIVATE KEY-----"]}),
            ),
            "sp_certificates[0]",
            "private key",
        ),
        (
            typed(json!({"sp_certificates": [CERTIFICATE, "https://sp.com/cert"]})),
            "sp_certificates[1]",
            "address",
        ),
        (
            typed(json!({"require_signed_requests": true})),
            "require_signed_requests",
            "sp_certificates",
        ),
        (typed(json!({"encrypt": "assertion"})), "encrypt", "RSA"),
        (typed(json!({"encrypt": "all"})), "encrypt", "name_id"),
        (
            typed(json!({"name_id_transform_jsonata": "$uppercase(email"})),
            "name_id_transform_jsonata",
            "cannot be used",
        ),
        (
            typed(json!({"saml_attribute_transform_jsonata": "{"})),
            "saml_attribute_transform_jsonata",
            "cannot be used",
        ),
        (typed(json!({"group_filter_regex": "(a"})), "group_filter_regex", "cannot be used"),
        (typed(json!({"sign": "none"})), "sign", "both"),
        (
            typed(json!({"single_logout_service_url": "javascript:1"})),
            "single_logout_service_url",
            "URL",
        ),
        (typed(json!({"name_id_source": {}})), "", ""),
        (
            typed(json!({"name_id_source": {"name_by_idp": "x"}})),
            "name_id_source.name_by_idp",
            "list",
        ),
        (
            attribute(json!({"name_by_idp": [{"idp_id": "a"}]})),
            "custom_attributes[0].source.name_by_idp[0]",
            "source_name",
        ),
        (
            attribute(
                json!({"name_by_idp": [{"idp_id": "a", "source_name": "x"}, {"idp_id": "a", "source_name": "y"}]}),
            ),
            "custom_attributes[0].source.name_by_idp[1]",
            "second time",
        ),
        (
            typed(json!({"custom_attributes": [{"source": {"name": "x"}}]})),
            "custom_attributes[0].name",
            "missing",
        ),
    ]
}

#[tokio::test]
async fn what_cannot_be_spoken_is_explained_and_changes_nothing() {
    for lab in labs().await {
        let tenant = lab.tenant("saas.com").await;
        organization(&lab, &tenant, "team.saas.com").await;
        let xml = SAMPLES[0].1;
        let made = create(
            &lab,
            &tenant,
            json!({"type": "saas", "name": "S", "saas_app": {"sp_metadata": xml}}),
        )
        .await;
        let before = record(&lab, &Key::Application(made.id())).await.unwrap();
        for (saas, pointer, words) in unspeakable() {
            let answer = put(&lab, &tenant, &made.id(), saas.clone()).await;
            if pointer.is_empty() {
                // An object without members is not set.
                assert_eq!(answer.status, 200, "{saas}");
                put(&lab, &tenant, &made.id(), json!({"sp_metadata": xml})).await.result();
                continue;
            }
            assert_eq!(answer.outcome(), (400, 12130), "{} {saas}: {}", lab.name, answer.text);
            let said = answer.body["errors"][0]["message"].as_str().unwrap();
            assert!(
                said.starts_with(&format!("saas_app.{pointer}")) && said.contains(words),
                "{saas}: {said}"
            );
            let after = record(&lab, &Key::Application(made.id())).await.unwrap();
            assert_eq!(after, before, "{saas}");
        }
    }
}
