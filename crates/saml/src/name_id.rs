//! `NameID`, `Issuer` and their formats (SAML core §2.2, §8.3).

use crate::xml::vocabulary::SAML;
use crate::xml::{Element, ShapeError, Writer};

/// Formats of a [`NameId`].
pub mod format {
    /// Nobody says what it is.
    pub const UNSPECIFIED: &str = "urn:oasis:names:tc:SAML:1.1:nameid-format:unspecified";
    /// An e-mail address.
    pub const EMAIL: &str = "urn:oasis:names:tc:SAML:1.1:nameid-format:emailAddress";
    /// Opaque, and the same for ever between two parties.
    pub const PERSISTENT: &str = "urn:oasis:names:tc:SAML:2.0:nameid-format:persistent";
    /// Opaque, and another one each time.
    pub const TRANSIENT: &str = "urn:oasis:names:tc:SAML:2.0:nameid-format:transient";
    /// An entity ID, as issuers have it.
    pub const ENTITY: &str = "urn:oasis:names:tc:SAML:2.0:nameid-format:entity";
    /// In a `NameIDPolicy`: whatever format, but encrypted.
    pub const ENCRYPTED: &str = "urn:oasis:names:tc:SAML:2.0:nameid-format:encrypted";
}

/// Whom an assertion is about.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct NameId {
    /// As it stands in the message, white space included.
    pub value: String,
    /// One of [`mod@format`], or a URI of the parties' own.
    pub format: Option<String>,
    /// Who gave the name.
    pub name_qualifier: Option<String>,
    /// For whom.
    pub sp_name_qualifier: Option<String>,
    /// What the service provider calls the same person.
    pub sp_provided_id: Option<String>,
}

impl NameId {
    /// A name of this format.
    pub fn new(value: impl Into<String>, format: &str) -> Self {
        Self { value: value.into(), format: Some(format.to_owned()), ..Self::default() }
    }

    pub(crate) fn read(element: Element<'_>) -> Result<Self, ShapeError> {
        let attribute = |name| element.attribute(name).map(str::to_owned);
        let value = element.text()?.to_owned();
        if value.trim().is_empty() {
            return Err(ShapeError::Value {
                what: element.local_name().to_owned(),
                expected: "a name",
            });
        }
        Ok(Self {
            value,
            format: attribute("Format"),
            name_qualifier: attribute("NameQualifier"),
            sp_name_qualifier: attribute("SPNameQualifier"),
            sp_provided_id: attribute("SPProvidedID"),
        })
    }

    pub(crate) fn write(&self, writer: &mut Writer) {
        writer
            .open(SAML, "NameID")
            .attribute_if("NameQualifier", self.name_qualifier.as_deref())
            .attribute_if("SPNameQualifier", self.sp_name_qualifier.as_deref())
            .attribute_if("Format", self.format.as_deref())
            .attribute_if("SPProvidedID", self.sp_provided_id.as_deref())
            .text(&self.value)
            .close();
    }
}

/// Reads an `Issuer`, whose value is an entity ID and nothing else (SAML profiles §4.1.4.2).
pub(crate) fn read_issuer(element: Element<'_>) -> Result<String, ShapeError> {
    let name = NameId::read(element)?;
    match name.format.as_deref() {
        None | Some(format::ENTITY | format::UNSPECIFIED) => Ok(name.value.trim().to_owned()),
        Some(_) => Err(ShapeError::Value { what: "Issuer".to_owned(), expected: "an entity ID" }),
    }
}
