#![no_main]
//! Keys as people paste them.

use libfuzzer_sys::fuzz_target;
use saml::pasted::{FoundKey, read_keys};

fuzz_target!(|pasted: &[u8]| {
    for key in read_keys(pasted).unwrap_or_default() {
        if let FoundKey::Certificate(certificate) = key {
            let again = read_keys(certificate.pem().as_bytes()).expect("our own PEM");
            assert_eq!(again, [FoundKey::Certificate(certificate)]);
        }
    }
});
