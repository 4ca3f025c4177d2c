//! Bad input: refused with the contract's code, by the name of the field, and nothing is changed.

use axum::body::Body;
use http::Request;
use serde_json::{Value, json};

use crate::custom_hostnames::{HTTP, path};
use crate::lab::{BOOTSTRAP, Lab, Tenant, lab, labs};

async fn refused(lab: &Lab, tenant: &Tenant, body: Value, code: u64) {
    let answer = lab.operator("POST", &path(tenant), body.clone()).await;
    let shown: String = body.to_string().chars().take(120).collect();
    assert_eq!(answer.outcome(), (400, code), "{shown}: {}", answer.text);
    assert!(answer.body["errors"][0]["message"].as_str().is_some_and(|message| message.len() > 10));
}

async fn nothing_was_made(lab: &Lab, tenant: &Tenant) {
    let listed = lab.operator("GET", &path(tenant), Value::Null).await;
    assert_eq!(listed.body["result_info"]["total_count"], 0, "{}", listed.text);
}

#[tokio::test]
async fn names_that_are_no_hostnames_are_refused() {
    let lab = lab().await;
    let tenant = lab.tenant("saas.com").await;
    let long = format!("{}.com", ["a"; 126].join("."));
    for (name, code) in [
        ("", 1407),
        (".", 1407),
        ("customer", 1410),
        ("192.0.2.1", 1407),
        ("2001:db8::1", 1407),
        ("[::1]", 1407),
        ("shop.customer.com.", 1407),
        ("Shop.Customer.com", 1407),
        ("a..customer.com", 1407),
        ("-a.customer.com", 1407),
        ("a_b.customer.com", 1407),
        ("a b.customer.com", 1407),
        ("https://a.customer.com", 1407),
        ("a.customer.com/", 1407),
        ("a.customer.com:443", 1407),
        ("*.*.customer.com", 1407),
        ("a.*.customer.com", 1407),
        ("xn--zzzzzzz-.customer.com", 1407),
        ("a\u{0}.customer.com", 1407),
        (long.as_str(), 1407),
        ("\u{1f600}.customer.com", 1408),
        ("b\u{fc}cher.de", 1408),
        ("shop.test", 1409),
        ("shop.localhost", 1409),
        ("shop.invalid", 1409),
        ("shop.example", 1409),
        ("co.uk", 1410),
        ("com", 1410),
        ("github.io", 1410),
        ("example.com", 1411),
        ("shop.example.org", 1411),
    ] {
        refused(&lab, &tenant, json!({"hostname": name, "ssl": HTTP()}), code).await;
    }
    for value in
        [Value::Null, json!(5), json!(["a.customer.com"]), json!({"name": "a"}), json!(true)]
    {
        refused(&lab, &tenant, json!({"hostname": value}), 1407).await;
    }
    refused(&lab, &tenant, json!({"hostname": "*.customer.com", "ssl": HTTP()}), 1448).await;
    refused(&lab, &tenant, json!({}), 1407).await;
    nothing_was_made(&lab, &tenant).await;
}

#[tokio::test]
async fn fields_that_cannot_be_are_refused_by_name() {
    let lab = lab().await;
    let tenant = lab.tenant("saas.com").await;
    let ssl = |field: &str, value: Value| {
        let mut ssl = HTTP();
        ssl[field] = value;
        json!({"ssl": ssl})
    };
    let setting = |field: &str, value: Value| ssl("settings", json!({field: value}));
    for (members, code) in [
        (json!({"nonsense": 1}), 1400),
        (json!({"custom_metadata": "text"}), 1401),
        (json!({"custom_metadata": [1]}), 1401),
        (json!({"custom_metadata": {"a": "x".repeat(5000)}}), 1401),
        (json!({"custom_origin_server": 5}), 1415),
        (json!({"custom_origin_server": "192.0.2.1"}), 1415),
        (json!({"custom_origin_server": "a.com/path"}), 1415),
        (json!({"custom_origin_server": "\u{fc}.com"}), 1416),
        (json!({"custom_origin_server": "*.saas.com"}), 1420),
        (json!({"custom_origin_sni": "sni.saas.com"}), 1415),
        (json!({"custom_origin_server": "o.saas.com", "custom_origin_sni": "no name"}), 1415),
        (json!({"ssl": "on"}), 1434),
        (json!({"ssl": []}), 1434),
        (json!({"ssl": {}}), 1440),
        (json!({"ssl": {"method": "http"}}), 1440),
        (ssl("method", json!("carrier pigeon")), 1432),
        (ssl("method", json!("cname")), 1432),
        (ssl("method", json!(1)), 1432),
        (ssl("method", json!("txt")), 1432),
        (ssl("method", json!("email")), 1432),
        (ssl("type", json!("ev")), 1433),
        (ssl("bundle_method", json!("pile")), 1449),
        (ssl("wildcard", json!(true)), 1448),
        (ssl("wildcard", json!("yes")), 1434),
        (ssl("certificate_authority", json!("a b")), 1434),
        (ssl("certificate_authority", json!("nonsense")), 1434),
        (ssl("certificate_authority", json!("LETS_ENCRYPT")), 1434),
        (ssl("nonsense", json!(1)), 1434),
        (ssl("settings", json!("fast")), 1434),
        (ssl("custom_certificate", json!("-----BEGIN CERTIFICATE-----")), 1426),
        (ssl("custom_key", json!("-----BEGIN PRIVATE KEY-----")), 1427),
        (ssl("custom_csr_id", json!("7b163417-1d2b-4c84-a38a-2fb7a0cd7752")), 1430),
        (ssl("custom_cert_bundle", json!([{}])), 1426),
        (setting("http2", json!("yes")), 1422),
        (setting("http2", json!(true)), 1422),
        (setting("tls_1_2_only", json!("on")), 1423),
        (setting("tls_1_3", json!("zrt")), 1424),
        (setting("min_tls_version", json!("1.4")), 1425),
        (setting("min_tls_version", json!(1.2)), 1425),
        (setting("ciphers", json!("AES128-SHA")), 1442),
        (setting("ciphers", json!(["ROT13"])), 1442),
        (setting("ciphers", json!(["AES128-SHA", null])), 1442),
        (setting("ciphers", json!(["AES128-SHA", "AES128-SHA"])), 1442),
        (ssl("settings", json!({"min_tls_version": "1.3", "ciphers": ["AES128-SHA"]})), 1443),
        (setting("nonsense", json!("on")), 1434),
    ] {
        let mut body = json!({"hostname": "a.customer.com"});
        body.as_object_mut().unwrap().extend(members.as_object().unwrap().clone());
        refused(&lab, &tenant, body, code).await;
    }
    let metadata = json!({"hostname": "*.customer.com", "custom_metadata": {"a": 1}});
    refused(&lab, &tenant, metadata, 1412).await;
    nothing_was_made(&lab, &tenant).await;
}

#[tokio::test]
async fn bodies_that_are_no_json_are_refused() {
    let lab = lab().await;
    let tenant = lab.tenant("saas.com").await;
    let deep = format!(
        r#"{{"hostname":"a.customer.com","custom_metadata":{}1{}}}"#,
        r#"{"a":"#.repeat(500),
        "}".repeat(500)
    );
    let huge = format!(r#"{{"hostname":"{}"}}"#, "a".repeat(1024 * 1024));
    for (body, outcome) in [
        (r#"{"hostname":"a.customer.com""#, (400, 1400)),
        (r#"{"hostname":"a.customer.com",}"#, (400, 1400)),
        (r#"["a.customer.com"]"#, (400, 1400)),
        (r#""a.customer.com""#, (400, 1400)),
        (r#"{"hostname":"a.customer.com","hostname":"b.customer.com"}"#, (400, 1400)),
        (r"{'hostname':'a.customer.com'}", (400, 1400)),
        ("hostname=a.customer.com", (400, 1400)),
        (deep.as_str(), (400, 1401)),
        (huge.as_str(), (413, 1413)),
    ] {
        let request = Request::post(format!("/client/v4{}", path(&tenant)))
            .header("authorization", format!("Bearer {BOOTSTRAP}"))
            .header("content-type", "application/json")
            .body(Body::from(body.to_owned()))
            .unwrap();
        let answer = lab.send(request).await;
        assert_eq!(answer.outcome(), outcome, "{body:.80}: {}", answer.text);
    }
    nothing_was_made(&lab, &tenant).await;
}

#[tokio::test]
async fn nul_is_refused_where_names_are_and_kept_in_metadata() {
    for lab in labs().await {
        let tenant = lab.tenant("saas.com").await;
        let metadata = json!({"a": "\u{0}", "\u{0}": "b", "c": "\\u0000"});
        let mut ssl = HTTP();
        ssl["certificate_authority"] = json!("google");
        let body = json!({"hostname": "a.customer.com", "ssl": ssl, "custom_metadata": metadata});
        let created = lab.operator("POST", &path(&tenant), body).await;
        assert_eq!(created.status, 201, "{}: {}", lab.name, created.text);
        assert_eq!(created.result()["custom_metadata"], metadata, "{}", lab.name);
        let list = format!("{}?certificate_authority=google", path(&tenant));
        let list = lab.operator("GET", &list, Value::Null).await;
        assert_eq!(list.body["result_info"]["total_count"], 1, "{}: {}", lab.name, list.text);
        for (method, target) in [
            ("GET", format!("{}?hostname=%00", path(&tenant))),
            ("GET", format!("{}?certificate_authority=a%00b", path(&tenant))),
            ("GET", format!("{}/%00", path(&tenant))),
            ("GET", "/zones?name=%00".to_owned()),
            ("GET", "/accounts?name=%00".to_owned()),
            ("GET", "/user/tokens/%00".to_owned()),
            ("DELETE", format!("/accounts/{}/tokens/%00", tenant.account)),
            ("DELETE", "/lintel/points_of_presence/%00".to_owned()),
        ] {
            let answer = lab.operator(method, &target, Value::Null).await;
            assert_eq!(answer.status, 400, "{}: {target}: {}", lab.name, answer.text);
        }
        let zone = json!({"name": "other.com", "account": {"id": "\u{0}"}});
        let answer = lab.operator("POST", "/zones", zone).await;
        assert_eq!(answer.outcome(), (400, 1400), "{}: {}", lab.name, answer.text);
    }
}

#[tokio::test]
async fn a_mistake_is_told_in_words_of_json() {
    let lab = lab().await;
    let tenant = lab.tenant("saas.com").await;
    for (members, words) in [
        (r#""ssl":[]"#, "expected an object"),
        (r#""ssl":{"method":"http","type":"dv","settings":"x"}"#, "expected an object"),
        (r#""custom_metadata":{"a":"\ud800"}"#, "half of a surrogate pair"),
        (r#""custom_metadata":{"a":1e999}"#, "a number beyond every range"),
    ] {
        let body = format!(r#"{{"hostname":"a.customer.com",{members}}}"#);
        let request = Request::post(format!("/client/v4{}", path(&tenant)))
            .header("authorization", format!("Bearer {BOOTSTRAP}"))
            .body(Body::from(body))
            .unwrap();
        let answer = lab.send(request).await;
        assert_eq!(answer.status, 400, "{members}: {}", answer.text);
        assert!(answer.text.contains(words), "{members}: {}", answer.text);
    }
    nothing_was_made(&lab, &tenant).await;
}
