//! What the edge has of applications is what the API says of them, in the same commit.

use edge_state::{Hostname, Key};
use serde_json::{Value, json};
use sha2::Digest as _;

use crate::access_applications::{create, path};
use crate::access_lab::{organization, record};
use crate::lab::labs;

fn gate(name: &str) -> Key {
    Key::Gate(Hostname::parse(name).unwrap())
}

fn organization_key() -> Key {
    Key::Organization(Hostname::parse("team.saas.com").unwrap())
}

#[tokio::test]
async fn the_edge_has_an_application_with_its_policies_and_its_doors() {
    for lab in labs().await {
        let tenant = lab.tenant("saas.com").await;
        organization(&lab, &tenant, "team.saas.com").await;
        let policies = format!("/accounts/{}/access/policies", tenant.account);
        let staff = json!({"name": "Staff", "decision": "allow", "session_duration": "1h",
            "include": [{"email_domain": {"domain": "saas.com"}}], "require": [{"geo": {"country_code": "DE"}}]});
        let staff = lab.operator("POST", &policies, staff).await.id();
        let robots = json!({"name": "Robots", "decision": "non_identity", "include": [{"any_valid_service_token": {}}]});
        let robots = lab.operator("POST", &policies, robots).await.id();
        let body = json!({
            "type": "self_hosted", "name": "Wiki", "session_duration": "2h",
            "destinations": [{"uri": "Wiki.saas.com/docs/"}, {"uri": "test-*.saas.com"}],
            "policies": [{"id": staff, "precedence": 2}, {"id": robots, "precedence": 1}],
            "cors_headers": {"allowed_origins": ["https://App.saas.com/"], "max_age": 5},
            "same_site_cookie_attribute": "lax", "enable_binding_cookie": true,
            "service_auth_401_redirect": true, "read_service_tokens_from_header": "authorization",
            "custom_deny_message": "No.",
        });
        let made = create(&lab, &tenant, body).await;
        let (id, one) = (made.id(), format!("{}/{}", path(&tenant), made.id()));
        let app = record(&lab, &Key::Application(id.clone())).await.unwrap();
        assert_eq!(app["aud"], made.result()["aud"], "{}", lab.name);
        assert_eq!(
            json!({"type": app["type"], "name": app["name"], "session": app["session_seconds"],
                "domain": app["domain"], "destinations": app["destinations"], "cors": app["cors"],
                "cookie": app["cookie"], "denial": app["denial"], "auth_domain": app["auth_domain"],
                "401": app["service_auth_401"], "header": app["service_token_header"],
                "visible": app["app_launcher_visible"]}),
            json!({"type": "self_hosted", "name": "Wiki", "session": 7200, "domain": "Wiki.saas.com/docs/",
                "destinations": ["test-*.saas.com", "wiki.saas.com/docs"],
                "cors": {"allowed_origins": ["https://app.saas.com"], "max_age": 5},
                "cookie": {"http_only": true, "same_site": "lax", "binding": true},
                "denial": {"message": "No."}, "auth_domain": "team.saas.com", "401": true,
                "header": "authorization", "visible": true})
        );
        let expected = json!([
            {"id": robots, "name": "Robots", "decision": "non_identity", "include": [{"any_valid_service_token": {}}]},
            {"id": staff, "name": "Staff", "decision": "allow", "session_seconds": 3600,
                "include": [{"email_domain": {"domain": "saas.com"}}], "require": [{"geo": {"country_code": "DE"}}]},
        ]);
        assert_eq!(app["policies"], expected, "{}", lab.name);
        let door = |host: &str, path: &str| json!({"application_id": id, "account_id": tenant.account, "host_pattern": host, "path_pattern": path});
        let wiki = record(&lab, &gate("wiki.saas.com")).await.unwrap();
        assert_eq!(wiki["doors"], json!([door("wiki.saas.com", "docs")]));
        let pattern = record(&lab, &gate("*.saas.com")).await.unwrap();
        assert_eq!(pattern["doors"], json!([door("test-*.saas.com", "")]));
        let organization = record(&lab, &organization_key()).await.unwrap();
        assert_eq!(organization["applications"], json!([id]));

        // A reusable policy changes in every application.
        let stricter = json!({"name": "Staff", "decision": "allow", "include": [{"email": {"email": "ann@saas.com"}}]});
        lab.operator("PUT", &format!("{policies}/{staff}"), stricter).await.id();
        let app = record(&lab, &Key::Application(id.clone())).await.unwrap();
        let expected = json!({"id": staff, "name": "Staff", "decision": "allow", "include": [{"email": {"email": "ann@saas.com"}}]});
        assert_eq!(app["policies"][1], expected, "{}", lab.name);

        // Moved: the old doors are closed, the new one is there; hidden: the launcher forgets it.
        let body = json!({"type": "self_hosted", "domain": "docs.saas.com", "app_launcher_visible": false, "enabled": false});
        lab.operator("PUT", &one, body).await.id();
        assert_eq!(record(&lab, &gate("wiki.saas.com")).await, None);
        assert_eq!(record(&lab, &gate("*.saas.com")).await, None);
        assert!(record(&lab, &gate("docs.saas.com")).await.is_some());
        let app = record(&lab, &Key::Application(id.clone())).await.unwrap();
        assert_eq!((&app["enabled"], &app["policies"][1]), (&json!(false), &expected));
        assert_eq!(record(&lab, &organization_key()).await.unwrap().get("applications"), None);

        lab.operator("DELETE", &one, Value::Null).await.id();
        assert_eq!(record(&lab, &Key::Application(id)).await, None, "{}", lab.name);
        assert_eq!(record(&lab, &gate("docs.saas.com")).await, None);
    }
}

#[tokio::test]
async fn two_applications_share_a_gate() {
    for lab in labs().await {
        let tenant = lab.tenant("saas.com").await;
        organization(&lab, &tenant, "team.saas.com").await;
        let first =
            create(&lab, &tenant, json!({"type": "self_hosted", "domain": "a.saas.com"})).await;
        let second =
            create(&lab, &tenant, json!({"type": "ssh", "domain": "a.saas.com/ssh"})).await;
        let doors = record(&lab, &gate("a.saas.com")).await.unwrap()["doors"].clone();
        let whose: Vec<_> =
            doors.as_array().unwrap().iter().map(|door| &door["application_id"]).collect();
        assert_eq!(whose, [&json!(first.id()), &json!(second.id())], "{}", lab.name);
        lab.operator("DELETE", &format!("{}/{}", path(&tenant), first.id()), Value::Null).await;
        let doors = record(&lab, &gate("a.saas.com")).await.unwrap()["doors"].clone();
        assert_eq!(doors[0]["application_id"], json!(second.id()));
        assert_eq!(doors.as_array().unwrap().len(), 1);
    }
}

/// Whoever may make a hostname that nobody has proven takes nothing from who guards it: the edge passes
/// over doors of accounts that the hostname is not of.
#[tokio::test]
async fn a_custom_hostname_s_maker_closes_no_door_of_another_account() {
    for lab in labs().await {
        let (old, new) = (lab.tenant("saas.com").await, lab.tenant("saas.net").await);
        organization(&lab, &old, "team.saas.com").await;
        let hostname = json!({"hostname": "shop.customer.com"});
        let at = |zone: &str| format!("/zones/{zone}/custom_hostnames");
        let made = lab.operator("POST", &at(&old.zone), hostname.clone()).await.id();
        create(&lab, &old, json!({"type": "self_hosted", "domain": "shop.customer.com"})).await;
        let before = record(&lab, &gate("shop.customer.com")).await.unwrap();
        assert_eq!(before["doors"][0]["account_id"], json!(old.account), "{}", lab.name);
        lab.operator("DELETE", &format!("{}/{made}", at(&old.zone)), Value::Null).await;
        lab.operator("POST", &at(&new.zone), hostname).await.id();
        assert_eq!(record(&lab, &gate("shop.customer.com")).await, Some(before), "{}", lab.name);
    }
}

#[tokio::test]
async fn the_launcher_and_its_look_are_the_organisation_s() {
    for lab in labs().await {
        let tenant = lab.tenant("saas.com").await;
        organization(&lab, &tenant, "team.saas.com").await;
        let launcher = json!({"type": "app_launcher", "bg_color": "#112233", "footer_links": [{"name": "Help", "url": "https://saas.com/help"}],
            "landing_page_design": {"title": "Hello"}, "skip_app_launcher_login_page": true});
        let launcher = create(&lab, &tenant, launcher).await;
        let link =
            create(&lab, &tenant, json!({"type": "bookmark", "domain": "saas.com/help"})).await;
        create(&lab, &tenant, json!({"type": "warp"})).await;
        let organization = record(&lab, &organization_key()).await.unwrap();
        assert_eq!(organization["applications"], json!([link.id()]), "{}", lab.name);
        let expected = json!({"application_id": launcher.id(), "background_color": "#112233", "title": "Hello",
            "footer_links": [{"name": "Help", "url": "https://saas.com/help"}], "skip_login_page": true});
        assert_eq!(organization["launcher"], expected);
        let link = record(&lab, &Key::Application(link.id())).await.unwrap();
        assert_eq!(link["launch_url"], "https://saas.com/help");
        lab.operator("DELETE", &format!("{}/{}", path(&tenant), launcher.id()), Value::Null).await;
        assert_eq!(record(&lab, &organization_key()).await.unwrap().get("launcher"), None);
    }
}

#[tokio::test]
async fn of_a_client_s_secret_the_edge_has_the_hash() {
    for lab in labs().await {
        let tenant = lab.tenant("saas.com").await;
        organization(&lab, &tenant, "team.saas.com").await;
        let body = json!({"type": "saas", "saas_app": {"auth_type": "oidc", "redirect_uris": ["https://rp.com/cb"],
            "app_launcher_url": "https://rp.com/start"}});
        let made = create(&lab, &tenant, body).await;
        let secret = made.result()["saas_app"]["client_secret"].as_str().unwrap();
        let app = record(&lab, &Key::Application(made.id())).await.unwrap();
        assert!(!app.to_string().contains(secret), "{}", lab.name);
        let hash = app["saas"]["client_secret_sha256"].as_str().unwrap();
        let digest = sha2::Sha256::digest(secret.as_bytes());
        let expected = digest.iter().fold(String::new(), |text, byte| format!("{text}{byte:02x}"));
        assert_eq!(hash, expected);
        assert_eq!(app["saas"]["client_id"], made.result()["saas_app"]["client_id"]);
        assert_eq!(app["launch_url"], "https://rp.com/start");
    }
}
