//! `AuthnRequest` (SAML core §3.4.1): what a service provider asks for.

use std::time::SystemTime;

use crate::binding::HTTP_POST;
use crate::message::{Header, MessageError, Outgoing};
use crate::name_id::NameId;
use crate::signature::Draft;
use crate::xml::vocabulary::{SAML, SAMLP};
use crate::xml::{Children, Element, ShapeError, UnwritableText, Writer, ns};

/// A request to authenticate somebody.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct AuthnRequest {
    /// Goes back as `InResponseTo`, and is good once.
    pub id: String,
    /// When it was made.
    pub issue_instant: SystemTime,
    /// Who asks.
    pub issuer: String,
    /// Whom it asks, where the message says so.
    pub destination: Option<String>,
    /// Where the answer is to go.
    pub assertion_consumer_service: ConsumerService,
    /// Over which binding the answer is to go.
    pub protocol_binding: Option<String>,
    /// Which of its attribute sets the service provider wants.
    pub attribute_consuming_service_index: Option<u16>,
    /// Authenticate anew, whatever session there is.
    pub force_authn: bool,
    /// Show the person nothing.
    pub is_passive: bool,
    /// Whom to authenticate, where the service provider already knows.
    pub subject: Option<NameId>,
    /// What kind of name it wants.
    pub name_id_policy: Option<NameIdPolicy>,
    /// How the person is to authenticate.
    pub requested_authn_context: Option<RequestedAuthnContext>,
}

/// How a request names the endpoint that its answer goes to.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub enum ConsumerService {
    /// It does not: the default one.
    #[default]
    Default,
    /// By its number in the metadata.
    Index(u16),
    /// By its address.
    Location(String),
}

/// `NameIDPolicy`.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct NameIdPolicy {
    /// The format, or nothing in particular.
    pub format: Option<String>,
    /// In whose namespace.
    pub sp_name_qualifier: Option<String>,
    /// Whether a name may be made for a person who has none yet.
    pub allow_create: bool,
}

/// `RequestedAuthnContext`.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct RequestedAuthnContext {
    /// How what was done is to compare with what is asked.
    pub comparison: Comparison,
    /// Classes, or declarations, by their URIs; in the order of preference.
    pub classes: Vec<String>,
}

/// `AuthnContextComparisonType`.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub enum Comparison {
    /// One of these.
    #[default]
    Exact,
    /// At least as strong as one of these.
    Minimum,
    /// As strong as possible, but not stronger than one of these.
    Maximum,
    /// Stronger than any of these.
    Better,
}

impl RequestedAuthnContext {
    /// Whether an authentication of class `done` will do. `strength` lists classes from weak to
    /// strong; one that is not in it compares with itself alone.
    #[must_use]
    pub fn is_met_by(&self, done: &str, strength: &[&str]) -> bool {
        let rank = |class: &str| strength.iter().position(|known| *known == class);
        let compares = |test: fn(usize, usize) -> bool| {
            move |class: &String| match (rank(done), rank(class)) {
                (Some(done), Some(asked)) => test(done, asked),
                _ => false,
            }
        };
        let same = self.classes.iter().any(|class| class == done);
        match self.comparison {
            Comparison::Exact => same,
            Comparison::Minimum => same || self.classes.iter().any(compares(|d, a| d >= a)),
            Comparison::Maximum => same || self.classes.iter().any(compares(|d, a| d <= a)),
            Comparison::Better => self.classes.iter().all(compares(|d, a| d > a)),
        }
    }
}

impl AuthnRequest {
    pub(crate) fn read(element: Element<'_>) -> Result<Self, MessageError> {
        let (header, mut children) = Header::read(element, "AuthnRequest")?;
        let issuer = header.issuer.ok_or_else(|| ShapeError::Missing {
            parent: "AuthnRequest".to_owned(),
            missing: "Issuer",
        })?;
        let subject = children.optional(ns::SAML, "Subject").map(read_subject).transpose()?;
        let policy = children.optional(ns::SAMLP, "NameIDPolicy");
        let name_id_policy = policy.map(read_name_id_policy).transpose()?;
        children.optional(ns::SAML, "Conditions");
        let context = children.optional(ns::SAMLP, "RequestedAuthnContext");
        let requested_authn_context = context.map(read_context).transpose()?;
        children.optional(ns::SAMLP, "Scoping");
        children.end()?;

        let location = element.attribute("AssertionConsumerServiceURL");
        let index = element.index("AssertionConsumerServiceIndex")?;
        let protocol_binding = element.attribute("ProtocolBinding").map(str::to_owned);
        let assertion_consumer_service = match (location, index) {
            (None, None) => ConsumerService::Default,
            (Some(location), None) => ConsumerService::Location(location.to_owned()),
            // §3.4.1: the index excludes the two others.
            (None, Some(index)) if protocol_binding.is_none() => ConsumerService::Index(index),
            _ => {
                return Err(ShapeError::Value {
                    what: "AssertionConsumerServiceIndex".to_owned(),
                    expected: "the only way to name the endpoint",
                }
                .into());
            }
        };
        Ok(Self {
            id: header.id,
            issue_instant: header.issue_instant,
            issuer,
            destination: header.destination,
            assertion_consumer_service,
            protocol_binding,
            attribute_consuming_service_index: element.index("AttributeConsumingServiceIndex")?,
            force_authn: element.boolean("ForceAuthn")?.unwrap_or_default(),
            is_passive: element.boolean("IsPassive")?.unwrap_or_default(),
            subject: subject.flatten(),
            name_id_policy,
            requested_authn_context,
        })
    }

    /// The message, for an identity provider's endpoint at `destination`.
    pub(crate) fn draft(&self, destination: &str) -> Result<Draft, UnwritableText> {
        let mut writer = Writer::new();
        writer.open(SAMLP, "AuthnRequest");
        match &self.assertion_consumer_service {
            ConsumerService::Default => {}
            ConsumerService::Index(index) => {
                writer.attribute("AssertionConsumerServiceIndex", &index.to_string());
            }
            ConsumerService::Location(location) => {
                writer.attribute("AssertionConsumerServiceURL", location);
                writer.attribute(
                    "ProtocolBinding",
                    self.protocol_binding.as_deref().unwrap_or(HTTP_POST),
                );
            }
        }
        let index = self.attribute_consuming_service_index.map(|index| index.to_string());
        writer.attribute_if("AttributeConsumingServiceIndex", index.as_deref());
        writer.attribute_if("ForceAuthn", self.force_authn.then_some("true"));
        writer.attribute_if("IsPassive", self.is_passive.then_some("true"));
        Outgoing {
            id: &self.id,
            now: self.issue_instant,
            destination,
            in_response_to: None,
            issuer: &self.issuer,
        }
        .write_attributes(&mut writer);
        let signature_at = writer.position();
        if let Some(subject) = &self.subject {
            writer.open(SAML, "Subject");
            subject.write(&mut writer);
            writer.close();
        }
        if let Some(policy) = &self.name_id_policy {
            writer
                .open(SAMLP, "NameIDPolicy")
                .attribute_if("Format", policy.format.as_deref())
                .attribute_if("SPNameQualifier", policy.sp_name_qualifier.as_deref())
                .attribute("AllowCreate", if policy.allow_create { "true" } else { "false" })
                .close();
        }
        if let Some(context) = &self.requested_authn_context {
            writer
                .open(SAMLP, "RequestedAuthnContext")
                .attribute("Comparison", context.comparison.name());
            for class in &context.classes {
                writer.leaf(SAML, "AuthnContextClassRef", class);
            }
            writer.close();
        }
        Ok(Draft { xml: writer.finish()?, id: self.id.clone(), signature_at })
    }
}

impl Comparison {
    const ALL: [Self; 4] = [Self::Exact, Self::Minimum, Self::Maximum, Self::Better];

    fn name(self) -> &'static str {
        match self {
            Self::Exact => "exact",
            Self::Minimum => "minimum",
            Self::Maximum => "maximum",
            Self::Better => "better",
        }
    }
}

/// The name in it; an encrypted one tells an identity provider nothing that it could use.
fn read_subject(element: Element<'_>) -> Result<Option<NameId>, ShapeError> {
    let mut children = element.children()?;
    let name = children.optional(ns::SAML, "NameID").map(NameId::read).transpose()?;
    if name.is_none() {
        children.optional(ns::SAML, "EncryptedID");
    }
    children.many(ns::SAML, "SubjectConfirmation");
    children.end()?;
    Ok(name)
}

fn read_name_id_policy(element: Element<'_>) -> Result<NameIdPolicy, ShapeError> {
    element.children()?.end()?;
    Ok(NameIdPolicy {
        format: element.attribute("Format").map(str::to_owned),
        sp_name_qualifier: element.attribute("SPNameQualifier").map(str::to_owned),
        allow_create: element.boolean("AllowCreate")?.unwrap_or_default(),
    })
}

fn read_context(element: Element<'_>) -> Result<RequestedAuthnContext, ShapeError> {
    let comparison = match element.attribute("Comparison") {
        None => Comparison::Exact,
        Some(name) => Comparison::ALL.into_iter().find(|c| c.name() == name).ok_or_else(|| {
            ShapeError::Value { what: "Comparison".to_owned(), expected: "one of the four" }
        })?,
    };
    let mut children: Children<'_> = element.children()?;
    let mut found = children.many(ns::SAML, "AuthnContextClassRef");
    if found.is_empty() {
        found = children.many(ns::SAML, "AuthnContextDeclRef");
    }
    children.end()?;
    let classes: Result<Vec<_>, _> =
        found.into_iter().map(|class| class.trimmed().map(str::to_owned)).collect();
    let classes = classes?;
    if classes.is_empty() {
        let parent = "RequestedAuthnContext".to_owned();
        return Err(ShapeError::Missing { parent, missing: "AuthnContextClassRef" });
    }
    Ok(RequestedAuthnContext { comparison, classes })
}
