//! Every route of Access.

use utoipa_axum::router::OpenApiRouter;

use super::certificates::{self, Certificate};
use super::custom_pages::CustomPage;
use super::describe::Described;
use super::groups::Group;
use super::identity_providers::{self, IdentityProvider};
use super::lists::{self, List};
use super::service_tokens::{self, ServiceToken};
use super::tags::Tag;
use super::{
    applications, keys, login_log, metadata_polling, object, organizations, policies, policy_tests,
    posture, risk, seats, user_sessions, users,
};
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
    all.extend(policy_tests::routes());
    all.extend(certificates::routes());
    all.extend(object::routes::<Certificate>());
    all.extend(object::routes::<CustomPage>());
    all.extend(object::routes::<List>());
    all.extend(lists::routes());
    all.extend(posture::routes());
    all.extend(risk::routes());
    all.extend(organizations::routes());
    all.extend(keys::routes());
    all.extend(object::routes::<IdentityProvider>());
    all.extend(identity_providers::routes());
    all.extend(object::routes::<ServiceToken>());
    all.extend(service_tokens::routes());
    all.extend(metadata_polling::routes());
    all.into_iter().fold(OpenApiRouter::new(), |router, route| router.routes(route.into()))
}
