//! The OIDF suite's plan for relying parties ("RP basic", and more modules of it), one test a
//! module: what is accepted, and what is refused with which reason.

use serde_json::{Value, json};

use crate::crypto::{self, ec_jwk, ec_key, other_key, provider_key};
use crate::provider::Provider;
use crate::world::{Browser, WIKI, World};

const OK: &str = "allowed by \"Staff\"";

/// Signs in by a provider that was changed, and says whether that worked and what the log says.
fn outcome(change: impl FnOnce(&mut Provider)) -> (bool, String, World) {
    let mut world = World::new();
    change(&mut world.providers[0]);
    let (at, page) = world.sign_in(&mut Browser::default(), &format!("{WIKI}/x"), "one");
    let signed_in = at == format!("{WIKI}/x") && page.status == 200;
    assert_eq!(signed_in, !world.control.sessions.is_empty());
    assert!(signed_in || page.status >= 400, "{at}");
    let event = world.log.last().unwrap();
    assert_eq!(event.allowed, signed_in);
    assert_eq!(event.identity_provider_id.as_deref(), Some("one"));
    (signed_in, event.reason.clone(), world)
}

fn accepted(change: impl FnOnce(&mut Provider)) -> World {
    let (signed_in, reason, world) = outcome(change);
    assert!(signed_in && reason.starts_with(OK), "{reason}");
    world
}

fn refused(expected: &str, change: impl FnOnce(&mut Provider)) {
    let (signed_in, reason, _) = outcome(change);
    assert!(!signed_in, "signed in");
    assert_eq!(reason, expected);
}

/// A lie in the id token.
fn claim(name: &'static str, value: impl Into<Value>) -> impl FnOnce(&mut Provider) {
    let value = value.into();
    move |provider| provider.token = Box::new(move |claims| claims[name] = value.clone())
}

fn without(name: &'static str) -> impl FnOnce(&mut Provider) {
    move |provider| {
        provider.token = Box::new(move |claims| {
            claims.as_object_mut().unwrap().remove(name);
        });
    }
}

fn signed(
    algorithm: &'static str,
    sign: impl Fn(&[u8]) -> Vec<u8> + 'static,
) -> impl FnOnce(&mut Provider) {
    move |provider| {
        provider.header = Box::new(move |header| header["alg"] = algorithm.into());
        provider.sign =
            Box::new(move |header, claims| crypto::token(header, claims, |message| sign(message)));
    }
}

#[test]
fn happy_path_with_client_secret_basic() {
    let world = accepted(|_| {});
    let identity = world.log.last().unwrap().identity.clone().unwrap();
    assert_eq!((identity.email.as_str(), identity.idp.id.as_str()), ("ada@example.com", "one"));
    assert_eq!(identity.subject, "subject-of-ada@example.com");
}

#[test]
fn client_secret_post() {
    accepted(|provider| provider.methods = vec!["client_secret_post"]);
}

#[test]
fn invalid_iss() {
    let reason = "id token: the issuer is another one";
    for issuer in ["https://evil.test", "https://one.idp.test/", "https://ONE.idp.test", ""] {
        refused(reason, claim("iss", issuer));
    }
    refused("id token: the claim iss is missing", without("iss"));
}

#[test]
fn missing_sub() {
    refused("id token: the claim sub is missing", without("sub"));
    refused("id token: the claim sub is missing", claim("sub", ""));
}

#[test]
fn invalid_aud() {
    let reason = "id token: the token is for somebody else";
    refused(reason, claim("aud", "another client"));
    refused(reason, claim("aud", json!([])));
    refused(reason, claim("aud", json!(["client at one.idp.tes"])));
    refused(reason, without("aud"));
}

#[test]
fn azp() {
    let reason = "id token: the token was issued to somebody else";
    refused(reason, claim("azp", "another client"));
    refused(reason, claim("aud", json!(["client at one.idp.test", "another client"])));
    accepted(claim("azp", "client at one.idp.test"));
    accepted(claim("aud", json!(["client at one.idp.test"])));
}

#[test]
fn missing_iat() {
    refused("id token: the claim iat is missing", without("iat"));
}

#[test]
fn expired_and_not_yet_valid() {
    let now = World::new().now;
    refused("id token: the token has expired", claim("exp", now - 61));
    accepted(claim("exp", now - 59));
    refused("id token: the claim exp is missing", without("exp"));
    refused("id token: the token is not valid yet", claim("nbf", now + 61));
    accepted(claim("nbf", now + 59));
    let reason = "id token: the token was issued at an impossible time";
    refused(reason, claim("iat", now + 61));
    refused(reason, claim("iat", -1));
    for exp in [json!("4000000000"), json!("never")] {
        refused("id token: this is no signed token", claim("exp", exp));
    }
}

#[test]
fn kid_absent_single_jwks() {
    accepted(|provider| {
        provider.kid = None;
        provider.keys = json!([provider_key().jwk(None), ec_jwk("for something else")]);
    });
}

#[test]
fn kid_absent_multiple_jwks() {
    refused("id token: the token does not say by which of several keys it is signed", |provider| {
        provider.kid = None;
        provider.keys = json!([provider_key().jwk(Some("k1")), other_key().jwk(Some("k2"))]);
    });
}

#[test]
fn sig_rs256_and_es256() {
    accepted(signed("RS256", |message| provider_key().sign(message)));
    accepted(|provider| {
        provider.keys = json!([ec_jwk("k1")]);
        signed("ES256", |message| {
            let random = aws_lc_rs::rand::SystemRandom::new();
            ec_key().sign(&random, message).unwrap().as_ref().to_vec()
        })(provider);
    });
    refused("id token: the signature is wrong", |provider| {
        provider.keys = json!([ec_jwk("k1")]);
        signed("ES256", |_| vec![0; 64])(provider); // CVE-2022-21449
    });
}

#[test]
fn sig_none() {
    let reason = "id token: the token is signed with an algorithm that is not accepted";
    for algorithm in ["none", "None", "nOnE", "NONE", ""] {
        refused(reason, signed(algorithm, |_| Vec::new()));
        refused(reason, signed(algorithm, |message| provider_key().sign(message)));
    }
}

#[test]
fn sig_hs256_with_the_public_key_or_the_secret() {
    let reason = "id token: the token is signed with an algorithm that is not accepted";
    let hmac = |key: Vec<u8>| {
        move |message: &[u8]| {
            let key = aws_lc_rs::hmac::Key::new(aws_lc_rs::hmac::HMAC_SHA256, &key);
            aws_lc_rs::hmac::sign(&key, message).as_ref().to_vec()
        }
    };
    let secret = World::new().providers[0].secret.clone();
    let jwk = provider_key().jwk(Some("k1")).to_string();
    for key in [provider_key().public_der(), jwk.into_bytes(), secret.into_bytes()] {
        refused(reason, signed("HS256", hmac(key)));
    }
}

#[test]
fn invalid_sig_rs256() {
    refused(
        "id token: the signature is wrong",
        signed("RS256", |message| other_key().sign(message)),
    );
    refused(
        "id token: the signature is wrong",
        signed("RS256", |message| {
            let mut signature = provider_key().sign(message);
            signature[0] ^= 1;
            signature
        }),
    );
}

#[test]
fn keys_that_the_token_brings_along_are_not_looked_at() {
    refused("id token: the signature is wrong", |provider| {
        provider.header = Box::new(|header| {
            header["jwk"] = other_key().jwk(Some("k1"));
            header["jku"] = "https://evil.test/keys".into();
            header["x5u"] = "https://evil.test/certificate".into();
        });
        provider.sign = Box::new(|header, claims| {
            crypto::token(header, claims, |message| other_key().sign(message))
        });
    });
}

#[test]
fn unknown_kid_is_fetched_anew_once() {
    let (signed_in, reason, mut world) = outcome(|provider| {
        provider.header = Box::new(|header| header["kid"] = "../../dev/null".into());
    });
    assert!(!signed_in);
    assert_eq!(reason, "id token: the key that the token names is unknown");
    let fetches = |world: &World| {
        world.providers[0].asked.iter().filter(|fetch| fetch.url.ends_with("/keys")).count()
    };
    // Fetched a moment ago, and so not again before 30 seconds have passed, whoever tries.
    assert_eq!(fetches(&world), 1);
    for (seconds, expected) in [(0, 1), (29, 1), (1, 2), (1, 2), (30, 3)] {
        world.now += seconds;
        world.sign_in(&mut Browser::default(), WIKI, "one");
        assert_eq!(fetches(&world), expected, "after {seconds} s");
    }
}

#[test]
fn what_was_cached_is_forgotten_when_the_record_changes() {
    let mut world = accepted(|_| {});
    let asked = |world: &World| {
        let asked = world.providers[0].asked.iter().map(|fetch| fetch.url.clone());
        let count = |end: &str| asked.clone().filter(|url| url.ends_with(end)).count();
        (count("/openid-configuration"), count("/keys"))
    };
    world.sign_in(&mut Browser::default(), WIKI, "one");
    assert_eq!(asked(&world), (1, 1));
    world.edit("idp:one", |record| record["revision"] = 2.into());
    world.sign_in(&mut Browser::default(), WIKI, "one");
    assert_eq!(asked(&world), (2, 2));
}

#[test]
fn documents_that_are_too_long_are_none() {
    let long = "the provider did not answer: longer than was asked for";
    refused(long, |provider| {
        let key = provider_key().jwk(Some("k1"));
        provider.keys = std::iter::repeat_n(key, 3_000).collect();
    });
    refused(long, |provider| {
        provider.document = Box::new(|document| document["x"] = "x".repeat(300_000).into());
    });
    refused(long, |provider| {
        provider.response = Box::new(|response| response["x"] = "x".repeat(300_000).into());
    });
}

#[test]
fn signing_key_rotation() {
    let mut world = accepted(|_| {});
    let rotate = |provider: &mut Provider| {
        provider.keys = json!([other_key().jwk(Some("k2"))]);
        provider.kid = Some("k2");
        provider.sign = Box::new(|header, claims| {
            crypto::token(header, claims, |message| other_key().sign(message))
        });
    };
    world.now += 31;
    rotate(&mut world.providers[0]);
    let (at, _) = world.sign_in(&mut Browser::default(), &format!("{WIKI}/x"), "one");
    assert_eq!(at, format!("{WIKI}/x"), "{}", world.last_reason());
}

#[test]
fn the_last_good_documents_go_on_while_a_provider_has_trouble() {
    let mut world = accepted(|_| {});
    world.now += 3_601; // No longer fresh.
    for trouble in [None, Some(500), Some(404)] {
        world.providers[0].documents_answer = trouble;
        let (at, _) = world.sign_in(&mut Browser::default(), &format!("{WIKI}/x"), "one");
        assert_eq!(at, format!("{WIKI}/x"), "{trouble:?}: {}", world.last_reason());
        world.now += 31;
    }
    // Whoever never answered has no last good documents.
    let mut world = World::new();
    world.providers[0].documents_answer = Some(500);
    let (_, page) = world.sign_in(&mut Browser::default(), &format!("{WIKI}/x"), "one");
    assert_eq!(page.status, 502);
    assert_eq!(world.last_reason(), "the provider answered its configuration with status 500");
}

#[test]
fn nonce_invalid() {
    let reason = "id token: the nonce is not that of this attempt";
    refused(reason, claim("nonce", "another"));
    refused(reason, without("nonce"));
    refused(reason, claim("nonce", 7));
}

#[test]
fn invalid_at_hash_and_c_hash() {
    refused("id token: at_hash is not that of the access token", claim("at_hash", "x"));
    refused("id token: c_hash is not that of the code", claim("c_hash", "x"));
    refused("id token: at_hash is not that of the access token", claim("at_hash", Value::Null));
}

#[test]
fn a_logout_token_is_no_id_token() {
    let event = json!({ "http://schemas.openid.net/event/backchannel-logout": {} });
    refused("id token: this is another kind of token", claim("events", event));
    refused("id token: this is another kind of token", |provider| {
        provider.header = Box::new(|header| header["typ"] = "at+jwt".into());
    });
}

#[test]
fn tokens_that_are_none() {
    for text in ["", "a.b", "a.b.c.d.e", "{}", "....", "eyJ.e30.AA"] {
        refused("id token: this is no signed token", |provider| {
            provider.response = Box::new(move |response| response["id_token"] = text.into());
        });
    }
    refused("id token: the token is too long", |provider| {
        let long = "a".repeat(100_000);
        provider.response = Box::new(move |response| response["id_token"] = long.clone().into());
    });
    refused("the provider gave no id token", |provider| {
        provider.response = Box::new(|response| {
            response.as_object_mut().unwrap().remove("id_token");
        });
    });
    refused("id token: the token depends on extensions that are not understood", |provider| {
        provider.header = Box::new(|header| header["crit"] = json!(["b64"]));
    });
}

#[test]
fn userinfo_bearer_header() {
    let world = accepted(|provider| {
        let (subject, email) = (provider.subject.clone(), provider.email.clone());
        provider.token = Box::new(|claims| {
            claims.as_object_mut().unwrap().remove("email");
            claims["amr"] = json!(["pwd", "hwk"]);
            claims["acr"] = "gold".into();
        });
        provider.userinfo = json!({
            "sub": subject, "email": email, "email_verified": true, "name": "Ada",
            "groups": ["engineers", { "id": "7", "name": "admins" }], "department": "R&D",
            "amr": ["otp"],
        });
    });
    let identity = world.log.last().unwrap().identity.clone().unwrap();
    assert_eq!(identity.name.as_deref(), Some("Ada"));
    assert_eq!(identity.groups[0].name.as_deref(), Some("engineers"));
    assert_eq!(identity.groups[1].id.as_deref(), Some("7"));
    assert_eq!(identity.claims["department"], "R&D");
    // How somebody signed in counts only where it is signed.
    assert_eq!(identity.amr, ["pwd", "hwk"]);
    assert_eq!(identity.acr.as_deref(), Some("gold"));
}

#[test]
fn userinfo_invalid_sub() {
    for subject in [json!("somebody else"), json!(""), Value::Null] {
        refused("userinfo is about somebody else", |provider| {
            provider.userinfo = json!({ "sub": subject, "email": "root@example.com" });
        });
    }
}

#[test]
fn userinfo_that_does_not_answer_as_agreed() {
    refused("the provider's userinfo cannot be read", |provider| {
        provider.userinfo = json!("eyJhbGciOiJub25lIn0.e30.");
    });
    refused("the provider answered userinfo with status 404", |provider| {
        provider.document = Box::new(|document| {
            document["userinfo_endpoint"] = "https://one.idp.test/elsewhere".into();
        });
    });
}

#[test]
fn discovery_issuer_mismatch() {
    refused("the provider's configuration names another issuer", |provider| {
        provider.document = Box::new(|document| document["issuer"] = "https://evil.test".into());
    });
    refused("the provider's configuration names another issuer", |provider| {
        provider.document = Box::new(|d| d["issuer"] = "https://one.idp.test/".into());
    });
}

#[test]
fn discovery_without_what_is_needed() {
    for (name, what) in [
        ("authorization_endpoint", "authorization endpoint"),
        ("token_endpoint", "token endpoint"),
        ("jwks_uri", "jwks_uri"),
    ] {
        for value in [Value::Null, json!("javascript:alert(1)"), json!("https://a:b@idp.test/")] {
            refused(&format!("the provider is not configured: {what} is missing"), |provider| {
                provider.document = Box::new(move |document| document[name] = value.clone());
            });
        }
    }
}

#[test]
fn explicit_urls_without_issuer() {
    let mut world = World::new();
    world.edit("idp:one", |record| {
        let config = &mut record["protocol"]["oidc"];
        config["discovery"] = false.into();
        config.as_object_mut().unwrap().remove("issuer");
        config["auth_url"] = "https://one.idp.test/authorize".into();
        config["token_url"] = "https://one.idp.test/token".into();
        config["certs_url"] = "https://one.idp.test/keys".into();
    });
    let (at, _) = world.sign_in(&mut Browser::default(), &format!("{WIKI}/x"), "one");
    assert_eq!(at, format!("{WIKI}/x"), "{}", world.last_reason());
    world.providers[0].token = Box::new(|claims| claims["iss"] = "https://evil.test".into());
    world.sign_in(&mut Browser::default(), &format!("{WIKI}/x"), "one");
    assert_eq!(world.last_reason(), "id token: the issuer is another one");
}

#[test]
fn addresses_that_a_provider_may_not_name() {
    refused("the provider named no e-mail address", without("email"));
    refused("the provider named no e-mail address", claim("email", json!(["a@example.com"])));
    refused(
        "the provider says that the e-mail address is not verified",
        claim("email_verified", false),
    );
    refused(
        "the provider says that the e-mail address is not verified",
        claim("email_verified", "false"),
    );
    refused("the e-mail address is none", claim("email", "ada@example.com\r\nBcc: x@y"));
    refused("the e-mail address is none", claim("email", "ada@example.com@evil.test"));
    let mut world = World::new();
    world.edit("idp:one", |record| record["email_domains"] = json!(["Example.com"]));
    let (at, _) = world.sign_in(&mut Browser::default(), &format!("{WIKI}/x"), "one");
    assert_eq!(at, format!("{WIKI}/x"));
    for email in ["root@sub.example.com", "root@evil-example.com", "root@example.com.evil.test"] {
        world.providers[0].email = email.into();
        let (_, page) = world.sign_in(&mut Browser::default(), &format!("{WIKI}/x"), "one");
        assert_eq!(page.status, 403);
        assert_eq!(world.last_reason(), format!("the provider may not speak for {email}"));
    }
}

#[test]
fn an_account_of_ones_own_at_google_is_not_the_companys() {
    let mut world = World::new();
    world.edit("idp:one", |record| {
        record["type"] = json!("google-apps");
        record["email_domains"] = json!(["example.com"]);
    });
    for hd in [Value::Null, json!(""), json!("example.com.evil.test"), json!(["example.com"])] {
        world.providers[0].token = Box::new(move |claims| claims["hd"] = hd.clone());
        let (_, page) = world.sign_in(&mut Browser::default(), &format!("{WIKI}/x"), "one");
        assert_eq!(page.status, 403);
        assert_eq!(world.last_reason(), "the account is not one of the domain's own (hd)");
    }
    world.providers[0].token = Box::new(|claims| claims["hd"] = json!("Example.com"));
    let (at, _) = world.sign_in(&mut Browser::default(), &format!("{WIKI}/x"), "one");
    assert_eq!(at, format!("{WIKI}/x"), "{}", world.last_reason());
}
