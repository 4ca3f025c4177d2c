//! Keys, places, and the way from one key to the next.

use edge_state::{CertificateRecord, EdgeCertificate, Key, KeyType, Record as _};

use super::*;
use crate::store::changes;
use crate::store::on;
use crate::store::secrets::Held;
use crate::store::testing::databases;

fn key(id: &str, byte: char) -> String {
    format!("{id}:{}=", String::from(byte).repeat(43).replace('=', "A"))
}

/// Both rings have the same keys: the names of the rings keep them apart.
fn vault(keys: &[&str]) -> Vault {
    let text = keys.join("\n");
    Vault::new(Keys::parse(&text).unwrap(), Keys::parse(&text).unwrap())
}

fn certificate(id: &str) -> Place {
    Place::Certificate { custom_hostname_id: "hostname".into(), id: id.into() }
}

#[test]
fn keys_are_read_one_a_line_and_never_shown() {
    let (a, b) = (key("a", 'A'), key("b", 'E'));
    let keys = Keys::parse(&format!("# rotated in May\n{b}\n\n  {a}\n")).unwrap();
    assert_eq!(format!("{keys:?}"), "Keys(b)");
    assert_eq!(Keys::parse("\n# none\n").unwrap_err(), InvalidKeys::None);
    let twice = Keys::parse(&format!("{a}\n{a}")).unwrap_err();
    assert_eq!(twice, InvalidKeys::Duplicate("a".into()));
    let error = Keys::parse(&format!("{a}\nc:AAAA")).unwrap_err();
    assert_eq!(error, InvalidKeys::Line { line: 2, error: InvalidKey::Form });
    assert!(!error.to_string().contains("AAAA"));
}

#[test]
fn two_records_secrets_cannot_be_swapped() {
    let vault = vault(&[&key("a", 'A')]);
    let sealed = vault.seal(&certificate("1"), b"secret").unwrap();
    assert_eq!(vault.open(&certificate("1"), &sealed).unwrap().as_slice(), b"secret");
    for other in [certificate("2"), Place::DevelopmentAuthority] {
        assert!(matches!(vault.open(&other, &sealed), Err(Error::Open { .. })));
    }
}

#[test]
fn an_edge_key_opens_for_its_hostname_and_serial() {
    let vault = vault(&[&key("a", 'A')]);
    let hostname = Hostname::parse("app.customer.com").unwrap();
    let sealed = vault.seal_for_edge(&hostname, "0a", b"pkcs8").unwrap();
    let edge = KeyRing::new(SealingKey::parse(&key("a", 'A')).unwrap(), []);
    let opened = edge.open(&sealed, &sealing_context(&hostname, "0a")).unwrap();
    assert_eq!(opened.as_slice(), b"pkcs8");
    assert!(edge.open(&sealed, &sealing_context(&hostname, "0b")).is_err());
}

#[tokio::test]
async fn a_wrong_key_is_found_at_the_start() {
    let (a, other_a, b) = (key("a", 'A'), key("a", 'E'), key("b", 'I'));
    for test in databases().await {
        vault(&[&a]).check(&test.db, 1).await.unwrap();
        vault(&[&a]).check(&test.db, 2).await.unwrap();
        vault(&[&b, &a]).check(&test.db, 3).await.unwrap();
        for wrong in [&other_a, &b] {
            let error = vault(&[wrong]).check(&test.db, 4).await.unwrap_err();
            assert!(matches!(error, Error::WrongKey { ring: "master", .. }), "{error}");
        }
    }
}

async fn insert(db: &Db, id: &str, sealed: &Sealed) {
    let mut tx = db.begin().await.unwrap();
    on!(&mut tx, conn => {
        for text in [
            "INSERT INTO accounts VALUES ('account', 'n', 1) ON CONFLICT DO NOTHING",
            "INSERT INTO zones VALUES ('zone', 'account', 'n', 't', '{}', NULL, NULL, NULL, 1, 1)
             ON CONFLICT DO NOTHING",
            "INSERT INTO custom_hostnames (id, zone_id, hostname, requested, ownership_token,
                 status, state, wildcard, created_at, updated_at)
             VALUES ('hostname', 'zone', 'n', '{}', 't', 'pending', '{}', FALSE, 1, 1)
             ON CONFLICT DO NOTHING",
        ] {
            sqlx::query(text).execute(&mut **conn).await.unwrap();
        }
        sqlx::query(
            "INSERT INTO certificates (id, custom_hostname_id, hostname, key_type, status,
                 state, authority, private_key, created_at, updated_at)
             VALUES ($1, 'hostname', 'n', 'p256', 's', '{}', 'a', $2, 1, 1)",
        ).bind(id).bind(sealed.as_str()).execute(&mut **conn).await.unwrap();
    });
    tx.commit().await.unwrap();
}

#[tokio::test]
async fn after_rewrapping_nothing_needs_the_old_key() {
    let (a, b) = (key("a", 'A'), key("b", 'E'));
    let hostname = Hostname::parse("app.customer.com").unwrap();
    for test in databases().await {
        let old = vault(&[&a]);
        old.check(&test.db, 1).await.unwrap();
        for n in 0..250 {
            let id = format!("{n:03}");
            insert(&test.db, &id, &old.seal(&certificate(&id), b"secret").unwrap()).await;
        }
        insert(&test.db, "moved", &old.seal(&certificate("elsewhere"), b"x").unwrap()).await;
        let account = Place::AcmeAccount { directory: "d".into() };
        let mut tx = test.db.begin().await.unwrap();
        let sealed = old.seal(&account, b"account").unwrap();
        secrets::add_acme_account(&mut tx, "d", &sealed, 1).await.unwrap();
        let private_key = old.seal(&Place::DevelopmentAuthority, b"root").unwrap();
        let root = secrets::DevelopmentRoot { root: "pem".into(), private_key };
        secrets::development_root(&mut tx, &root, 1).await.unwrap();
        let record = CertificateRecord {
            hostname: hostname.clone(),
            certificates: vec![EdgeCertificate {
                key_type: KeyType::P256,
                serial: "0a".into(),
                not_after: 1,
                chain: String::new(),
                private_key: old.seal_for_edge(&hostname, "0a", b"edge").unwrap(),
            }],
        };
        let edge_key = Key::Certificate(hostname.clone());
        changes::put(&mut tx, &edge_key, Some(&record.encode()), 1).await.unwrap();
        tx.commit().await.unwrap();

        let both = vault(&[&b, &a]);
        let done = both.rewrap_all(&test.db, 2).await.unwrap();
        assert_eq!((done.moved, done.unreadable.len()), (255, 1), "{}", test.name);
        assert!(done.unreadable[0].starts_with("certificate:hostname:moved"), "{done:?}");
        let again = both.rewrap_all(&test.db, 3).await.unwrap();
        assert_eq!((again.moved, again.unreadable.len()), (0, 1), "{}", test.name);

        let new = vault(&[&b]);
        new.check(&test.db, 4).await.unwrap();
        let mut tx = test.db.read().await.unwrap();
        assert_eq!(Held::Certificates.count(&mut tx, "b").await.unwrap(), (251, 1));
        assert_eq!(Held::AcmeAccounts.count(&mut tx, "b").await.unwrap(), (1, 0));
        assert_eq!(Held::DevelopmentAuthority.count(&mut tx, "a").await.unwrap(), (1, 1));
        let left = Held::Certificates.not_under(&mut tx, "none", "", 1000).await.unwrap();
        assert_eq!(left.len(), 251);
        for secret in left.iter().filter(|secret| secret.id != "moved") {
            assert_eq!(new.open(&secret.place, &secret.sealed).unwrap().as_slice(), b"secret");
        }
        let sealed = secrets::acme_account(&mut tx, "d").await.unwrap().unwrap();
        assert_eq!(new.open(&account, &sealed).unwrap().as_slice(), b"account");
        let page = changes::page(&mut tx, "", 10).await.unwrap();
        let record = CertificateRecord::decode(page[0].value.as_deref().unwrap()).unwrap();
        let context = sealing_context(&hostname, "0a");
        let opened = new.edge.ring.open(&record.certificates[0].private_key, &context).unwrap();
        assert_eq!(opened.as_slice(), b"edge");
    }
}

#[tokio::test]
async fn what_workers_hold_moves_to_the_new_key_too() {
    use edge_state::access::identity_provider::{self, GithubConfig, Protocol};
    use edge_state::access::signing_key::{self, SigningKey};
    use edge_state::access::{IdentityProviderRecord, SigningKeyRecord};
    let (a, b) = (key("a", 'A'), key("b", 'E'));
    let auth_domain = Hostname::parse("team.saas.com").unwrap();
    for test in databases().await {
        let (old, both, new) = (vault(&[&a]), vault(&[&b, &a]), vault(&[&b]));
        let seal = |context: &str| old.seal_for_access(context, b"secret").unwrap();
        let provider = IdentityProviderRecord {
            id: "i".into(),
            auth_domain: auth_domain.clone(),
            name: "I".into(),
            kind: "github".into(),
            enabled: true,
            revision: 1,
            email_domains: Vec::new(),
            protocol: Protocol::Github(GithubConfig {
                client_id: "c".into(),
                client_secret: seal(&identity_provider::sealing_context("i")),
                web_url: String::new(),
                api_url: String::new(),
            }),
        };
        let context = signing_key::sealing_context(&auth_domain, "k");
        let keys = SigningKeyRecord {
            auth_domain: auth_domain.clone(),
            keys: vec![SigningKey {
                kid: "k".into(),
                n: String::new(),
                e: String::new(),
                certificate: String::new(),
                private_key: Some(seal(&context)),
                expires_at: None,
            }],
        };
        let mut tx = test.db.begin().await.unwrap();
        changes::put(&mut tx, &provider.key(), Some(&provider.encode()), 1).await.unwrap();
        changes::put(&mut tx, &keys.key(), Some(&keys.encode()), 1).await.unwrap();
        tx.commit().await.unwrap();
        assert_eq!(both.rewrap_all(&test.db, 2).await.unwrap().moved, 2, "{}", test.name);
        assert_eq!(both.rewrap_all(&test.db, 3).await.unwrap().moved, 0, "{}", test.name);
        let mut tx = test.db.read().await.unwrap();
        let text = changes::value(&mut tx, &keys.key()).await.unwrap().unwrap();
        let keys = SigningKeyRecord::decode(&text).unwrap();
        let sealed = keys.keys[0].private_key.as_ref().unwrap();
        assert_eq!(new.open_for_access(&context, sealed).unwrap().as_slice(), b"secret");
        // What has not changed is not sealed anew; what was under another key is.
        assert_eq!(new.keep_for_access(&context, b"secret", Some(sealed)).unwrap(), *sealed);
        assert_ne!(new.keep_for_access(&context, b"other", Some(sealed)).unwrap(), *sealed);
        let under_old = seal(&context);
        let anew = new.keep_for_access(&context, b"secret", Some(&under_old)).unwrap();
        assert_eq!(anew.key_id(), Some("b"));
    }
}

#[tokio::test]
async fn a_rotation_that_was_killed_goes_on_where_it_was() {
    let (a, b) = (key("a", 'A'), key("b", 'E'));
    for test in databases().await {
        let old = vault(&[&a]);
        for n in 0..250 {
            let id = format!("{n:03}");
            insert(&test.db, &id, &old.seal(&certificate(&id), b"secret").unwrap()).await;
        }
        // Killed at any point: what is moved is moved, what is not is as it was.
        let both = vault(&[&b, &a]);
        for _ in 0..40 {
            let soon = std::time::Duration::from_millis(2);
            let _ = tokio::time::timeout(soon, both.rewrap_all(&test.db, 2)).await;
            let mut tx = test.db.read().await.unwrap();
            for secret in Held::Certificates.not_under(&mut tx, "none", "", 1000).await.unwrap() {
                assert_eq!(both.open(&secret.place, &secret.sealed).unwrap().as_slice(), b"secret");
            }
        }
        both.rewrap_all(&test.db, 3).await.unwrap();
        let mut tx = test.db.read().await.unwrap();
        let left = Held::Certificates.count(&mut tx, "b").await.unwrap();
        assert_eq!(left, (250, 0), "{}", test.name);
    }
}
