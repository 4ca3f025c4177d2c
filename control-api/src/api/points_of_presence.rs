//! `/lintel/points_of_presence`: which edges there are and how far each has come. Lintel's own; the
//! contract knows nothing like it.

use axum::extract::{Path, State};
use serde::Serialize;
use utoipa::ToSchema;

use super::auth::Authenticated;
use super::envelope::Deleted;
use super::permission::{Area, Level, Target};
use super::{ApiError, App, Page};
use crate::clock::rfc3339;
use crate::store::changes;

/// A registered edge.
#[derive(Debug, Serialize, ToSchema)]
pub struct Point {
    /// From its own configuration.
    name: String,
    /// Where visitors' handshakes are tried.
    https_address: String,
    /// Where challenges are looked up.
    http_address: String,
    /// It has applied every change up to this one..
    sequence: i64,
    /// .. and lacks this many sequence numbers to the newest.
    behind: i64,
    /// RFC 3339.
    last_seen_on: String,
    /// RFC 3339.
    created_on: String,
}

/// All registered edges.
#[utoipa::path(
    get, path = "/client/v4/lintel/points_of_presence", tag = "operator",
    responses((status = 200, body = Page<Point>), (status = "4XX", body = super::envelope::Failure)),
)]
pub async fn list(
    State(app): State<App>,
    Authenticated(caller): Authenticated,
) -> Result<Page<Point>, ApiError> {
    caller.require(Some(Area::AccountSettings), Level::Read, Target::AllAccounts, "operation")?;
    let mut tx = app.db.read().await?;
    let newest = changes::newest(&mut tx).await?;
    let points = changes::points(&mut tx).await?;
    let show = |point: changes::RegisteredPoint| Point {
        name: point.name,
        https_address: point.https_address,
        http_address: point.http_address,
        sequence: point.sequence,
        behind: (newest - point.sequence).max(0),
        last_seen_on: rfc3339(point.last_seen_at),
        created_on: rfc3339(point.created_at),
    };
    Ok(Page::all(points.into_iter().map(show).collect()))
}

/// Takes an edge that is gone for good out of what must be seen before a certificate is active.
#[utoipa::path(
    delete, path = "/client/v4/lintel/points_of_presence/{name}", tag = "operator",
    params(("name" = String, Path)),
    responses((status = 200, body = Deleted), (status = "4XX", body = super::envelope::Failure)),
)]
pub async fn delete(
    State(app): State<App>,
    Authenticated(caller): Authenticated,
    Path(name): Path<String>,
) -> Result<Deleted, ApiError> {
    caller.require(Some(Area::AccountSettings), Level::Edit, Target::AllAccounts, "operation")?;
    let mut tx = app.db.begin().await?;
    if !changes::remove_point(&mut tx, &name).await? {
        return Err(ApiError::NotFound("point of presence"));
    }
    app.commit(tx).await?;
    Ok(Deleted::new(name))
}
