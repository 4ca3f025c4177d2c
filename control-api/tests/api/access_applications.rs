//! Applications: what was set is answered as it was set, what was not is absent, and nothing moves.

use serde_json::{Value, json};

use crate::access_lab::{self, organization};
use crate::lab::{Answer, Lab, Tenant, labs};

/// The account's applications.
pub fn path(tenant: &Tenant) -> String {
    format!("/accounts/{}/access/apps", tenant.account)
}

/// A new application.
pub async fn create(lab: &Lab, tenant: &Tenant, body: Value) -> Answer {
    let made = lab.operator("POST", &path(tenant), body.clone()).await;
    assert_eq!(made.status, 201, "{}: {body}: {}", lab.name, made.text);
    made
}

async fn refused(lab: &Lab, tenant: &Tenant, body: Value, named: &str) {
    let answer = lab.operator("POST", &path(tenant), body.clone()).await;
    assert_eq!(answer.outcome(), (400, 12130), "{}: {body}: {}", lab.name, answer.text);
    let pointer = &answer.body["errors"][0]["source"]["pointer"];
    assert_eq!(pointer, &json!(format!("/{named}")), "{body}: {}", answer.text);
}

/// What every answer has, whatever was sent.
const OWNED: &[&str] = &["id", "uid", "aud", "created_at", "updated_at"];

#[tokio::test]
async fn each_type_answers_what_was_set_its_defaults_and_nothing_else() {
    for lab in labs().await {
        let tenant = lab.tenant("saas.com").await;
        organization(&lab, &tenant, "team.saas.com").await;
        let saml = json!({"sp_entity_id": "urn:sp", "consumer_service_url": "https://sp.com/acs"});
        let oidc = json!({"auth_type": "oidc", "redirect_uris": ["https://rp.com/cb"]});
        let session = "session_duration";
        let web = [
            "app_launcher_visible",
            "http_only_cookie_attribute",
            session,
            "self_hosted_domains",
            "destinations",
        ];
        let portal = ["http_only_cookie_attribute", session, "self_hosted_domains", "destinations"];
        let criteria =
            json!([{"port": 22, "protocol": "SSH", "target_attributes": {"env": ["a"]}}]);
        let cases = [
            (json!({"type": "self_hosted", "domain": "a.saas.com"}), &web[..], "a.saas.com"),
            (json!({"type": "ssh", "domain": "ssh.saas.com"}), &web[..], "ssh.saas.com"),
            (json!({"type": "vnc", "domain": "vnc.saas.com"}), &web[..], "vnc.saas.com"),
            (
                json!({"type": "rdp", "domain": "rdp.saas.com", "target_criteria": criteria}),
                &web[..],
                "rdp.saas.com",
            ),
            (json!({"type": "mcp_portal", "domain": "mcp.saas.com"}), &portal[..], "mcp.saas.com"),
            (json!({"type": "mcp"}), &portal[..], ""),
            (
                json!({"type": "saas", "saas_app": saml}),
                &["app_launcher_visible", session][..],
                "team.saas.com/access/sso/saml/",
            ),
            (
                json!({"type": "saas", "saas_app": oidc}),
                &["app_launcher_visible", session][..],
                "team.saas.com/access/sso/oidc/",
            ),
            (
                json!({"type": "bookmark", "domain": "https://saas.com/x"}),
                &["app_launcher_visible"][..],
                "https://saas.com/x",
            ),
            (
                json!({"type": "app_launcher"}),
                &[session, "skip_app_launcher_login_page"][..],
                "team.saas.com",
            ),
            (json!({"type": "warp"}), &[session][..], "team.saas.com"),
            (json!({"type": "biso"}), &[session][..], "team.saas.com"),
            (json!({"type": "dash_sso"}), &[session][..], "team.saas.com"),
            (
                json!({"type": "proxy_endpoint", "domain": "x.proxy.saas.com"}),
                &[session][..],
                "x.proxy.saas.com",
            ),
            (json!({"type": "infrastructure", "target_criteria": criteria}), &[][..], ""),
        ];
        for (body, defaults, domain) in cases {
            let made = create(&lab, &tenant, body.clone()).await;
            let one = format!("{}/{}", path(&tenant), made.id());
            let read = lab.operator("GET", &one, Value::Null).await;
            let result = read.result();
            for (field, value) in result.as_object().unwrap() {
                let known = body.get(field).is_some()
                    || OWNED.contains(&field.as_str())
                    || ["name", "domain"].contains(&field.as_str())
                    || defaults.contains(&field.as_str());
                assert!(known, "{}: {body} answers {field}: {value}", lab.name);
            }
            for field in defaults.iter().chain(OWNED).chain(&["name", "type"]) {
                assert!(result.get(*field).is_some(), "{}: {body} lacks {field}", lab.name);
            }
            for (field, value) in body.as_object().unwrap() {
                if field != "saas_app" {
                    assert_eq!(&result[field], value, "{}: {field}", lab.name);
                }
            }
            let shown = result["domain"].as_str().unwrap_or_default();
            assert!(shown.starts_with(domain) && shown.is_empty() == domain.is_empty(), "{shown}");
            assert_eq!(result["aud"].as_str().unwrap().len(), 64);
            // Written back as it was answered, and read again, nothing has moved.
            let again = lab.operator("PUT", &one, result.clone()).await;
            assert_eq!(again.status, 200, "{}: {}", lab.name, again.text);
            assert_eq!(again.result(), result, "{}", lab.name);
            let deleted = lab.operator("DELETE", &one, Value::Null).await;
            assert_eq!((deleted.status.as_u16(), deleted.id()), (202, made.id()));
            assert_eq!(lab.operator("GET", &one, Value::Null).await.status, 404);
        }
    }
}

#[tokio::test]
async fn every_field_comes_back_as_it_was_sent() {
    for lab in labs().await {
        let tenant = lab.tenant("saas.com").await;
        organization(&lab, &tenant, "team.saas.com").await;
        let idp = access_lab::object(&lab, &tenant, "identity provider", "PIN").await;
        let page = access_lab::object(&lab, &tenant, "custom page", "Denied").await;
        for name in ["sales", "eu"] {
            let tags = format!("/accounts/{}/access/tags", tenant.account);
            lab.operator("POST", &tags, json!({"name": name})).await.result();
        }
        let body = json!({
            "type": "self_hosted", "name": "Wiki", "domain": "Wiki.saas.com/Docs/",
            "destinations": [
                {"type": "public", "uri": "Wiki.saas.com/Docs/"},
                {"type": "public", "uri": "test-*.saas.com"},
                {"type": "private", "cidr": "10.0.0.0/8", "l4_protocol": "tcp", "port_range": "22"},
            ],
            "session_duration": "90m", "allowed_idps": [idp], "auto_redirect_to_identity": true,
            "app_launcher_visible": false, "logo_url": "https://saas.com/logo.svg",
            "tags": ["sales", "eu"], "custom_pages": [page], "custom_deny_message": "No.\nSorry.",
            "custom_deny_url": "https://saas.com/no", "custom_non_identity_deny_url": "https://saas.com/machine",
            "cors_headers": {"allowed_origins": ["https://b.com", "https://a.com"], "max_age": 0,
                "allowed_methods": ["POST", "GET"], "allow_credentials": true},
            "http_only_cookie_attribute": false, "same_site_cookie_attribute": "strict",
            "enable_binding_cookie": true, "path_cookie_attribute": false,
            "eager_redirect_cookie_setting": false, "service_auth_401_redirect": true,
            "read_service_tokens_from_header": "Authorization", "skip_interstitial": false,
            "allow_iframe": true, "allow_authenticate_via_warp": false,
            "use_clientless_isolation_app_launcher_url": false,
            "oauth_configuration": {"enabled": true, "dynamic_client_registration": {"enabled": false}},
            "mfa_config": {"mfa_disabled": true}, "enabled": false, "options_preflight_bypass": false,
        });
        let made = create(&lab, &tenant, body.clone()).await;
        let one = format!("{}/{}", path(&tenant), made.id());
        let read = lab.operator("GET", &one, Value::Null).await;
        let put = lab.operator("PUT", &one, body.clone()).await;
        let listed = lab.operator("GET", &path(&tenant), Value::Null).await;
        for answer in [made.result(), read.result(), put.result(), &listed.result()[0]] {
            for (field, value) in body.as_object().unwrap() {
                assert_eq!(&answer[field], value, "{} {field}", lab.name);
            }
            assert_eq!(answer["aud"], made.result()["aud"]);
            assert_eq!(answer.get("policies"), None, "{}", lab.name);
        }
        // What a PUT leaves out, or says to be null, is unset.
        let bare =
            json!({"type": "self_hosted", "domain": "wiki.saas.com", "tags": null, "name": "Wiki"});
        let put = lab.operator("PUT", &one, bare).await;
        for gone in ["tags", "cors_headers", "logo_url", "allowed_idps", "mfa_config", "enabled"] {
            assert_eq!(put.result().get(gone), None, "{} {gone}", lab.name);
        }
        assert_eq!(put.result()["session_duration"], "24h");
        assert_eq!(put.result()["self_hosted_domains"], json!(["wiki.saas.com"]));
        let empty = json!({"type": "self_hosted", "domain": "wiki.saas.com", "allowed_idps": [], "tags": []});
        let put = lab.operator("PUT", &one, empty).await;
        assert_eq!(
            (&put.result()["allowed_idps"], &put.result()["tags"]),
            (&json!([]), &json!([]))
        );
    }
}

#[tokio::test]
async fn domain_domains_and_destinations_follow_each_other() {
    for lab in labs().await {
        let tenant = lab.tenant("saas.com").await;
        organization(&lab, &tenant, "team.saas.com").await;
        let public = |uri: &str| json!({"type": "public", "uri": uri});
        let three = |answer: &Answer| {
            let result = answer.result().clone();
            (
                result["domain"].clone(),
                result["self_hosted_domains"].clone(),
                result["destinations"].clone(),
            )
        };
        let made =
            create(&lab, &tenant, json!({"type": "self_hosted", "domain": "a.saas.com/x"})).await;
        let one = format!("{}/{}", path(&tenant), made.id());
        assert_eq!(
            three(&made),
            (json!("a.saas.com/x"), json!(["a.saas.com/x"]), json!([public("a.saas.com/x")]))
        );
        // An update that changes `domain` sends it alone.
        let moved =
            lab.operator("PUT", &one, json!({"type": "self_hosted", "domain": "b.saas.com"})).await;
        assert_eq!(
            three(&moved),
            (json!("b.saas.com"), json!(["b.saas.com"]), json!([public("b.saas.com")]))
        );
        let several =
            json!({"type": "self_hosted", "self_hosted_domains": ["c.saas.com", "d.saas.com"]});
        let several = lab.operator("PUT", &one, several).await;
        let both = json!([public("c.saas.com"), public("d.saas.com")]);
        assert_eq!(
            three(&several),
            (json!("c.saas.com"), json!(["c.saas.com", "d.saas.com"]), both)
        );
        // `type` of a destination may be left out, and is answered.
        let bare = json!({"type": "self_hosted", "destinations": [{"uri": "e.saas.com"}]});
        let bare = lab.operator("PUT", &one, bare).await;
        assert_eq!(
            three(&bare),
            (json!("e.saas.com"), json!(["e.saas.com"]), json!([public("e.saas.com")]))
        );
        // An update that does not change it repeats all three.
        let same = lab.operator("PUT", &one, bare.result().clone()).await;
        assert_eq!(same.result(), bare.result());
    }
}

#[tokio::test]
async fn what_cannot_be_is_refused_by_name_and_changes_nothing() {
    for lab in labs().await {
        let (tenant, other) = (lab.tenant("saas.com").await, lab.tenant("other.com").await);
        let early = lab.operator("POST", &path(&tenant), json!({"type": "warp"})).await;
        assert_eq!(early.status, 409, "{}", early.text);
        organization(&lab, &tenant, "team.saas.com").await;
        organization(&lab, &other, "team.other.com").await;
        let hosted = |more: Value| {
            let mut body = json!({"type": "self_hosted", "domain": "a.saas.com"});
            body.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
            body
        };
        let none = "00000000-0000-4000-8000-000000000000";
        for (body, named) in [
            (json!({}), "type"),
            (json!({"type": "selfhosted"}), "type"),
            (json!({"type": "self_hosted"}), "domain"),
            (json!({"type": "bookmark"}), "domain"),
            (json!({"type": "bookmark", "domain": "javascript://x"}), "domain"),
            (json!({"type": "saas"}), "saas_app"),
            (json!({"type": "saas", "saas_app": {"auth_type": "oidc"}}), "saas_app/redirect_uris"),
            (json!({"type": "infrastructure"}), "target_criteria"),
            (hosted(json!({"domain": "a.elsewhere.com"})), "domain"),
            (hosted(json!({"domain": "a.other.com"})), "domain"),
            (hosted(json!({"domain": "team.saas.com"})), "domain"),
            (hosted(json!({"no_such_field": 1})), "no_such_field"),
            (hosted(json!({"saas_app": {"sp_entity_id": "x"}})), "saas_app"),
            (hosted(json!({"session_duration": "1d"})), "session_duration"),
            (hosted(json!({"session_duration": "745h"})), "session_duration"),
            (hosted(json!({"session_duration": 24})), "session_duration"),
            (hosted(json!({"allowed_idps": [none]})), "allowed_idps/0"),
            (hosted(json!({"allowed_idps": [null]})), "allowed_idps/0"),
            (hosted(json!({"custom_pages": [none]})), "custom_pages/0"),
            (hosted(json!({"tags": ["none"]})), "tags/0"),
            (hosted(json!({"logo_url": "javascript:alert(1)"})), "logo_url"),
            (hosted(json!({"custom_deny_url": "/no"})), "custom_deny_url"),
            (hosted(json!({"same_site_cookie_attribute": "Lax"})), "same_site_cookie_attribute"),
            (
                hosted(json!({"read_service_tokens_from_header": "a b"})),
                "read_service_tokens_from_header",
            ),
            (hosted(json!({"cors_headers": {"max_age": 90_000}})), "cors_headers/max_age"),
            (
                hosted(json!({"cors_headers": {"max_age": 1}, "options_preflight_bypass": true})),
                "options_preflight_bypass",
            ),
            (
                hosted(json!({"mfa_config": {"allowed_authenticators": ["totp"]}})),
                "mfa_config/allowed_authenticators",
            ),
            (hosted(json!({"scim_config": {"idp_uid": "x"}})), "scim_config"),
            (hosted(json!({"destinations": [{"type": "public"}]})), "destinations/0/uri"),
            (hosted(json!({"policies": [none]})), "policies/0"),
            (hosted(json!({"policies": [{}]})), "policies/0"),
            (
                hosted(
                    json!({"policies": [{"name": "P", "decision": "allow", "include": [{"email": {}}]}]}),
                ),
                "policies/0/include/0/email",
            ),
        ] {
            refused(&lab, &tenant, body, named).await;
        }
        let listed = lab.operator("GET", &path(&tenant), Value::Null).await;
        assert_eq!(listed.result(), &json!([]), "{}", lab.name);
    }
}

#[tokio::test]
async fn a_put_changes_neither_type_nor_what_is_fixed_for_life() {
    for lab in labs().await {
        let tenant = lab.tenant("saas.com").await;
        organization(&lab, &tenant, "team.saas.com").await;
        let body = json!({"type": "self_hosted", "domain": "a.saas.com"});
        let made = create(&lab, &tenant, body).await;
        let one = format!("{}/{}", path(&tenant), made.id());
        for (body, named) in [
            (json!({"name": "x"}), "/type"),
            (json!({"type": "ssh", "domain": "a.saas.com"}), "/type"),
            (json!({"type": "self_hosted", "domain": "a.saas.com", "tags": [null]}), "/tags/0"),
        ] {
            let answer = lab.operator("PUT", &one, body).await;
            assert_eq!(answer.outcome(), (400, 12130), "{}", answer.text);
            assert_eq!(answer.body["errors"][0]["source"]["pointer"], named);
        }
        let body =
            json!({"type": "self_hosted", "domain": "a.saas.com", "aud": "mine", "id": "mine"});
        let put = lab.operator("PUT", &one, body).await;
        assert_eq!((&put.result()["aud"], put.id()), (&made.result()["aud"], made.id()));
        for path in [
            format!("/accounts/{}/access/apps/{}", lab.tenant("o.com").await.account, made.id()),
            format!("{}/nonsense", path(&tenant)),
        ] {
            assert_eq!(lab.operator("GET", &path, Value::Null).await.status, 404, "{path}");
        }
        // The zone's twin is the same object.
        let twin = format!("/zones/{}/access/apps/{}", tenant.zone, made.id());
        let twin = lab.operator("GET", &twin, Value::Null).await;
        assert_eq!(twin.result()["aud"], made.result()["aud"], "{}", lab.name);
    }
}

#[tokio::test]
async fn lists_are_filtered_and_paged() {
    for lab in labs().await {
        let tenant = lab.tenant("saas.com").await;
        organization(&lab, &tenant, "team.saas.com").await;
        let mut auds = Vec::new();
        for (name, domain) in [
            ("Wiki", "wiki.saas.com"),
            ("Wiki 2", "wiki2.saas.com"),
            ("Shop", "shop.saas.com/wiki"),
        ] {
            let body = json!({"type": "self_hosted", "name": name, "domain": domain});
            let made = create(&lab, &tenant, body).await;
            auds.push(made.result()["aud"].as_str().unwrap().to_owned());
        }
        let names = async |query: &str| {
            let answer =
                lab.operator("GET", &format!("{}{query}", path(&tenant)), Value::Null).await;
            let names = answer.result().as_array().unwrap().iter();
            (
                names.map(|app| app["name"].as_str().unwrap().to_owned()).collect::<Vec<_>>(),
                answer.body["result_info"].clone(),
            )
        };
        for (query, expected) in [
            (String::new(), &["Wiki", "Wiki 2", "Shop"][..]),
            ("?name=wiki".to_owned(), &["Wiki", "Wiki 2"]),
            ("?name=wiki&exact=true".to_owned(), &["Wiki"]),
            ("?domain=wiki.saas.com&exact=true".to_owned(), &["Wiki"]),
            ("?domain=wiki".to_owned(), &["Wiki", "Wiki 2", "Shop"]),
            (format!("?aud={}", auds[1]), &["Wiki 2"]),
            ("?search=shop".to_owned(), &["Shop"]),
            ("?per_page=2&page=2".to_owned(), &["Shop"]),
            ("?page=9".to_owned(), &[]),
        ] {
            let (found, info) = names(&query).await;
            assert_eq!(found, expected, "{} {query}", lab.name);
            if query.contains("per_page=2") {
                assert_eq!((&info["total_count"], &info["total_pages"]), (&json!(3), &json!(2)));
            }
        }
    }
}

#[tokio::test]
async fn settings_are_a_part_of_the_application() {
    for lab in labs().await {
        let tenant = lab.tenant("saas.com").await;
        organization(&lab, &tenant, "team.saas.com").await;
        let body = json!({"type": "self_hosted", "domain": "a.saas.com", "policies": []});
        let one = format!("{}/{}", path(&tenant), create(&lab, &tenant, body).await.id());
        let settings = format!("{one}/settings");
        let put = lab.operator("PUT", &settings, json!({"allow_iframe": true})).await;
        assert_eq!(put.result(), &json!({"allow_iframe": true}), "{}", lab.name);
        let edited = lab.operator("PATCH", &settings, json!({"skip_interstitial": false})).await;
        assert_eq!(edited.result(), &json!({"allow_iframe": true, "skip_interstitial": false}));
        let read = lab.operator("GET", &one, Value::Null).await;
        assert_eq!(
            (&read.result()["allow_iframe"], &read.result()["policies"]),
            (&json!(true), &json!([]))
        );
        let put = lab.operator("PUT", &settings, json!({})).await;
        assert_eq!(put.result(), &json!({}));
        assert_eq!(lab.operator("GET", &one, Value::Null).await.result().get("allow_iframe"), None);
        assert_eq!(
            lab.operator("PUT", &settings, json!({"other": 1})).await.outcome(),
            (400, 12130)
        );
    }
}

#[tokio::test]
async fn a_door_is_one_application_s_and_there_is_one_launcher() {
    for lab in labs().await {
        let (tenant, other) = (lab.tenant("saas.com").await, lab.tenant("saas.net").await);
        organization(&lab, &tenant, "team.saas.com").await;
        organization(&lab, &other, "team.saas.net").await;
        let body = json!({"type": "self_hosted", "domain": "a.saas.com/x"});
        let first = create(&lab, &tenant, body.clone()).await;
        let again = lab
            .operator("POST", &path(&tenant), json!({"type": "ssh", "domain": "A.saas.com/x/"}))
            .await;
        assert_eq!((again.status.as_u16(), again.header("x-should-retry")), (409, "false"));
        create(&lab, &tenant, json!({"type": "self_hosted", "domain": "a.saas.com"})).await;
        lab.operator("DELETE", &format!("{}/{}", path(&tenant), first.id()), Value::Null).await;
        create(&lab, &tenant, body).await;

        create(&lab, &tenant, json!({"type": "app_launcher"})).await;
        let second = lab.operator("POST", &path(&tenant), json!({"type": "app_launcher"})).await;
        assert_eq!(second.status, 409, "{}", second.text);
        create(&lab, &other, json!({"type": "app_launcher"})).await;

        // A custom hostname is its maker's, whatever zone is above it.
        let hostname = json!({"hostname": "b.saas.com"});
        let made = lab
            .operator("POST", &format!("/zones/{}/custom_hostnames", other.zone), hostname)
            .await;
        assert_eq!(made.status, 201, "{}", made.text);
        let body = json!({"type": "self_hosted", "domain": "b.saas.com"});
        refused(&lab, &tenant, body.clone(), "domain").await;
        create(&lab, &other, body).await;
    }
}

#[tokio::test]
async fn many_at_once_end_as_one_after_the_other() {
    for lab in labs().await {
        let tenant = lab.tenant("saas.com").await;
        organization(&lab, &tenant, "team.saas.com").await;
        let (lab, path) = (&lab, path(&tenant));
        let create = |index: usize| {
            let body = json!({"type": "self_hosted", "domain": format!("a{index}.saas.com")});
            let path = path.clone();
            async move { lab.operator("POST", &path, body).await.id() }
        };
        let ids = futures_util::future::join_all((0..10).map(create)).await;
        let paths: Vec<_> = ids.iter().map(|id| format!("{path}/{id}")).collect();
        let gone = paths.iter().map(|one| lab.operator("DELETE", one, Value::Null));
        let answers = futures_util::future::join_all(gone).await;
        assert!(answers.iter().all(|answer| answer.status == 202), "{}", lab.name);
        assert_eq!(lab.operator("GET", &path, Value::Null).await.result(), &json!([]));
    }
}
