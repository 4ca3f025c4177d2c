//! Who is tried: people, as they last signed in.

use access::policy::Circumstances;
use edge_state::access::Identity;

use crate::api::ApiError;
use crate::api::access::object::Context;
use crate::store::users::{self, UserRow};

/// Who somebody was when they last signed in.
#[must_use]
pub fn last_identity(user: &UserRow) -> Option<Identity> {
    let mut identity: Identity = serde_json::from_str(user.last_identity.as_deref()?).ok()?;
    identity.user_id.clone_from(&user.id);
    Some(identity)
}

/// Where they were then.
#[must_use]
pub fn circumstances(identity: &Identity) -> Circumstances<'_> {
    Circumstances {
        ip: identity.ip.as_deref().and_then(|ip| ip.parse().ok()),
        country: identity.country.as_deref(),
        certificate: None,
    }
}

/// The user of this address who signed in last.
pub async fn by_email(cx: &mut Context<'_>, email: &str) -> Result<Option<UserRow>, ApiError> {
    let filter = users::Filter { email: Some(email.to_lowercase()), ..users::Filter::default() };
    let found = users::list(cx.tx, cx.account_id, &filter, (50, 0)).await?;
    Ok(found.into_iter().max_by_key(|user| user.last_login_at))
}

/// In the description.
pub const TAG: &str = "access policy tests";
