//! Writing assertions.

use std::time::SystemTime;

use super::{Attribute, AuthnStatement, BEARER};
use crate::instant;
use crate::name_id::NameId;
use crate::signature::Draft;
use crate::xml::vocabulary::SAML;
use crate::xml::{UnwritableText, Writer};

/// An assertion about to be issued to a bearer.
pub(crate) struct Issued<'a> {
    pub id: &'a str,
    pub now: SystemTime,
    pub issuer: &'a str,
    /// `NameID` as it will stand, or `EncryptedID`, or nothing.
    pub subject: Subject<'a>,
    pub not_before: SystemTime,
    pub not_on_or_after: SystemTime,
    pub recipient: &'a str,
    pub in_response_to: Option<&'a str>,
    pub audience: &'a str,
    pub authn: &'a AuthnStatement,
    pub attributes: &'a [Attribute],
}

pub(crate) enum Subject<'a> {
    Name(&'a NameId),
    Encrypted(&'a str),
    Unnamed,
}

impl Issued<'_> {
    pub fn draft(&self) -> Result<Draft, UnwritableText> {
        let mut writer = Writer::new();
        writer
            .open(SAML, "Assertion")
            .attribute("ID", self.id)
            .attribute("Version", "2.0")
            .attribute("IssueInstant", &instant::format(self.now))
            .leaf(SAML, "Issuer", self.issuer);
        let signature_at = writer.position();
        self.write_subject(&mut writer);
        writer
            .open(SAML, "Conditions")
            .attribute("NotBefore", &instant::format(self.not_before))
            .attribute("NotOnOrAfter", &instant::format(self.not_on_or_after))
            .open(SAML, "AudienceRestriction")
            .leaf(SAML, "Audience", self.audience)
            .close()
            .close();
        self.write_authn_statement(&mut writer);
        self.write_attributes(&mut writer);
        Ok(Draft { xml: writer.finish()?, id: self.id.to_owned(), signature_at })
    }

    fn write_subject(&self, writer: &mut Writer) {
        writer.open(SAML, "Subject");
        match self.subject {
            Subject::Name(name) => name.write(writer),
            Subject::Encrypted(element) => {
                writer.open(SAML, "EncryptedID").insert(element).close();
            }
            Subject::Unnamed => {}
        }
        writer.open(SAML, "SubjectConfirmation").attribute("Method", BEARER);
        writer
            .open(SAML, "SubjectConfirmationData")
            .attribute("NotOnOrAfter", &instant::format(self.not_on_or_after))
            .attribute("Recipient", self.recipient)
            .attribute_if("InResponseTo", self.in_response_to)
            .close();
        writer.close().close();
    }

    fn write_authn_statement(&self, writer: &mut Writer) {
        let AuthnStatement { authn_instant, session_index, session_not_on_or_after, class } =
            self.authn;
        let ends = session_not_on_or_after.map(instant::format);
        writer
            .open(SAML, "AuthnStatement")
            .attribute("AuthnInstant", &instant::format(*authn_instant))
            .attribute_if("SessionIndex", session_index.as_deref())
            .attribute_if("SessionNotOnOrAfter", ends.as_deref());
        let class = class.as_deref().unwrap_or(super::authn_context::UNSPECIFIED);
        writer.open(SAML, "AuthnContext").leaf(SAML, "AuthnContextClassRef", class);
        writer.close().close();
    }

    fn write_attributes(&self, writer: &mut Writer) {
        if self.attributes.is_empty() {
            return; // The schema wants one at least.
        }
        writer.open(SAML, "AttributeStatement");
        for attribute in self.attributes {
            writer
                .open(SAML, "Attribute")
                .attribute("Name", &attribute.name)
                .attribute_if("NameFormat", attribute.name_format.as_deref())
                .attribute_if("FriendlyName", attribute.friendly_name.as_deref());
            for value in &attribute.values {
                writer.leaf(SAML, "AttributeValue", value);
            }
            writer.close();
        }
        writer.close();
    }
}
