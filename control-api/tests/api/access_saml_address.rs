//! SAML applications whose service provider describes itself at an address.

use std::time::Duration;

use control_api::api::access::metadata_polling::poll_due;
use edge_state::Key;
use serde_json::{Value, json};

use crate::access_applications::{create, path};
use crate::access_lab::record;
use crate::lab::{lab_with, labs_with};
use crate::saml_peer::{PeerKey, Server, service_provider};

const PRIVATE: &[(&str, &str)] = &[("LINTEL_ALLOW_PRIVATE_NETWORKS", "on")];
const XML: &str = include_str!("../samples/saml/python3-saml.xml");

#[tokio::test]
async fn an_address_describes_an_application_until_it_describes_what_cannot_be_spoken_with() {
    for lab in labs_with(PRIVATE).await {
        let tenant = lab.organization("own.com").await;
        let server = Server::start().await;
        server.has(XML.to_owned());
        let saas = json!({"sp_metadata_url": server.url});
        let body = json!({"type": "saas", "name": "P", "saas_app": saas});
        let made = create(&lab, &tenant, body.clone()).await;
        let one = format!("{}/{}", path(&tenant), made.id());
        let shown = &made.result()["saas_app"];
        assert_eq!(shown["sp_metadata_url"], json!(server.url), "{}", lab.name);
        assert_eq!((shown.get("sp_entity_id"), shown.get("sp_metadata")), (None, None));
        let peer = async || {
            let app = record(&lab, &Key::Application(made.id())).await.unwrap();
            app["saml"]["service_provider"].clone()
        };
        let acs = async || peer().await["assertion_consumer_services"][0]["location"].clone();
        assert_eq!(acs().await, "https://python3.example/acs");

        // Its settings are another matter, and leave it as it is.
        let settings = json!({"skip_interstitial": true});
        lab.operator("PUT", &format!("{one}/settings"), settings).await.result();
        assert_eq!(acs().await, "https://python3.example/acs", "{}", lab.name);

        let moved = XML.replace("python3.example/acs", "python3.example/elsewhere");
        server.has(moved.clone());
        lab.clock.advance(Duration::from_hours(25));
        assert_eq!(poll_due(&lab.app).await.unwrap(), 1);
        assert_eq!(acs().await, "https://python3.example/elsewhere", "{}", lab.name);

        // It promises signatures and has no key any longer: what was good goes on, and it is said.
        let (before, rest) = moved.split_once("<md:KeyDescriptor").unwrap();
        let keyless = format!("{before}{}", rest.split_once("</md:KeyDescriptor>").unwrap().1);
        let keyless = keyless.replace("/elsewhere", "/again");
        server.has(keyless.clone());
        lab.clock.advance(Duration::from_hours(25));
        poll_due(&lab.app).await.unwrap();
        assert_eq!(acs().await, "https://python3.example/elsewhere", "{}", lab.name);
        let state = lab.operator("GET", &format!("{one}/saml_metadata"), Value::Null).await;
        let error = state.result()["error"].as_str().unwrap();
        assert!(error.contains("AuthnRequestsSigned"), "{error}");
        // A new application of such an address is refused, and so is one of none.
        let refused = lab.operator("POST", &path(&tenant), body).await;
        assert_eq!(refused.outcome(), (400, 12130), "{}", refused.text);
        for bad in ["http://127.0.0.1:1/none", "ftp://sp.com/"] {
            let body = json!({"type": "saas", "name": "P", "saas_app": {"sp_metadata_url": bad}});
            let refused = lab.operator("PUT", &one, body).await;
            assert_eq!(refused.outcome(), (400, 12130), "{bad}: {}", refused.text);
        }
        assert_eq!(acs().await, "https://python3.example/elsewhere", "{}", lab.name);

        // The file in its place, and then nothing of either.
        let uploaded = json!({"type": "saas", "saas_app": {"sp_metadata": XML}});
        lab.operator("PUT", &one, uploaded).await.result();
        assert_eq!(acs().await, "https://python3.example/acs");
        let state = lab.operator("GET", &format!("{one}/saml_metadata"), Value::Null).await;
        assert_eq!(state.status, 404, "{}", lab.name);
    }
}

#[tokio::test]
async fn nobody_has_more_keys_than_an_edge_should_hold() {
    let lab = lab_with(PRIVATE).await;
    let tenant = lab.organization("own.com").await;
    let (server, key) = (Server::start().await, PeerKey::new("sp"));
    let body = |saas: Value| json!({"type": "saas", "name": "K", "saas_app": saas});
    let fetched = json!({"sp_metadata_url": server.url});
    server.has(service_provider(&[&key], &[]));
    let made = create(&lab, &tenant, body(fetched.clone())).await;
    let one = format!("{}/{}", path(&tenant), made.id());
    let known = Key::Application(made.id());
    let before = record(&lab, &known).await.unwrap();
    let pasted = |count: usize| {
        let keys = (0..count).map(|number| PeerKey::new(&number.to_string()).certificate.pem());
        json!({"sp_entity_id": "urn:sp", "consumer_service_url": "https://sp.com/acs",
            "sp_certificates": [keys.collect::<String>()]})
    };
    let uploaded = |xml: &str| json!({"sp_metadata": xml});
    for (signing, encryption, of) in [(33, 1, "signatures"), (0, 33, "encryption")] {
        let xml = service_provider(&vec![&key; signing], &vec![&key; encryption]);
        server.has(xml.clone());
        let elsewhere = json!({"sp_metadata_url": format!("{}?new", server.url)});
        for (saas, field) in [(uploaded(&xml), "sp_metadata"), (elsewhere, "sp_metadata_url")] {
            for (method, path) in [("POST", &path(&tenant)), ("PUT", &one)] {
                let refused = lab.operator(method, path, body(saas.clone())).await;
                assert_eq!(refused.status, 400, "{of}: {}", refused.text);
                let said = refused.body["errors"][0]["message"].as_str().unwrap();
                let words = format!("names 33 certificates for {of}; at most 32 are taken");
                assert!(said.starts_with(&format!("saas_app.{field}")), "{said}");
                assert!(said.contains(&words), "{said}");
            }
        }
        // From the address that is known: the version before goes on.
        lab.clock.advance(Duration::from_hours(25));
        assert_eq!(poll_due(&lab.app).await.unwrap(), 1);
        let state = lab.operator("GET", &format!("{one}/saml_metadata"), Value::Null).await;
        assert!(state.text.contains("at most 32 are taken"), "{}", state.text);
    }
    let refused = lab.operator("PUT", &one, body(pasted(33))).await;
    assert_eq!(refused.outcome(), (400, 12130), "{}", refused.text);
    let said = refused.body["errors"][0]["message"].as_str().unwrap();
    assert_eq!(said, "saas_app.sp_certificates holds 33 keys; at most 32 are taken");
    assert_eq!(record(&lab, &known).await.unwrap(), before);
    let most = uploaded(&service_provider(&[&key; 32], &[&key; 32]));
    for saas in [pasted(32), most, fetched] {
        server.has(service_provider(&[&key; 32], &[&key]));
        let taken = lab.operator("PUT", &one, body(saas)).await;
        assert_eq!(taken.status, 200, "{}", taken.text);
    }
}
