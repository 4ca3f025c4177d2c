//! Reading assertions. What the schema allows and this library does not understand is refused where
//! passing over it could mean granting too much (an unknown condition), and passed over where it
//! could not (an authorisation decision).

use super::{Assertion, Attribute, AuthnStatement, Conditions, SubjectConfirmation};
use crate::message::{MessageError, check_version, read_id, read_instant};
use crate::name_id::{NameId, read_issuer};
use crate::xml::{Element, ShapeError, ns};

/// What reading an assertion leaves for the caller to decrypt.
pub(crate) struct Read<'d> {
    pub assertion: Assertion,
    pub encrypted_id: Option<Element<'d>>,
}

impl Assertion {
    pub(crate) fn read(element: Element<'_>) -> Result<Read<'_>, MessageError> {
        if !element.is(ns::SAML, "Assertion") {
            let found = element.local_name().to_owned();
            return Err(MessageError::Other { expected: "Assertion", found });
        }
        check_version(element)?;
        let id = read_id(element)?;
        let issue_instant = required_instant(element, "IssueInstant")?;
        let mut children = element.children()?;
        let issuer = read_issuer(children.required(ns::SAML, "Issuer")?)?;
        children.optional(ns::DS, "Signature");
        let subject = children.required(ns::SAML, "Subject")?;
        let (name_id, encrypted_id, confirmations) = read_subject(subject)?;
        let conditions = children.optional(ns::SAML, "Conditions");
        let conditions = conditions.map(read_conditions).transpose()?.unwrap_or_default();
        children.optional(ns::SAML, "Advice");
        let (mut authn_statements, mut attributes) = (Vec::new(), Vec::new());
        while let Some(statement) = children.any() {
            match (statement.namespace(), statement.local_name()) {
                (ns::SAML, "AuthnStatement") => {
                    authn_statements.push(read_authn_statement(statement)?);
                }
                (ns::SAML, "AttributeStatement") => {
                    attributes.append(&mut read_attributes(statement)?);
                }
                (ns::SAML, "AuthzDecisionStatement") => {}
                _ => return Err(children.unexpected(statement).into()),
            }
        }
        let assertion = Self {
            id,
            issue_instant,
            issuer,
            name_id,
            confirmations,
            conditions,
            authn_statements,
            attributes,
        };
        Ok(Read { assertion, encrypted_id })
    }
}

fn required_instant(
    element: Element<'_>,
    attribute: &'static str,
) -> Result<std::time::SystemTime, ShapeError> {
    read_instant(element, attribute)?.ok_or_else(|| ShapeError::NoAttribute {
        element: element.local_name().to_owned(),
        attribute,
    })
}

type Subject<'d> = (Option<NameId>, Option<Element<'d>>, Vec<SubjectConfirmation>);

fn read_subject(element: Element<'_>) -> Result<Subject<'_>, ShapeError> {
    let mut children = element.children()?;
    let name = children.optional(ns::SAML, "NameID").map(NameId::read).transpose()?;
    let encrypted = match name {
        Some(_) => None,
        None => children.optional(ns::SAML, "EncryptedID"),
    };
    let mut confirmations = Vec::new();
    for confirmation in children.many(ns::SAML, "SubjectConfirmation") {
        let mut inner = confirmation.children()?;
        // Who else may act for the subject: bearers are whoever they are.
        if inner.optional(ns::SAML, "NameID").is_none() {
            inner.optional(ns::SAML, "EncryptedID");
        }
        let data = inner.optional(ns::SAML, "SubjectConfirmationData");
        inner.end()?;
        let attribute = |name| data.and_then(|data| data.attribute(name)).map(str::to_owned);
        let instant = |name| match data {
            Some(data) => read_instant(data, name),
            None => Ok(None),
        };
        confirmations.push(SubjectConfirmation {
            method: confirmation.required("Method")?.to_owned(),
            not_before: instant("NotBefore")?,
            not_on_or_after: instant("NotOnOrAfter")?,
            recipient: attribute("Recipient"),
            in_response_to: attribute("InResponseTo"),
        });
    }
    children.end()?;
    Ok((name, encrypted, confirmations))
}

fn read_conditions(element: Element<'_>) -> Result<Conditions, ShapeError> {
    let mut conditions = Conditions {
        not_before: read_instant(element, "NotBefore")?,
        not_on_or_after: read_instant(element, "NotOnOrAfter")?,
        ..Conditions::default()
    };
    let mut children = element.children()?;
    while let Some(condition) = children.any() {
        match (condition.namespace(), condition.local_name()) {
            (ns::SAML, "AudienceRestriction") => {
                let mut inner = condition.children()?;
                let found = inner.many(ns::SAML, "Audience");
                inner.end()?;
                let audiences: Result<Vec<_>, _> =
                    found.into_iter().map(|a| a.trimmed().map(str::to_owned)).collect();
                conditions.audiences.push(audiences?);
            }
            (ns::SAML, "OneTimeUse") => conditions.one_time_use = true,
            // Binds those who pass assertions on, and we do not.
            (ns::SAML, "ProxyRestriction") => {}
            // §2.5.1: whoever does not understand a condition does not rely on the assertion.
            _ => return Err(children.unexpected(condition)),
        }
    }
    Ok(conditions)
}

fn read_authn_statement(element: Element<'_>) -> Result<AuthnStatement, ShapeError> {
    let mut children = element.children()?;
    children.optional(ns::SAML, "SubjectLocality");
    let context = children.required(ns::SAML, "AuthnContext")?;
    children.end()?;
    let mut context = context.children()?;
    let class = context.optional(ns::SAML, "AuthnContextClassRef");
    let class = class.map(Element::trimmed).transpose()?.map(str::to_owned);
    if context.optional(ns::SAML, "AuthnContextDecl").is_none() {
        context.optional(ns::SAML, "AuthnContextDeclRef");
    }
    context.many(ns::SAML, "AuthenticatingAuthority");
    context.end()?;
    Ok(AuthnStatement {
        authn_instant: required_instant(element, "AuthnInstant")?,
        session_index: element.attribute("SessionIndex").map(str::to_owned),
        session_not_on_or_after: read_instant(element, "SessionNotOnOrAfter")?,
        class,
    })
}

fn read_attributes(element: Element<'_>) -> Result<Vec<Attribute>, ShapeError> {
    let mut children = element.children()?;
    let mut attributes = Vec::new();
    while let Some(found) = children.any() {
        if !found.is(ns::SAML, "Attribute") {
            return Err(children.unexpected(found));
        }
        let attribute = |name| found.attribute(name).map(str::to_owned);
        let mut inner = found.children()?;
        let mut values = Vec::new();
        for value in inner.many(ns::SAML, "AttributeValue") {
            if !value.is_nil() {
                values.extend(read_value(value)?);
            }
        }
        inner.end()?;
        attributes.push(Attribute {
            name: found.required("Name")?.to_owned(),
            name_format: attribute("NameFormat"),
            friendly_name: attribute("FriendlyName"),
            values,
        });
    }
    Ok(attributes)
}

/// Text, or the text of a `NameID` in it, as `eduPersonTargetedID` is given. XML of another kind
/// has no text that would mean the same, and is left out.
fn read_value(value: Element<'_>) -> Result<Option<String>, ShapeError> {
    let mut elements = value.elements();
    match (elements.next(), elements.next()) {
        (None, _) => value.text().map(|text| Some(text.to_owned())),
        (Some(name), None) if name.is(ns::SAML, "NameID") => {
            value.children()?; // No text beside it.
            Ok(Some(NameId::read(name)?.value))
        }
        _ => Ok(None),
    }
}
