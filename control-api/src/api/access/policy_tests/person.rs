//! Who is tried: people, as they last signed in.

use access::policy::Circumstances;
use edge_state::access::Identity;
use serde_json::{Map, Value, json};

use crate::api::ApiError;
use crate::api::access::applications::check::invalid;
use crate::api::access::echo::Sent;
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

/// `user_id` or the address in `email_field`, as they last signed in; or `identity`, whole. None:
/// nobody is signed in.
pub async fn named(
    cx: &mut Context<'_>,
    sent: &Sent,
    email_field: &str,
) -> Result<Option<Identity>, ApiError> {
    if let Some(inline) = sent.object("identity")? {
        return inline_identity(cx.now, inline.clone()).map(Some);
    }
    let (field, user) = if let Some(id) = sent.text("user_id")? {
        ("user_id", users::find(cx.tx, cx.account_id, id).await?)
    } else if let Some(email) = sent.text(email_field)? {
        (email_field, by_email(cx, email).await?)
    } else {
        return Ok(None);
    };
    let user = user.ok_or_else(|| invalid(field, "names no user of this account"))?;
    let message = "names somebody who never signed in: write their identity";
    last_identity(&user).map(Some).ok_or_else(|| invalid(field, message))
}

fn inline_identity(now: i64, mut inline: Map<String, Value>) -> Result<Identity, ApiError> {
    // What nobody has to write who only wants to try a rule.
    inline.entry("idp").or_insert_with(|| json!({"id": "", "type": ""}));
    if let Some(Value::Object(idp)) = inline.get_mut("idp") {
        idp.entry("id").or_insert("".into());
        idp.entry("type").or_insert("".into());
    }
    inline.entry("subject").or_insert("".into());
    inline.entry("authenticated_at").or_insert_with(|| now.div_euclid(1000).into());
    let identity = serde_path_to_error::deserialize(Value::Object(inline));
    let mut identity: Identity = identity.map_err(|error| {
        let field = format!("identity.{}", error.path());
        invalid(field.trim_end_matches('.'), &format!("is wrong: {}", error.inner()))
    })?;
    identity.email = identity.email.to_lowercase();
    Ok(identity)
}

/// In the description.
pub const TAG: &str = "access policy tests";
