//! How much is read, and what the parser says when it reads no further.

/// How much of a document is read before it is refused.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Limits {
    /// Bytes of text.
    pub bytes: usize,
    /// Elements within elements.
    pub depth: usize,
    /// Elements, texts, comments and processing instructions.
    pub nodes: usize,
    /// Attributes of one element, namespace declarations included.
    pub attributes: usize,
    /// Namespace declarations in scope at any one place.
    pub bindings: usize,
    /// Whether CDATA sections and processing instructions may occur. Messages have neither.
    pub editorial: bool,
}

impl Limits {
    /// For protocol messages, which come from anybody.
    pub const MESSAGE: Self = Self {
        bytes: 256 * 1024,
        depth: 48,
        nodes: 16 * 1024,
        attributes: 48,
        bindings: 128,
        editorial: false,
    };
    /// For requests of a service provider, which are small.
    pub const REQUEST: Self = Self { bytes: 64 * 1024, ..Self::MESSAGE };
    /// For metadata, which an operator brings in.
    pub const METADATA: Self =
        Self { bytes: 4 * 1024 * 1024, nodes: 256 * 1024, editorial: true, ..Self::MESSAGE };
}

/// Why text is no document, and where.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
#[error("{kind} (line {line}, column {column})")]
pub struct XmlError {
    /// What is wrong.
    pub kind: XmlErrorKind,
    /// Counted from 1.
    pub line: usize,
    /// In characters, counted from 1.
    pub column: usize,
}

/// What is wrong with a text.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
pub enum XmlErrorKind {
    /// Also where the XML declaration says so.
    #[error("the text is not UTF-8")]
    NotUtf8,
    /// Document type declarations are refused as such, whatever they hold.
    #[error("a document type declaration is not allowed")]
    Doctype,
    /// CDATA section or processing instruction in a message.
    #[error("{0} is not allowed here")]
    Editorial(&'static str),
    /// One of the [`Limits`].
    #[error("more than {limit} {what}")]
    TooMuch {
        /// What there is too much of.
        what: &'static str,
        /// How much is allowed.
        limit: usize,
    },
    /// The grammar of XML.
    #[error("expected {0}")]
    Expected(&'static str),
    /// A character that XML has not.
    #[error("a character that XML does not allow")]
    Character,
    /// `&name;` without meaning. Without a DTD there are five names.
    #[error("an unknown reference")]
    Reference,
    /// `</a>` where `</b>` is due.
    #[error("this end tag closes no open element")]
    EndTag,
    /// One attribute twice, by its name or by its namespace and local name.
    #[error("an attribute occurs twice")]
    DuplicateAttribute,
    /// A prefix without declaration.
    #[error("an undeclared namespace prefix")]
    UndeclaredPrefix,
    /// Namespaces in XML 1.0 §3 reserves two of them, and takes no prefix back.
    #[error("a namespace declaration that is not allowed")]
    NamespaceDeclaration,
    /// The canonical form of a relative namespace name is undefined.
    #[error("a relative namespace name")]
    RelativeNamespace,
    /// Two elements claim one ID.
    #[error("an ID occurs twice")]
    DuplicateId,
    /// `samlp:ID` and `xml:id` are IDs to some readers and none to others.
    #[error("an ID attribute with a namespace prefix")]
    PrefixedId,
}
