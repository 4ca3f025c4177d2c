//! Records that an earlier version wrote must be understood for as long as an edge may hold them:
//! each file here was written once and is never changed; a new schema version adds files.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

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
