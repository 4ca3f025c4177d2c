//! What all protocol messages have in common (SAML core §3.2).

use std::time::{Duration, SystemTime};

use crate::instant;
use crate::name_id::read_issuer;
use crate::xml::vocabulary::{SAML, SAMLP};
use crate::xml::{Children, Element, ShapeError, Writer, is_ncname, ns};

/// Why an element is not the message that it should be.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
pub enum MessageError {
    /// Another message.
    #[error("this is {found}, not {expected}")]
    Other {
        /// The name of the message that is due.
        expected: &'static str,
        /// The name of the document element.
        found: String,
    },
    /// Not SAML 2.0.
    #[error("the message is of SAML version {0}, not 2.0")]
    Version(String),
    /// Not what the schema says.
    #[error(transparent)]
    Shape(#[from] ShapeError),
}

/// The attributes of every request and response.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) struct Header {
    pub id: String,
    pub issue_instant: SystemTime,
    pub destination: Option<String>,
    pub in_response_to: Option<String>,
    pub issuer: Option<String>,
}

/// What [`Header::write`] needs.
pub(crate) struct Outgoing<'a> {
    pub id: &'a str,
    pub now: SystemTime,
    pub destination: &'a str,
    pub in_response_to: Option<&'a str>,
    pub issuer: &'a str,
}

impl Header {
    /// Reads the attributes and children up to where one message differs from another.
    pub fn read<'d>(
        element: Element<'d>,
        expected: &'static str,
    ) -> Result<(Self, Children<'d>), MessageError> {
        if !element.is(ns::SAMLP, expected) {
            return Err(MessageError::Other { expected, found: element.local_name().to_owned() });
        }
        check_version(element)?;
        let id = read_id(element)?;
        let issue_instant = read_instant(element, "IssueInstant")?.ok_or_else(|| {
            ShapeError::NoAttribute { element: expected.to_owned(), attribute: "IssueInstant" }
        })?;
        let attribute = |name| element.attribute(name).map(str::to_owned);
        let mut children = element.children()?;
        let issuer = children.optional(ns::SAML, "Issuer").map(read_issuer).transpose()?;
        children.optional(ns::DS, "Signature");
        children.optional(ns::SAMLP, "Extensions");
        let destination = attribute("Destination");
        let in_response_to = attribute("InResponseTo");
        Ok((Self { id, issue_instant, destination, in_response_to, issuer }, children))
    }
}

impl Outgoing<'_> {
    /// Begins the message and writes its issuer.
    pub fn write(&self, writer: &mut Writer, name: &'static str) {
        writer.open(SAMLP, name);
        self.write_attributes(writer);
    }

    /// The attributes and the issuer of a message that was just begun.
    pub fn write_attributes(&self, writer: &mut Writer) {
        writer
            .attribute("ID", self.id)
            .attribute("Version", "2.0")
            .attribute("IssueInstant", &instant::format(self.now))
            .attribute("Destination", self.destination)
            .attribute_if("InResponseTo", self.in_response_to);
        writer.leaf(SAML, "Issuer", self.issuer);
    }
}

pub(crate) fn check_version(element: Element<'_>) -> Result<(), MessageError> {
    match element.required("Version")? {
        "2.0" => Ok(()),
        other => Err(MessageError::Version(other.to_owned())),
    }
}

/// The `ID`, which is an `xs:ID`.
pub(crate) fn read_id(element: Element<'_>) -> Result<String, ShapeError> {
    let id = element.required("ID")?;
    if is_ncname(id) && id.len() <= LONGEST_ID {
        Ok(id.to_owned())
    } else {
        Err(ShapeError::Value { what: "ID".to_owned(), expected: "a name of up to 256 bytes" })
    }
}

/// IDs are echoed and kept against replay.
const LONGEST_ID: usize = 256;

pub(crate) fn read_instant(
    element: Element<'_>,
    attribute: &'static str,
) -> Result<Option<SystemTime>, ShapeError> {
    let Some(text) = element.attribute(attribute) else { return Ok(None) };
    instant::parse(text).map(Some).ok_or_else(|| ShapeError::Value {
        what: attribute.to_owned(),
        expected: "an instant with time zone",
    })
}

/// Whether `instant` is neither in the future nor older than `age`, give or take `skew`.
pub(crate) fn is_recent(
    instant: SystemTime,
    now: SystemTime,
    age: Duration,
    skew: Duration,
) -> bool {
    match now.duration_since(instant) {
        Ok(passed) => passed <= age.saturating_add(skew),
        Err(ahead) => ahead.duration() <= skew,
    }
}
