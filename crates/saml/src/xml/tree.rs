//! The tree: an arena in document order. A node's subtree is one range of the arena, so walking it
//! needs neither recursion nor look-ups.

use std::fmt;

/// A part of [`Document::text`], in bytes.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub(super) struct Span {
    pub start: u32,
    pub end: u32,
}

#[derive(Clone, Copy, Debug)]
pub(super) struct Name {
    pub prefix: Span,
    pub local: Span,
    pub namespace: Span,
}

#[derive(Clone, Copy, Debug)]
pub(super) struct Attribute {
    pub name: Name,
    pub value: Span,
}

/// `xmlns:prefix="uri"`.
#[derive(Clone, Copy, Debug)]
pub(super) struct Binding {
    pub prefix: Span,
    pub uri: Span,
}

/// A range of `attributes` or `bindings`.
#[derive(Clone, Copy, Debug)]
pub(super) struct Range {
    pub start: u32,
    pub end: u32,
}

impl Range {
    pub fn of<T>(self, items: &[T]) -> &[T] {
        &items[self.start as usize..self.end as usize]
    }
}

#[derive(Clone, Copy, Debug)]
pub(super) struct ElementData {
    pub name: Name,
    pub attributes: Range,
    pub bindings: Range,
    pub parent: Option<u32>,
    /// The first node behind this element's subtree.
    pub end: u32,
}

#[derive(Clone, Copy, Debug)]
pub(super) enum Node {
    Element(ElementData),
    /// Decoded: references resolved, line ends normalised, CDATA merged in.
    Text(Span),
    Comment(Span),
    ProcessingInstruction {
        target: Span,
        data: Span,
    },
}

/// A well-formed XML document with namespaces, without DTD, and within its
/// [`Limits`](super::Limits).
pub struct Document {
    pub(super) text: String,
    pub(super) nodes: Vec<Node>,
    pub(super) attributes: Vec<Attribute>,
    pub(super) bindings: Vec<Binding>,
}

impl Document {
    /// The document element.
    #[must_use]
    pub fn root(&self) -> Element<'_> {
        Element { document: self, index: 0 }
    }

    pub(super) fn str(&self, span: Span) -> &str {
        &self.text[span.start as usize..span.end as usize]
    }
}

impl fmt::Debug for Document {
    /// Its name alone: a document may hold what must not reach a log.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Document({})", self.root().local_name())
    }
}

/// One element of a [`Document`].
#[derive(Clone, Copy)]
pub struct Element<'d> {
    pub(super) document: &'d Document,
    pub(super) index: u32,
}

impl fmt::Debug for Element<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Element({})", self.local_name())
    }
}

impl PartialEq for Element<'_> {
    /// Whether both are the same node of the same tree.
    fn eq(&self, other: &Self) -> bool {
        std::ptr::eq(self.document, other.document) && self.index == other.index
    }
}

impl Eq for Element<'_> {}

impl<'d> Element<'d> {
    pub(super) fn data(self) -> &'d ElementData {
        match &self.document.nodes[self.index as usize] {
            Node::Element(data) => data,
            // An `Element` is only ever made for such a node.
            _ => unreachable!("not an element"),
        }
    }

    /// The namespace name, empty where there is none.
    #[must_use]
    pub fn namespace(self) -> &'d str {
        self.document.str(self.data().name.namespace)
    }

    /// The local part of the name.
    #[must_use]
    pub fn local_name(self) -> &'d str {
        self.document.str(self.data().name.local)
    }

    /// Whether this is the element that a standard calls `namespace`, `local`.
    #[must_use]
    pub fn is(self, namespace: &str, local: &str) -> bool {
        self.local_name() == local && self.namespace() == namespace
    }

    /// An attribute without namespace, as all of SAML's own are.
    #[must_use]
    pub fn attribute(self, local: &str) -> Option<&'d str> {
        self.attribute_ns("", local)
    }

    /// An attribute of a namespace.
    #[must_use]
    pub fn attribute_ns(self, namespace: &str, local: &str) -> Option<&'d str> {
        let document = self.document;
        let attributes = self.data().attributes.of(&document.attributes);
        let found = attributes.iter().find(|attribute| {
            document.str(attribute.name.local) == local
                && document.str(attribute.name.namespace) == namespace
        })?;
        Some(document.str(found.value))
    }

    /// The parent element.
    #[must_use]
    pub fn parent(self) -> Option<Self> {
        self.data().parent.map(|index| Self { document: self.document, index })
    }

    /// Child elements in document order; text and comments are passed over.
    pub fn elements(self) -> impl Iterator<Item = Self> + use<'d> {
        let document = self.document;
        self.child_indices().filter_map(move |index| match document.nodes[index as usize] {
            Node::Element(_) => Some(Self { document, index }),
            _ => None,
        })
    }

    /// This element and all below it, in document order.
    pub fn descendants(self) -> impl Iterator<Item = Self> + use<'d> {
        let document = self.document;
        (self.index..self.data().end).filter_map(move |index| {
            matches!(document.nodes[index as usize], Node::Element(_))
                .then_some(Self { document, index })
        })
    }

    pub(super) fn child_indices(self) -> impl Iterator<Item = u32> + use<'d> {
        let (document, end) = (self.document, self.data().end);
        let mut next = self.index + 1;
        std::iter::from_fn(move || {
            let index = next;
            if index >= end {
                return None;
            }
            next = match &document.nodes[index as usize] {
                Node::Element(data) => data.end,
                _ => index + 1,
            };
            Some(index)
        })
    }

    /// The name as errors tell it.
    pub(crate) fn name(self) -> String {
        self.local_name().to_owned()
    }
}

impl Element<'_> {
    /// A document around `content` that declares the namespaces in scope at this element, as if
    /// `content` stood in its place.
    pub(crate) fn wrap(self, content: &[u8]) -> Option<zeroize::Zeroizing<String>> {
        let content = std::str::from_utf8(content).ok()?;
        let document = self.document;
        let mut declared: Vec<&str> = Vec::new();
        let mut text = zeroize::Zeroizing::new(String::from("<wrapper"));
        for ancestor in std::iter::successors(Some(self), |element| element.parent()) {
            for binding in ancestor.data().bindings.of(&document.bindings) {
                let prefix = document.str(binding.prefix);
                if declared.contains(&prefix) {
                    continue;
                }
                declared.push(prefix);
                text.push_str(if prefix.is_empty() { " xmlns" } else { " xmlns:" });
                text.push_str(prefix);
                // A namespace name holds neither quotation marks nor ampersands (lex.rs).
                text.push_str("=\"");
                text.push_str(document.str(binding.uri));
                text.push('"');
            }
        }
        text.push('>');
        text.push_str(content);
        text.push_str("</wrapper>");
        Some(text)
    }
}
