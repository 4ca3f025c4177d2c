#![no_main]
//! Metadata, ours and others'.

use libfuzzer_sys::fuzz_target;
use saml::metadata::Metadata;
use saml::peer::{IdentityProviderPeer, ServiceProviderPeer};
use saml_fuzz::now;

fuzz_target!(|xml: &[u8]| {
    let Ok(metadata) = Metadata::parse(xml) else { return };
    for entity in &metadata.entities {
        let _ = entity.check_validity(now());
        let _ = IdentityProviderPeer::from_metadata(entity);
        let _ = ServiceProviderPeer::from_metadata(entity);
        if let Ok(ours) = entity.to_xml() {
            let again = Metadata::parse(ours.as_bytes()).expect("what we write we read");
            assert_eq!(again.entities[0].entity_id, entity.entity_id);
        }
    }
});
