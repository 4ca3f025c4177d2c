//! Issuing responses.

use std::time::SystemTime;

use super::{IdentityProvider, Target};
use crate::assertion::{Attribute, AuthnStatement, Issued, Subject};
use crate::binding::Kind;
use crate::binding::post::Form;
use crate::encryption::{EncryptError, Recipient, encrypt};
use crate::key::{Encrypter, Random, Signer, fresh_id};
use crate::message::Outgoing;
use crate::name_id::NameId;
use crate::response::{self, Status};
use crate::signature::{SignError, Signed};
use crate::xml::vocabulary::SAML;
use crate::xml::{UnwritableText, Writer};

/// What is issued about whom.
#[derive(Clone, Copy, Debug)]
pub struct Issue<'a> {
    /// The name of the person; nothing where attributes alone say who it is.
    pub name_id: Option<&'a NameId>,
    /// When and how the person authenticated.
    pub authn: &'a AuthnStatement,
    /// What else is said of them.
    pub attributes: &'a [Attribute],
    /// What is signed.
    pub signed: Signed,
    /// To whom the assertion is encrypted, if at all.
    pub encrypted_to: Option<&'a Recipient>,
    /// To whom the name alone is encrypted, if at all.
    pub name_encrypted_to: Option<&'a Recipient>,
}

/// Why nothing was issued.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
pub enum IssueError {
    /// Nothing was signed.
    #[error(transparent)]
    Sign(#[from] SignError),
    /// Nothing was encrypted.
    #[error(transparent)]
    Encrypt(#[from] EncryptError),
    /// A value that XML cannot hold.
    #[error(transparent)]
    Text(#[from] UnwritableText),
}

impl IdentityProvider {
    /// Issues a response that says who somebody is.
    pub async fn issue(
        &self,
        target: &Target,
        issue: &Issue<'_>,
        signer: &impl Signer,
        encrypter: &impl Encrypter,
        random: &mut impl Random,
        now: SystemTime,
    ) -> Result<Form, IssueError> {
        let encrypted_name = match (issue.name_id, issue.name_encrypted_to) {
            (Some(name), Some(recipient)) => {
                let mut writer = Writer::new();
                name.write(&mut writer);
                Some(encrypt(&writer.finish()?, recipient, encrypter, random).await?)
            }
            _ => None,
        };
        let subject = match (&encrypted_name, issue.name_id) {
            (Some(sealed), _) => Subject::Encrypted(sealed),
            (None, Some(name)) => Subject::Name(name),
            (None, None) => Subject::Unnamed,
        };
        let draft = Issued {
            id: &fresh_id(random),
            now,
            issuer: &self.entity_id,
            subject,
            not_before: now - self.clock_skew,
            not_on_or_after: now + self.assertion_lifetime,
            recipient: &target.location,
            in_response_to: target.in_response_to.as_deref(),
            audience: &target.audience,
            authn: issue.authn,
            attributes: issue.attributes,
        }
        .draft()?;
        let assertion = match issue.signed {
            Signed::Both | Signed::Assertion => draft.sign(signer).await?,
            Signed::Response => draft.xml,
        };
        let content = match issue.encrypted_to {
            Some(recipient) => {
                let data = encrypt(&assertion, recipient, encrypter, random).await?;
                let mut writer = Writer::new();
                writer.open(SAML, "EncryptedAssertion").insert(&data);
                writer.finish()?
            }
            None => assertion,
        };
        let draft =
            self.response(target, &Status::success(), Some(&content), &fresh_id(random), now)?;
        let xml = match issue.signed {
            Signed::Both | Signed::Response => draft.sign(signer).await?,
            Signed::Assertion => draft.xml,
        };
        Ok(Form::new(&target.location, Kind::Response, &xml, target.relay_state()))
    }

    /// The assertion that [`Self::issue`] would make, for people to read: neither signed nor
    /// encrypted, and over when it begins, so that nobody can present it.
    pub fn preview(
        &self,
        target: &Target,
        issue: &Issue<'_>,
        now: SystemTime,
    ) -> Result<String, UnwritableText> {
        let issued = Issued {
            id: "_preview",
            now,
            issuer: &self.entity_id,
            subject: issue.name_id.map_or(Subject::Unnamed, Subject::Name),
            not_before: now,
            not_on_or_after: now,
            recipient: &target.location,
            in_response_to: target.in_response_to.as_deref(),
            audience: &target.audience,
            authn: issue.authn,
            attributes: issue.attributes,
        };
        Ok(issued.draft()?.xml)
    }

    /// Answers a request with a status other than success, signed.
    pub async fn refuse(
        &self,
        target: &Target,
        status: &Status,
        signer: &impl Signer,
        random: &mut impl Random,
        now: SystemTime,
    ) -> Result<Form, SignError> {
        let draft = self.response(target, status, None, &fresh_id(random), now)?;
        let xml = draft.sign(signer).await?;
        Ok(Form::new(&target.location, Kind::Response, &xml, target.relay_state()))
    }

    fn response(
        &self,
        target: &Target,
        status: &Status,
        content: Option<&str>,
        id: &str,
        now: SystemTime,
    ) -> Result<crate::signature::Draft, UnwritableText> {
        let outgoing = Outgoing {
            id,
            now,
            destination: &target.location,
            in_response_to: target.in_response_to.as_deref(),
            issuer: &self.entity_id,
        };
        response::draft(&outgoing, status, content)
    }
}
