//! What the edge is told about Access. Everything here is written in the transaction of the change
//! itself, after all else: from the first record to the commit no one else can write one.

use edge_state::{Key, Record};

use super::object::Context;
use crate::api::ApiError;
use crate::store::changes;

/// Writes a record.
pub async fn put<R: Record + Sync>(cx: &mut Context<'_>, record: &R) -> Result<(), ApiError> {
    Ok(changes::put(cx.tx, &record.key(), Some(&record.encode()), cx.now).await?)
}

/// Takes a record off the edge.
pub async fn gone(cx: &mut Context<'_>, key: &Key) -> Result<(), ApiError> {
    Ok(changes::put(cx.tx, key, None, cx.now).await?)
}

/// The record as the edge has it, or will have it soon.
pub async fn known<R: Record>(cx: &mut Context<'_>, key: &Key) -> Result<Option<R>, ApiError> {
    let text = changes::value(cx.tx, key).await?;
    Ok(text.and_then(|text| R::decode(&text).ok()))
}
