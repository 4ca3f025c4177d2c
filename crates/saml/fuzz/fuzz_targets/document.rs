#![no_main]
//! The canonical form of a document is a document, and its own canonical form.

use libfuzzer_sys::fuzz_target;
use saml::xml::{Canonicalization, Document, Limits};

fuzz_target!(|input: &[u8]| {
    let limits = Limits { editorial: true, ..Limits::MESSAGE };
    let Ok(document) = Document::parse(input, &limits) else { return };
    for (comments, prefixes) in [(false, &[][..]), (true, &["#default", "a", "saml"][..])] {
        let options = Canonicalization { comments, prefixes, without: None };
        for element in document.root().descendants().take(20) {
            let form = element.canonical(&options);
            // Escapes make it longer.
            let limits = Limits { bytes: usize::MAX, ..limits };
            let again = Document::parse(form.as_bytes(), &limits).expect("canonical, not XML");
            assert_eq!(again.root().canonical(&options), form);
            let _ = (element.text(), element.children());
        }
    }
});
