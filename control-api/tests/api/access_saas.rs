//! SaaS applications: what is ours is answered, a client's secret once; and what older SDKs send.

use serde_json::{Value, json};

use crate::access_applications::{create, path};
use crate::access_lab::organization;
use crate::lab::labs;

#[tokio::test]
async fn saas_applications_answer_what_is_ours_and_the_secret_once() {
    for lab in labs().await {
        let tenant = lab.tenant("saas.com").await;
        organization(&lab, &tenant, "team.saas.com").await;
        let attribute = json!({"name": "mail", "name_format": "urn:oasis:names:tc:SAML:2.0:attrname-format:basic",
            "source": {"name": "email"}});
        let saml = json!({"type": "saas", "name": "CRM", "saas_app": {
            "sp_entity_id": "urn:sp", "consumer_service_url": "https://sp.com/acs", "name_id_format": "email",
            "custom_attributes": [attribute]}});
        let made = create(&lab, &tenant, saml.clone()).await;
        let one = format!("{}/{}", path(&tenant), made.id());
        let shown = &made.result()["saas_app"];
        for (field, value) in saml["saas_app"].as_object().unwrap() {
            assert_eq!(&shown[field], value, "{field}");
        }
        assert_eq!(shown["auth_type"], "saml");
        let sso = format!("https://team.saas.com/access/sso/saml/{}", made.id());
        assert_eq!((&shown["sso_endpoint"], &shown["idp_entity_id"]), (&json!(sso), &json!(sso)));
        for absent in ["client_id", "client_secret", "default_relay_state", "scopes"] {
            assert_eq!(shown.get(absent), None);
        }
        let put = lab.operator("PUT", &one, made.result().clone()).await;
        assert_eq!(put.result()["saas_app"], *shown, "{}", lab.name);

        let oidc = json!({"type": "saas", "saas_app": {"auth_type": "oidc",
            "redirect_uris": ["https://b.com", "https://a.com"], "scopes": ["profile", "openid"]}});
        let made = create(&lab, &tenant, oidc.clone()).await;
        let one = format!("{}/{}", path(&tenant), made.id());
        let first = &made.result()["saas_app"];
        assert_eq!(first["client_id"].as_str().unwrap().len(), 64);
        assert_eq!(first["client_secret"].as_str().unwrap().len(), 64);
        assert_eq!(
            (&first["access_token_lifetime"], &first["allow_pkce_without_client_secret"]),
            (&json!("5m"), &json!(false))
        );
        let read = lab.operator("GET", &one, Value::Null).await;
        let put = lab.operator("PUT", &one, oidc).await;
        for later in [read, put] {
            let later = &later.result()["saas_app"];
            assert_eq!(later.get("client_secret"), None, "{}", lab.name);
            assert_eq!(later["client_id"], first["client_id"]);
            assert_eq!(later["redirect_uris"], json!(["https://b.com", "https://a.com"]));
        }
        let body = json!({"type": "saas", "saas_app": {"sp_metadata": "<x/>"}});
        assert_eq!(lab.operator("PUT", &one, body).await.outcome(), (400, 12130));
    }
}

#[tokio::test]
async fn what_older_sdks_send_and_do_not_mean_is_not_answered() {
    for lab in labs().await {
        let tenant = lab.tenant("saas.com").await;
        organization(&lab, &tenant, "team.saas.com").await;
        let policies = format!("/accounts/{}/access/policies", tenant.account);
        let policy = json!({"name": "P", "decision": "allow", "include": [{"everyone": {}}],
            "precedence": 0, "approval_groups": null, "exclude": null, "require": null});
        let policy = lab.operator("POST", &policies, policy).await.id();
        let body = json!({
            "type": "saas", "name": "CRM", "domain": "", "private_address": "", "destinations": null,
            "footer_links": null, "policies": [policy], "app_launcher_logo_url": "",
            "header_bg_color": "", "bg_color": "", "skip_app_launcher_login_page": false,
            "landing_page_design": {"title": "", "message": "", "image_url": "", "button_color": ""},
            "saas_app": {"auth_type": "saml", "sp_entity_id": "urn:sp", "consumer_service_url": "https://sp.com/acs",
                "custom_attributes": null, "custom_claims": null, "saml_attribute_transform_jsonata": ""},
        });
        let made = create(&lab, &tenant, body.clone()).await;
        let one = format!("{}/{}", path(&tenant), made.id());
        for absent in [
            "private_address",
            "destinations",
            "footer_links",
            "bg_color",
            "landing_page_design",
            "skip_app_launcher_login_page",
        ] {
            assert_eq!(made.result().get(absent), None, "{} {absent}", lab.name);
        }
        assert_eq!(made.result()["saas_app"].get("custom_attributes"), None);
        assert_eq!(made.result()["policies"][0]["id"], json!(policy));
        // PUT has no `policies`: they stay.
        let mut body = body;
        body.as_object_mut().unwrap().remove("policies");
        body["id"] = json!(made.id());
        let put = lab.operator("PUT", &one, body).await;
        assert_eq!(put.result()["policies"], made.result()["policies"], "{}", lab.name);
    }
}
