//! A save that locks out its author is refused unless it is forced.
//!
//! The author is who `X-Lintel-Author` names by address, or the operator where the token is the
//! user's own. What counts is their last sign-in: who came in by what was saved before, and would
//! not by what is saved now, hears so first. `?force=true` saves all the same.

use std::convert::Infallible;

use access::policy::{Circumstances, Subject};
use axum::extract::FromRequestParts;
use edge_state::Key;
use edge_state::access::{ApplicationRecord, Identity};
use http::request::Parts;

use super::bench::Bench;
use super::person::{by_email, circumstances, last_identity};
use crate::api::ApiError;
use crate::api::access::object::Context;
use crate::api::access::publish;
use crate::api::auth::Caller;

/// What a request says about who saves.
#[derive(Clone, Debug, Default)]
pub struct Save {
    author: Option<String>,
    forced: bool,
}

/// What the author may open before a save.
#[derive(Debug, Default)]
pub struct Held {
    author: Option<Identity>,
    before: Vec<ApplicationRecord>,
}

impl<S: Sync> FromRequestParts<S> for Save {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Infallible> {
        let author = parts.headers.get(AUTHOR).and_then(|value| value.to_str().ok());
        let query = parts.uri.query().unwrap_or_default();
        let forced = url::form_urlencoded::parse(query.as_bytes())
            .any(|(name, value)| name == "force" && value == "true");
        Ok(Self { author: author.map(str::to_owned), forced })
    }
}

impl Save {
    /// Looks, before anything is written, what the author may open of these applications.
    pub async fn held(
        &self,
        cx: &mut Context<'_>,
        caller: &Caller,
        applications: &[String],
    ) -> Result<Held, ApiError> {
        if self.forced {
            return Ok(Held::default());
        }
        let operator = || cx.app.config.operator_email().filter(|_| caller.account_id.is_none());
        let Some(email) = self.author.as_deref().or_else(operator).map(str::to_owned) else {
            return Ok(Held::default());
        };
        let author = by_email(cx, &email).await?.filter(|user| user.enabled);
        let Some(author) = author.as_ref().and_then(last_identity) else {
            return Ok(Held::default());
        };
        let mut before = Vec::new();
        for id in applications {
            before.extend(publish::known(cx, &Key::Application(id.clone())).await?);
        }
        Ok(Held { author: Some(author), before })
    }
}

impl Held {
    /// Refuses if the author may not open any more what they could; the caller then drops the
    /// transaction. Asked after everything was published in it.
    pub async fn check(self, cx: &mut Context<'_>) -> Result<(), ApiError> {
        let Self { author: Some(author), before } = self else { return Ok(()) };
        if before.is_empty() {
            return Ok(());
        }
        let mut bench = Bench::of(cx).await?;
        for before in &before {
            let key = Key::Application(before.id.clone());
            let after: Option<ApplicationRecord> = publish::known(cx, &key).await?;
            // Deleted: nobody is locked out of what is not there.
            let Some(after) = after else { continue };
            if let Some(why) = loss(cx, &mut bench, &author, before, &after).await? {
                let message = format!(
                    "access.api.error.lockout: this would keep {} out of {:?}, who may open it now: \
                     {why}. Send it again with ?force=true if that is meant.",
                    author.email, after.name
                );
                return Err(ApiError::Conflict(message));
            }
        }
        Ok(())
    }
}

/// Why the author loses an application, if they do.
async fn loss(
    cx: &mut Context<'_>,
    bench: &mut Bench,
    author: &Identity,
    before: &ApplicationRecord,
    after: &ApplicationRecord,
) -> Result<Option<String>, ApiError> {
    let subject = Subject { identity: Some(author), ..Subject::default() };
    let circumstances: Circumstances<'_> = circumstances(author);
    let allowed = |record: &ApplicationRecord| {
        record.enabled
            && (record.allowed_idps.is_empty() || record.allowed_idps.contains(&author.idp.id))
    };
    if !allowed(before) {
        return Ok(None);
    }
    if allowed(after) {
        let verdict = bench
            .ask(cx, |known, here, organization| {
                let (saved, draft) = (&before.policies, &after.policies);
                access::draft::lockout(
                    saved,
                    draft,
                    &subject,
                    &circumstances,
                    known,
                    here,
                    organization,
                )
            })
            .await?;
        return Ok(verdict.map(|verdict| verdict.reason()));
    }
    let saved = bench
        .ask(cx, |known, here, organization| {
            access::draft::check(
                &before.policies,
                &subject,
                &circumstances,
                known,
                here,
                organization,
            )
        })
        .await?;
    let why = if after.enabled { "their provider is not allowed" } else { "it is switched off" };
    Ok(saved.outcome.admits().then(|| why.to_owned()))
}

const AUTHOR: &str = "x-lintel-author";
