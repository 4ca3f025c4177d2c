#![no_main]
//! Messages by POST, and the pages that relay states end up in.

use libfuzzer_sys::fuzz_target;
use saml::binding::Kind;
use saml::binding::post::{Form, decode};

fuzz_target!(|body: &str| {
    let _ = decode(body);
    let page = Form::new(body, Kind::Response, body, Some(body)).page(Some(body));
    assert_eq!(page.matches("<script").count(), 1);
    assert_eq!(page.matches("<input").count(), 2);
});
