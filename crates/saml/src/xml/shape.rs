//! Reading in the order of a schema. Whatever stands where the schema has no place for it is an
//! error, so an element that was moved or added cannot hide.

use super::tree::{Element, Node};
use super::{lex, ns};

/// How an element differs from its schema.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
pub enum ShapeError {
    /// A required child element.
    #[error("{parent} has no {missing}")]
    Missing {
        /// The element that should hold it.
        parent: String,
        /// Its local name.
        missing: &'static str,
    },
    /// A child element that has no place, or stands in the wrong one, or once too often.
    #[error("{found} has no place in {parent} here")]
    Unexpected {
        /// The element that holds it.
        parent: String,
        /// Its local name.
        found: String,
    },
    /// Text between child elements.
    #[error("{parent} holds text between its elements")]
    StrayText {
        /// The element that holds it.
        parent: String,
    },
    /// Elements or comments where only text may be.
    #[error("{element} is not plain text")]
    NotPlainText {
        /// The element.
        element: String,
    },
    /// A required attribute.
    #[error("{element} has no attribute {attribute}")]
    NoAttribute {
        /// The element.
        element: String,
        /// The name of the attribute.
        attribute: &'static str,
    },
    /// A text or attribute that is not what its type says.
    #[error("{what} is not {expected}")]
    Value {
        /// The element or attribute.
        what: String,
        /// What it should be.
        expected: &'static str,
    },
}

/// The child elements of one element, taken one after the other.
#[derive(Debug)]
pub struct Children<'d> {
    parent: Element<'d>,
    rest: std::iter::Peekable<std::vec::IntoIter<Element<'d>>>,
}

impl<'d> Element<'d> {
    /// The text of an element that holds nothing but text, as it stands. A comment inside is
    /// refused: canonicalisation drops it, so whoever stops reading at it reads another name than
    /// the one that was signed (CVE-2017-11427).
    pub fn text(self) -> Result<&'d str, ShapeError> {
        let mut text = "";
        for index in self.child_indices() {
            match self.document.nodes[index as usize] {
                Node::Text(span) if text.is_empty() => text = self.document.str(span),
                _ => return Err(ShapeError::NotPlainText { element: self.name() }),
            }
        }
        Ok(text)
    }

    /// [`Self::text`] without white space around it, as URIs and base64 are read.
    pub fn trimmed(self) -> Result<&'d str, ShapeError> {
        Ok(self.text()?.trim_matches([' ', '\t', '\r', '\n']))
    }

    /// The child elements, where nothing else stands between them but white space and comments.
    pub fn children(self) -> Result<Children<'d>, ShapeError> {
        let mut elements = Vec::new();
        for index in self.child_indices() {
            match self.document.nodes[index as usize] {
                Node::Element(_) => elements.push(Element { document: self.document, index }),
                Node::Text(span) if !self.document.str(span).bytes().all(lex::is_space) => {
                    return Err(ShapeError::StrayText { parent: self.name() });
                }
                _ => {}
            }
        }
        Ok(Children { parent: self, rest: elements.into_iter().peekable() })
    }

    /// An attribute that must be there.
    pub fn required(self, attribute: &'static str) -> Result<&'d str, ShapeError> {
        self.attribute(attribute)
            .ok_or_else(|| ShapeError::NoAttribute { element: self.name(), attribute })
    }

    /// An `xs:boolean` attribute.
    pub fn boolean(self, attribute: &'static str) -> Result<Option<bool>, ShapeError> {
        match self.attribute(attribute).map(str::trim) {
            None => Ok(None),
            Some("true" | "1") => Ok(Some(true)),
            Some("false" | "0") => Ok(Some(false)),
            Some(_) => {
                Err(ShapeError::Value { what: attribute.to_owned(), expected: "true or false" })
            }
        }
    }

    /// An `xs:unsignedShort` attribute, as indices of endpoints are.
    pub fn index(self, attribute: &'static str) -> Result<Option<u16>, ShapeError> {
        let Some(text) = self.attribute(attribute).map(str::trim) else { return Ok(None) };
        let digits = !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit());
        let number = digits.then(|| text.parse().ok()).flatten();
        number.map(Some).ok_or_else(|| ShapeError::Value {
            what: attribute.to_owned(),
            expected: "a number below 65536",
        })
    }

    /// Whether `xsi:nil` says that this element has no value.
    pub(crate) fn is_nil(self) -> bool {
        matches!(self.attribute_ns(ns::XSI, "nil"), Some("true" | "1"))
    }
}

impl<'d> Children<'d> {
    /// The next child, where it is this one.
    pub fn optional(&mut self, namespace: &str, local: &str) -> Option<Element<'d>> {
        self.rest.next_if(|element| element.is(namespace, local))
    }

    /// The next child, which must be this one.
    pub fn required(
        &mut self,
        namespace: &str,
        local: &'static str,
    ) -> Result<Element<'d>, ShapeError> {
        match self.optional(namespace, local) {
            Some(element) => Ok(element),
            None => match self.rest.peek().copied() {
                Some(found) => Err(self.unexpected(found)),
                None => Err(ShapeError::Missing { parent: self.parent.name(), missing: local }),
            },
        }
    }

    /// All next children that are this one.
    pub fn many(&mut self, namespace: &str, local: &str) -> Vec<Element<'d>> {
        std::iter::from_fn(|| self.optional(namespace, local)).collect()
    }

    /// The next child, whatever it is.
    pub fn any(&mut self) -> Option<Element<'d>> {
        self.rest.next()
    }

    /// Passes over children of foreign namespaces, as extension points allow them.
    pub fn skip_foreign(&mut self, own: &str) {
        while self.rest.next_if(|element| element.namespace() != own).is_some() {}
    }

    /// No child is left.
    pub fn end(mut self) -> Result<(), ShapeError> {
        match self.rest.next() {
            None => Ok(()),
            Some(found) => Err(self.unexpected(found)),
        }
    }

    /// The error that `found` makes here.
    #[must_use]
    pub fn unexpected(&self, found: Element<'_>) -> ShapeError {
        ShapeError::Unexpected { parent: self.parent.name(), found: found.name() }
    }
}
