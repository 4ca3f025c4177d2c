//! Records that an earlier version wrote must be understood for as long as an edge may hold them:
//! each file here was written once and is never changed; a new schema version adds files.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use edge_state::access::{
    ApplicationRecord, ClientAuthorityRecord, GateRecord, GroupRecord, Identity,
    IdentityProviderRecord, ListRecord, OrganizationRecord, RevocationRecord, SamlKeyRecord,
    ServiceTokenRecord, SessionRecord, SigningKeyRecord,
};
use edge_state::record::is_understood;
use edge_state::{CertificateRecord, ChallengeRecord, HostRecord, Key, Record, ZoneRecord};

/// Decodes, and writes the very same text back.
fn check<R: Record>(text: &str, key: &str) {
    let text = text.trim_end();
    let record = R::decode(text).unwrap();
    assert_eq!(record.encode(), text);
    assert_eq!(record.key().to_string(), key);
    assert!(is_understood(&key.parse::<Key>().unwrap(), text));
}

#[test]
fn version_1_is_read_and_written_unchanged() {
    check::<HostRecord>(include_str!("golden/host-active.v1.json"), "host:app.customer.com");
    check::<HostRecord>(include_str!("golden/host-pending.v1.json"), "host:*.customer.com");
    check::<ZoneRecord>(
        include_str!("golden/zone.v1.json"),
        "zone:023e105f4ecef8ad9ca31a8372d0c353",
    );
    check::<CertificateRecord>(include_str!("golden/certificate.v1.json"), "cert:app.customer.com");
    check::<ChallengeRecord>(
        include_str!("golden/challenge.v1.json"),
        "acme:evaGxfADs6pSRb2LAv9IZf17Dt3juxGJ-PCt92wr-oA",
    );
}

#[test]
fn version_1_of_access_is_read_and_written_unchanged() {
    check::<OrganizationRecord>(include_str!("golden/organization.v1.json"), "org:team.saas.com");
    check::<OrganizationRecord>(
        include_str!("golden/organization-bare.v1.json"),
        "org:team.saas.com",
    );
    check::<ApplicationRecord>(
        include_str!("golden/application.v1.json"),
        "app:f174e90a-fafe-4643-bbbc-4a0ed4fc8415",
    );
    check::<ApplicationRecord>(
        include_str!("golden/application-bare.v1.json"),
        "app:f174e90a-fafe-4643-bbbc-4a0ed4fc8415",
    );
    check::<GateRecord>(include_str!("golden/gate.v1.json"), "gate:*.saas.com");
    check::<GroupRecord>(
        include_str!("golden/group.v1.json"),
        "group:aa0a4aab-672b-4bdb-bc33-a59f1130a11f",
    );
    check::<ListRecord>(
        include_str!("golden/list.v1.json"),
        "list:0f8185414dec4a5e9034f3d917c23890",
    );
    check::<IdentityProviderRecord>(
        include_str!("golden/identity-provider-oidc.v1.json"),
        "idp:699d98642c564d2e855e9661899b7252",
    );
    check::<IdentityProviderRecord>(
        include_str!("golden/identity-provider-github.v1.json"),
        "idp:699d98642c564d2e855e9661899b7252",
    );
    check::<IdentityProviderRecord>(
        include_str!("golden/identity-provider-pin.v1.json"),
        "idp:699d98642c564d2e855e9661899b7252",
    );
    check::<IdentityProviderRecord>(
        include_str!("golden/identity-provider-saml.v1.json"),
        "idp:699d98642c564d2e855e9661899b7252",
    );
    check::<SigningKeyRecord>(include_str!("golden/signing-keys.v1.json"), "keys:team.saas.com");
    check::<RevocationRecord>(include_str!("golden/revocations.v1.json"), "revoked:team.saas.com");
    check::<SessionRecord>(
        include_str!("golden/session.v1.json"),
        "session:evaGxfADs6pSRb2LAv9IZf",
    );
    check::<ServiceTokenRecord>(
        include_str!("golden/service-token.v1.json"),
        "service_token:88bf3b6d86161464f6509f7219099e57.access",
    );
    check::<ClientAuthorityRecord>(
        include_str!("golden/client-authorities.v1.json"),
        "mtls:app.saas.com",
    );
}

#[test]
fn version_1_of_saml_is_read_and_written_unchanged() {
    for text in [
        include_str!("golden/application-saml.v1.json"),
        include_str!("golden/application-saml-bare.v1.json"),
    ] {
        check::<ApplicationRecord>(text, "app:f174e90a-fafe-4643-bbbc-4a0ed4fc8415");
    }
    check::<IdentityProviderRecord>(
        include_str!("golden/identity-provider-saml-full.v1.json"),
        "idp:699d98642c564d2e855e9661899b7252",
    );
    check::<OrganizationRecord>(
        include_str!("golden/organization-saml.v1.json"),
        "org:team.saas.com",
    );
    check::<SamlKeyRecord>(
        include_str!("golden/saml-keys.v1.json"),
        "saml_keys:699d98642c564d2e855e9661899b7252",
    );
    // Sealed within a session's record.
    let text = include_str!("golden/identity-saml.v1.json").trim_end();
    let identity: Identity = serde_json::from_str(text).unwrap();
    assert_eq!(serde_json::to_string(&identity).unwrap(), text);
}
