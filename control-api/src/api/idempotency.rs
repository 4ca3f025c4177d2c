//! `Idempotency-Key`: a POST that is sent again, because its answer was lost or because many tries
//! run at once, has one effect, and every try gets the first answer, byte for byte.
//!
//! The claim of the key, the effect and the answer are one transaction. A second try waits at the
//! claim until the first one has ended; a kill in between leaves neither effect nor claim.

use axum::extract::{FromRequest, Request};
use axum::response::Response;
use edge_state::seal::Sealed;
use http::{HeaderMap, HeaderName, HeaderValue, StatusCode};
use serde::Serialize;
use sha2::{Digest as _, Sha256};

use super::App;
use super::auth::Caller;
use super::envelope::{self, Envelope};
use super::error::{self, ApiError, code};
use super::json::{self, Body};
use crate::store::idempotency::AnswerRow;
use crate::store::{Tx, idempotency};
use crate::vault::Place;

/// The body of a POST, and the key under which its answer is kept, if the client gave one.
pub struct Post<T> {
    /// The body.
    pub body: T,
    /// The key.
    pub ticket: Option<Ticket>,
}

/// An `Idempotency-Key` and the request that it came with.
pub struct Ticket {
    key: String,
    request_hash: [u8; 32],
}

/// What to do with a POST.
pub enum Begun {
    /// Do it.
    First(Attempt),
    /// It was done: this was the answer.
    Again(Response),
}

/// One POST that is being worked on. Dropped, it changes nothing.
pub struct Attempt {
    /// For everything that the request changes.
    pub tx: Tx,
    claimed: Option<Claimed>,
}

struct Claimed {
    token_id: String,
    key: String,
}

impl<S, T> FromRequest<S> for Post<T>
where
    S: Send + Sync,
    T: Body,
{
    type Rejection = ApiError;

    async fn from_request(request: Request, state: &S) -> Result<Self, ApiError> {
        let key = key(request.headers())?;
        let mut hash = Sha256::new();
        hash.update(request.method().as_str());
        hash.update([0]);
        hash.update(request.uri().path());
        hash.update([0]);
        let bytes = json::bytes(request, state).await?;
        hash.update(&bytes);
        let body = json::parse(&bytes)?;
        let ticket = key.map(|key| Ticket { key, request_hash: hash.finalize().into() });
        Ok(Self { body, ticket })
    }
}

impl Attempt {
    /// Begins the one transaction of a POST.
    pub async fn begin(
        app: &App,
        caller: &Caller,
        ticket: Option<Ticket>,
    ) -> Result<Begun, ApiError> {
        let mut tx = app.db.begin().await?;
        let Some(Ticket { key, request_hash }) = ticket else {
            return Ok(Begun::First(Self { tx, claimed: None }));
        };
        let token_id = caller.token_id.clone();
        let now = app.clock.now_millis();
        if idempotency::claim(&mut tx, &token_id, &key, &request_hash, now).await? {
            return Ok(Begun::First(Self { tx, claimed: Some(Claimed { token_id, key }) }));
        }
        let first = idempotency::find(&mut tx, &token_id, &key).await?;
        // Forgotten between the two statements: the client tries again.
        let first = first.ok_or(ApiError::Unavailable)?;
        if first.request_hash != request_hash {
            return Err(ApiError::KeyReused);
        }
        repeat(app, &token_id, &key, &first).map(Begun::Again)
    }

    /// Commits the effect together with its answer.
    pub async fn finish<T: Serialize>(
        self,
        app: &App,
        answer: Envelope<T>,
    ) -> Result<Response, ApiError> {
        self.settle(app, answer.status(), &answer).await
    }

    /// Keeps a refusal that depends on what is stored, such as a duplicate, so that a repeat hears
    /// the same even if that has changed. Only before anything was written.
    pub async fn refuse(self, app: &App, error: ApiError) -> Result<Response, ApiError> {
        let (status, failure) = error.parts();
        self.settle(app, status, &failure).await
    }

    async fn settle(
        self,
        app: &App,
        status: StatusCode,
        body: &impl Serialize,
    ) -> Result<Response, ApiError> {
        let Self { mut tx, claimed } = self;
        let bytes = serde_json::to_vec(body).map_err(|error| {
            tracing::error!(%error, "an answer could not be written");
            ApiError::Internal
        })?;
        if let Some(Claimed { token_id, key }) = claimed {
            // The answer may hold a new token's value.
            let place = Place::IdempotentAnswer { token_id: token_id.clone(), key: key.clone() };
            let sealed = app.vault.seal(&place, &bytes).map_err(|error| {
                tracing::error!(%error, "an answer could not be sealed");
                ApiError::Internal
            })?;
            let status = i64::from(status.as_u16());
            idempotency::record(&mut tx, &token_id, &key, status, sealed.as_str()).await?;
        }
        app.commit(tx).await?;
        Ok(answer(status, bytes))
    }
}

fn repeat(app: &App, token_id: &str, key: &str, row: &AnswerRow) -> Result<Response, ApiError> {
    let status = row.status.and_then(|status| u16::try_from(status).ok());
    let status = status.and_then(|status| StatusCode::from_u16(status).ok());
    let (Some(status), Some(sealed)) = (status, &row.body) else {
        return Err(ApiError::Unavailable);
    };
    let place = Place::IdempotentAnswer { token_id: token_id.to_owned(), key: key.to_owned() };
    let bytes = app.vault.open(&place, &Sealed::from_text(sealed.clone())).map_err(|error| {
        tracing::error!(%error, "a first answer does not open");
        ApiError::Internal
    })?;
    let mut response = answer(status, bytes.to_vec());
    response.headers_mut().insert(REPLAYED, HeaderValue::from_static("true"));
    Ok(response)
}

fn answer(status: StatusCode, bytes: Vec<u8>) -> Response {
    let mut response = envelope::raw_json(status, bytes);
    error::mark_retries(&mut response);
    response
}

fn key(headers: &HeaderMap) -> Result<Option<String>, ApiError> {
    let Some(value) = headers.get(IDEMPOTENCY_KEY) else { return Ok(None) };
    let key = value.to_str().unwrap_or_default();
    let fits = (1..=255).contains(&key.len()) && key.bytes().all(|b| (0x20..0x7f).contains(&b));
    if !fits {
        let message = "Idempotency-Key must be 1 to 255 printable ASCII characters, such as a UUID";
        return Err(ApiError::invalid(code::JSON, "Idempotency-Key", message));
    }
    Ok(Some(key.to_owned()))
}

const IDEMPOTENCY_KEY: HeaderName = HeaderName::from_static("idempotency-key");
const REPLAYED: HeaderName = HeaderName::from_static("idempotency-replayed");

/// How long first answers are kept.
pub const KEPT_MILLIS: i64 = 24 * 60 * 60 * 1000;
