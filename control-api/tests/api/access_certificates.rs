//! `/access/certificates`, and how hostnames treat what they sign.

use rcgen::{BasicConstraints, CertificateParams, IsCa, KeyPair};
use serde_json::{Value, json};

use crate::lab::{lab, labs};

fn authority() -> String {
    let mut params = CertificateParams::default();
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    params.self_signed(&KeyPair::generate().unwrap()).unwrap().pem()
}

#[tokio::test]
async fn a_ca_reaches_its_hostnames_and_goes_only_when_it_has_none() {
    for lab in labs().await {
        let own = lab.tenant("own.com").await;
        let path = own.access("certificates");
        let pem = authority();
        let sent = json!({"name": "CA", "certificate": pem,
            "associated_hostnames": ["b.own.com", "a.own.com"]});
        let made = lab.operator("POST", &path, sent.clone()).await;
        assert_eq!(made.status, 201, "{}", made.text);
        made.repeats(&sent);
        let fingerprint = made.result()["fingerprint"].as_str().unwrap();
        assert_eq!(fingerprint.len(), "MD5 Fingerprint=".len() + 47, "{fingerprint}");
        let one = format!("{path}/{}", made.id());
        assert_eq!(lab.operator("GET", &one, Value::Null).await.result(), made.result());
        let zone = own.zone_access(&format!("certificates/{}", made.id()));
        assert_eq!(lab.operator("GET", &zone, Value::Null).await.result(), made.result());
        let second = json!({"name": "CA 2", "certificate": authority(),
            "associated_hostnames": ["a.own.com"]});
        let second = lab.operator("POST", &path, second).await.id();
        let record = lab.record("mtls:a.own.com").await;
        let names: Vec<_> =
            record["authorities"].as_array().unwrap().iter().map(|a| a["name"].clone()).collect();
        assert_eq!(names, ["CA", "CA 2"]);
        assert_eq!(lab.record("mtls:b.own.com").await["authorities"][0]["certificate"], pem);

        let refused = lab.operator("DELETE", &one, Value::Null).await;
        assert_eq!((refused.status.as_u16(), refused.header("x-should-retry")), (409, "false"));
        // An empty body empties the hostnames and leaves the name.
        let emptied = lab.operator("PUT", &one, json!({})).await;
        emptied.repeats(&json!({"name": "CA", "associated_hostnames": [], "certificate": pem}));
        assert_eq!(emptied.result()["fingerprint"], made.result()["fingerprint"]);
        assert_eq!(lab.record("mtls:b.own.com").await, Value::Null);
        assert_eq!(lab.record("mtls:a.own.com").await["authorities"][0]["id"], second.as_str());
        let deleted = lab.operator("DELETE", &one, Value::Null).await;
        assert_eq!((deleted.status.as_u16(), deleted.id()), (200, made.id()));
        assert_eq!(lab.operator("GET", &one, Value::Null).await.status, 404);
    }
}

#[tokio::test]
async fn settings_are_replaced_and_forwarding_reaches_the_edge() {
    for lab in labs().await {
        let own = lab.tenant("own.com").await;
        let path = own.access("certificates");
        let body = json!({"name": "CA", "certificate": authority(), "associated_hostnames": ["a.own.com"]});
        lab.operator("POST", &path, body).await;
        let settings = format!("{path}/settings");
        assert_eq!(lab.operator("GET", &settings, Value::Null).await.result(), &json!([]));
        let list = json!([{"hostname": "a.own.com", "china_network": false,
            "client_certificate_forwarding": true}]);
        let written = lab.operator("PUT", &settings, json!({"settings": list})).await;
        assert_eq!((written.status.as_u16(), written.result()), (202, &list));
        assert_eq!(lab.operator("GET", &settings, Value::Null).await.result(), &list);
        assert_eq!(lab.record("mtls:a.own.com").await["forward"], true);
        lab.operator("PUT", &settings, json!({"settings": []})).await;
        assert!(lab.record("mtls:a.own.com").await.get("forward").is_none());
    }
}

#[tokio::test]
async fn what_cannot_be_trusted_is_refused() {
    let lab = lab().await;
    let own = lab.tenant("own.com").await;
    lab.tenant("other.com").await;
    let hostname = json!({"hostname": "app.customer.com"});
    let other = lab.tenant("third.com").await;
    let hostnames = format!("/zones/{}/custom_hostnames", other.zone);
    lab.operator("POST", &hostnames, hostname).await;
    let path = own.access("certificates");
    let leaf = CertificateParams::default().self_signed(&KeyPair::generate().unwrap()).unwrap();
    let key = KeyPair::generate().unwrap().serialize_pem();
    for (certificate, hostname, pointer) in [
        (leaf.pem(), "a.own.com", "/certificate"),
        (key, "a.own.com", "/certificate"),
        ("nonsense".to_owned(), "a.own.com", "/certificate"),
        (authority(), "a.other.com", "/associated_hostnames/0"),
        (authority(), "notown.com", "/associated_hostnames/0"),
        (authority(), "app.customer.com", "/associated_hostnames/0"),
        (authority(), "a b", "/associated_hostnames/0"),
    ] {
        let body =
            json!({"name": "CA", "certificate": certificate, "associated_hostnames": [hostname]});
        let refused = lab.operator("POST", &path, body).await;
        assert_eq!(refused.refused(), pointer, "{hostname}: {}", refused.text);
    }
    let made = json!({"name": "CA", "certificate": authority()});
    let made = lab.operator("POST", &path, made).await;
    made.repeats(&json!({"associated_hostnames": []}));
    let other = json!({"certificate": authority()});
    let refused = lab.operator("PUT", &format!("{path}/{}", made.id()), other).await;
    assert_eq!(refused.refused(), "/certificate");
    for (setting, pointer) in [
        (json!({"hostname": "a.own.com", "china_network": true}), "/settings/0/china_network"),
        (json!({"hostname": "a.other.com"}), "/settings/0/hostname"),
        (json!({"china_network": false}), "/settings/0/hostname"),
    ] {
        let body = json!({"settings": [setting]});
        let refused = lab.operator("PUT", &format!("{path}/settings"), body).await;
        assert_eq!(refused.refused(), pointer, "{}", refused.text);
    }
}
