//! Every route of Access.

use utoipa_axum::router::OpenApiRouter;

use super::describe::Described;
use super::groups::Group;
use super::tags::Tag;
use super::{applications, login_log, object, policies, seats, user_sessions, users};
use crate::api::App;

/// All of them; `router.rs` merges this.
#[must_use]
pub fn routes() -> OpenApiRouter<App> {
    let mut all: Vec<Described> = Vec::new();
    all.extend(object::routes::<Group>());
    all.extend(object::routes::<Tag>());
    all.extend(users::routes());
    all.extend(user_sessions::routes());
    all.extend(seats::routes());
    all.extend(login_log::routes());
    all.extend(applications::routes());
    all.extend(policies::routes());
    all.into_iter().fold(OpenApiRouter::new(), |router, route| router.routes(route.into()))
}
