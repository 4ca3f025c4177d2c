//! One parser, one tree, one pass. What a signature covers and what is read are nodes of the same
//! tree; nothing is ever looked up by ID, and nothing is parsed a second time.
//!
//! - `parse.rs`, `tag.rs`: UTF-8 text to tree, within [`Limits`]; `lex.rs`: characters, names,
//!   references
//! - `tree.rs`: [`Document`], [`Element`]
//! - `shape.rs`: [`Children`], which reads children in the order of a schema and refuses leftovers
//! - `c14n.rs`: Exclusive XML Canonicalization 1.0
//! - `write.rs`: [`Writer`], whose output is canonical as it stands

mod c14n;
mod lex;
mod limits;
mod parse;
mod shape;
mod tag;
mod tree;
mod write;

pub use c14n::Canonicalization;
pub(crate) use lex::is_ncname;
pub use limits::{Limits, XmlError, XmlErrorKind};
pub use shape::{Children, ShapeError};
pub use tree::{Document, Element};
pub use write::{UnwritableText, Vocabulary, Writer};

/// Namespace names, as the standards write them.
pub mod ns {
    /// SAML 2.0 assertions.
    pub const SAML: &str = "urn:oasis:names:tc:SAML:2.0:assertion";
    /// SAML 2.0 protocol messages.
    pub const SAMLP: &str = "urn:oasis:names:tc:SAML:2.0:protocol";
    /// SAML 2.0 metadata.
    pub const MD: &str = "urn:oasis:names:tc:SAML:2.0:metadata";
    /// XML Signature.
    pub const DS: &str = "http://www.w3.org/2000/09/xmldsig#";
    /// XML Encryption.
    pub const XENC: &str = "http://www.w3.org/2001/04/xmlenc#";
    /// XML Encryption 1.1.
    pub const XENC11: &str = "http://www.w3.org/2009/xmlenc11#";
    /// Exclusive canonicalisation, where it names its `InclusiveNamespaces`.
    pub const EC: &str = "http://www.w3.org/2001/10/xml-exc-c14n#";
    /// The prefix `xml`.
    pub const XML: &str = "http://www.w3.org/XML/1998/namespace";
    /// The prefix `xmlns`.
    pub const XMLNS: &str = "http://www.w3.org/2000/xmlns/";
    /// `xsi:type`, `xsi:nil`.
    pub const XSI: &str = "http://www.w3.org/2001/XMLSchema-instance";
    /// Algorithms in metadata.
    pub const ALG: &str = "urn:oasis:names:tc:SAML:metadata:algsupport";
    /// Display information in metadata.
    pub const MDUI: &str = "urn:oasis:names:tc:SAML:metadata:ui";
}

/// The vocabularies under the prefixes that everybody uses for them.
pub mod vocabulary {
    use super::{Vocabulary, ns};

    /// `saml:`
    pub const SAML: Vocabulary = Vocabulary { prefix: "saml", namespace: ns::SAML };
    /// `samlp:`
    pub const SAMLP: Vocabulary = Vocabulary { prefix: "samlp", namespace: ns::SAMLP };
    /// `md:`
    pub const MD: Vocabulary = Vocabulary { prefix: "md", namespace: ns::MD };
    /// `ds:`
    pub const DS: Vocabulary = Vocabulary { prefix: "ds", namespace: ns::DS };
    /// `xenc:`
    pub const XENC: Vocabulary = Vocabulary { prefix: "xenc", namespace: ns::XENC };
    /// `xenc11:`
    pub const XENC11: Vocabulary = Vocabulary { prefix: "xenc11", namespace: ns::XENC11 };
    /// `xml:`
    pub const XML: Vocabulary = Vocabulary { prefix: "xml", namespace: ns::XML };
}
