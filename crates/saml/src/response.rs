//! `Response` and `Status` (SAML core §3.2.2, §3.3.3).

use crate::message::{Header, MessageError, Outgoing};
use crate::signature::Draft;
use crate::xml::vocabulary::SAMLP;
use crate::xml::{Element, ShapeError, UnwritableText, Writer, ns};

/// How a request fared.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Status {
    /// Whose fault, or success.
    pub code: String,
    /// What exactly.
    pub subcode: Option<String>,
    /// For people who read logs.
    pub message: Option<String>,
}

impl Status {
    /// All went well.
    pub const SUCCESS: &'static str = "urn:oasis:names:tc:SAML:2.0:status:Success";
    /// The request is at fault.
    pub const REQUESTER: &'static str = "urn:oasis:names:tc:SAML:2.0:status:Requester";
    /// Whoever answers is at fault.
    pub const RESPONDER: &'static str = "urn:oasis:names:tc:SAML:2.0:status:Responder";
    /// The person could not be authenticated.
    pub const AUTHN_FAILED: &'static str = "urn:oasis:names:tc:SAML:2.0:status:AuthnFailed";
    /// It could not be done without showing the person something.
    pub const NO_PASSIVE: &'static str = "urn:oasis:names:tc:SAML:2.0:status:NoPassive";
    /// The kind of authentication asked for is not to be had.
    pub const NO_AUTHN_CONTEXT: &'static str = "urn:oasis:names:tc:SAML:2.0:status:NoAuthnContext";
    /// The kind of name asked for is not to be had.
    pub const INVALID_NAME_ID_POLICY: &'static str =
        "urn:oasis:names:tc:SAML:2.0:status:InvalidNameIDPolicy";
    /// It will not be done.
    pub const REQUEST_DENIED: &'static str = "urn:oasis:names:tc:SAML:2.0:status:RequestDenied";
    /// The answer cannot go over the binding asked for.
    pub const UNSUPPORTED_BINDING: &'static str =
        "urn:oasis:names:tc:SAML:2.0:status:UnsupportedBinding";
    /// Nobody of that name is known.
    pub const UNKNOWN_PRINCIPAL: &'static str =
        "urn:oasis:names:tc:SAML:2.0:status:UnknownPrincipal";
    /// Some sessions could not be ended.
    pub const PARTIAL_LOGOUT: &'static str = "urn:oasis:names:tc:SAML:2.0:status:PartialLogout";

    /// Success.
    #[must_use]
    pub fn success() -> Self {
        Self { code: Self::SUCCESS.to_owned(), subcode: None, message: None }
    }

    /// Another outcome.
    #[must_use]
    pub fn failure(code: &str, subcode: &str) -> Self {
        Self { code: code.to_owned(), subcode: Some(subcode.to_owned()), message: None }
    }

    /// The same, with a sentence for people who read logs.
    #[must_use]
    pub fn with_message(self, message: &str) -> Self {
        Self { message: Some(message.to_owned()), ..self }
    }

    /// Whether all went well.
    #[must_use]
    pub fn is_success(&self) -> bool {
        self.code == Self::SUCCESS
    }

    pub(crate) fn read(element: Element<'_>) -> Result<Self, ShapeError> {
        let mut children = element.children()?;
        let code = children.required(ns::SAMLP, "StatusCode")?;
        let message = children.optional(ns::SAMLP, "StatusMessage");
        children.optional(ns::SAMLP, "StatusDetail");
        children.end()?;
        // Codes nest as deep as they like; the first two are all that the standard gives meaning.
        let mut inner = code.children()?;
        let subcode = inner.optional(ns::SAMLP, "StatusCode");
        inner.end()?;
        Ok(Self {
            code: code.required("Value")?.to_owned(),
            subcode: subcode.map(|c| c.required("Value")).transpose()?.map(str::to_owned),
            message: message.map(Element::text).transpose()?.map(str::to_owned),
        })
    }

    pub(crate) fn write(&self, writer: &mut Writer) {
        writer.open(SAMLP, "Status").open(SAMLP, "StatusCode").attribute("Value", &self.code);
        if let Some(subcode) = &self.subcode {
            writer.open(SAMLP, "StatusCode").attribute("Value", subcode).close();
        }
        writer.close();
        if let Some(message) = &self.message {
            writer.leaf(SAMLP, "StatusMessage", message);
        }
        writer.close();
    }
}

impl std::fmt::Display for Status {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let last = |uri: &str| uri.rsplit(':').next().unwrap_or_default().to_owned();
        f.write_str(&last(&self.code))?;
        if let Some(subcode) = &self.subcode {
            write!(f, "/{}", last(subcode))?;
        }
        match &self.message {
            Some(message) => write!(f, " ({message})"),
            None => Ok(()),
        }
    }
}

/// A response as it was read; its assertions are still elements.
pub(crate) struct Response<'d> {
    pub header: Header,
    pub status: Status,
    pub assertions: Vec<Element<'d>>,
    pub encrypted: Vec<Element<'d>>,
}

impl<'d> Response<'d> {
    pub fn read(element: Element<'d>) -> Result<Self, MessageError> {
        let (header, mut children) = Header::read(element, "Response")?;
        let status = Status::read(children.required(ns::SAMLP, "Status")?)?;
        let (mut assertions, mut encrypted) = (Vec::new(), Vec::new());
        while let Some(child) = children.any() {
            match (child.namespace(), child.local_name()) {
                (ns::SAML, "Assertion") => assertions.push(child),
                (ns::SAML, "EncryptedAssertion") => encrypted.push(child),
                _ => return Err(children.unexpected(child).into()),
            }
        }
        Ok(Self { header, status, assertions, encrypted })
    }
}

/// A response with `content`, an assertion or encrypted assertion in canonical form.
pub(crate) fn draft(
    outgoing: &Outgoing<'_>,
    status: &Status,
    content: Option<&str>,
) -> Result<Draft, UnwritableText> {
    let mut writer = Writer::new();
    outgoing.write(&mut writer, "Response");
    let signature_at = writer.position();
    status.write(&mut writer);
    if let Some(content) = content {
        writer.insert(content);
    }
    Ok(Draft { xml: writer.finish()?, id: outgoing.id.to_owned(), signature_at })
}
