//! What all kinds of object share: made, listed, read, replaced, deleted, and told to the edge in
//! the same transaction.

use axum::extract::{Path, State};
use axum::response::Response;
use http::StatusCode;
use serde::Deserialize;
use serde_json::{Map, Value};
use uuid::Uuid;

use super::describe::{Described, Method, Operation, Scope};
use super::echo::{Body, Fields, Sent};
use crate::api::auth::{ForAccess, Permission};
use crate::api::envelope::Id;
use crate::api::idempotency::{Attempt, Begun, Post};
use crate::api::json::Json;
use crate::api::page::{MAX_ACCESS_PAGE, Paging, Params, given};
use crate::api::{ApiError, App, Envelope, Page};
use crate::store::access::objects::{self, Filter, ObjectRow};

pub(super) use super::context::keep_secrets;
pub use super::context::{Context, Prepared, handle, owned, shown, unused};

/// The kinds of object, as they are stored.
pub mod kind {
    /// The one of an account.
    pub const ORGANIZATION: &str = "organization";
    /// Who says who somebody is.
    pub const IDENTITY_PROVIDER: &str = "identity provider";
    /// What people open.
    pub const APPLICATION: &str = "application";
    /// Reusable, or of one application.
    pub const POLICY: &str = "policy";
    /// Rules with a name.
    pub const GROUP: &str = "group";
    /// Addresses, networks, serial numbers.
    pub const LIST: &str = "list";
    /// Of machines.
    pub const SERVICE_TOKEN: &str = "service token";
    /// CAs of client certificates.
    pub const CERTIFICATE: &str = "certificate";
    /// Of hostnames, about client certificates.
    pub const CERTIFICATE_SETTING: &str = "certificate setting";
    /// For the App Launcher.
    pub const TAG: &str = "tag";
    /// HTML of the operator's own.
    pub const CUSTOM_PAGE: &str = "custom page";
    /// What a device must be like.
    pub const POSTURE_RULE: &str = "device posture rule";
    /// Who knows what devices are like.
    pub const POSTURE_INTEGRATION: &str = "device posture integration";
    /// Of a SAML application or identity provider.
    pub const SAML_KEY: &str = "saml key";
    /// What tokens are signed with.
    pub const SIGNING_KEY: &str = "signing key";
}

/// An object as it is to be stored.
#[derive(Debug, Default)]
pub struct Draft {
    /// For people and for filters.
    pub name: String,
    /// What finds it beside its id.
    pub handle: Option<String>,
    /// What the client set.
    pub sent: Sent,
    /// What the server owns.
    pub owned: Map<String, Value>,
    /// Secrets by field; `None` forgets one.
    pub secrets: Vec<(&'static str, Option<String>)>,
    /// Answered to this one request, and to no other.
    pub once: Map<String, Value>,
    /// What the client should know, though it is no mistake.
    pub remarks: Vec<String>,
}

/// What became of an object.
#[derive(Clone, Copy, Debug)]
pub struct Change<'a> {
    /// `None`: it is new.
    pub before: Option<&'a ObjectRow>,
    /// `None`: it is gone.
    pub after: Option<&'a ObjectRow>,
}

/// A kind of object.
pub trait Kind: Send + Sync + Sized + 'static {
    /// As it is stored, and as people call it.
    const KIND: &'static str;
    /// In the description.
    const TAG: &'static str;
    /// Below the account: `/access/groups`.
    const PATH: &'static str;
    /// Whether its routes exist below zones too.
    const SCOPE: Scope;
    /// Whether the path names an object by its name, which is its handle then.
    const BY_NAME: bool = false;
    /// Whether a list is answered as a whole: SDKs ask for no second page.
    const ONE_PAGE: bool = false;
    /// What DELETE answers.
    const DELETED: StatusCode = StatusCode::ACCEPTED;
    /// What a client sends.
    const FIELDS: Fields;
    /// What PUT takes, if that is not the same.
    const PUT_FIELDS: Fields = Self::FIELDS;
    /// What a client needs.
    type Permission: Permission + 'static;

    /// Does what takes its time, such as asking others' servers, before a transaction is open. `id`:
    /// of what is replaced.
    #[must_use]
    fn prepare(
        app: &App,
        account_id: &str,
        id: Option<&str>,
        sent: &Sent,
    ) -> impl Future<Output = Result<Prepared, ApiError>> + Send {
        let _ = (app, account_id, id, sent);
        std::future::ready(Ok(Prepared::default()))
    }

    /// Judges what was sent; `before` is what it replaces.
    fn judge(
        cx: &mut Context<'_>,
        id: &str,
        sent: Sent,
        before: Option<&ObjectRow>,
    ) -> impl Future<Output = Result<Draft, ApiError>> + Send;

    /// Stores what belongs to an object that was just written.
    fn stored(
        cx: &mut Context<'_>,
        row: &ObjectRow,
    ) -> impl Future<Output = Result<(), ApiError>> + Send {
        let _ = (cx, row);
        std::future::ready(Ok(()))
    }

    /// What whoever looks at an object should know.
    fn remark(
        cx: &mut Context<'_>,
        row: &ObjectRow,
    ) -> impl Future<Output = Result<Option<String>, ApiError>> + Send {
        let _ = (cx, row);
        std::future::ready(Ok(None))
    }

    /// The answer: what was sent, and what the server adds.
    fn show(
        cx: &mut Context<'_>,
        row: &ObjectRow,
    ) -> impl Future<Output = Result<Map<String, Value>, ApiError>> + Send {
        let _ = cx;
        std::future::ready(shown(row))
    }

    /// In a list.
    fn show_in_list(
        cx: &mut Context<'_>,
        row: &ObjectRow,
    ) -> impl Future<Output = Result<Map<String, Value>, ApiError>> + Send {
        Self::show(cx, row)
    }

    /// Refuses the deletion of what is in use: a rule that names nothing would decide otherwise
    /// than its author thinks.
    fn deletable(
        cx: &mut Context<'_>,
        row: &ObjectRow,
    ) -> impl Future<Output = Result<(), ApiError>> + Send {
        unused(cx, row)
    }

    /// Tells the edge. After this nothing else is written.
    fn publish(
        cx: &mut Context<'_>,
        change: Change<'_>,
    ) -> impl Future<Output = Result<(), ApiError>> + Send {
        let _ = (cx, change);
        std::future::ready(Ok(()))
    }
}

/// Which objects of a list.
#[derive(Debug, Default, Deserialize)]
pub struct ObjectFilter {
    /// Exactly this name.
    name: Option<String>,
    /// A part of the name.
    search: Option<String>,
}

/// Which object.
#[derive(Debug, Deserialize)]
pub struct ObjectPath {
    /// As asked for.
    #[serde(alias = "name")]
    pub id: String,
}

/// The routes of a kind: POST, GET, and GET, PUT, DELETE of one.
pub fn routes<K: Kind>() -> [Described; 2] {
    let one = format!("{}/{{{}}}", K::PATH, if K::BY_NAME { "name" } else { "id" });
    let operation = |summary: String| Operation::new(K::TAG, summary);
    [
        Described::at(K::SCOPE, K::PATH)
            .on(
                Method::Post,
                operation(format!("Makes a {}.", K::KIND)).takes(K::FIELDS).answers(201),
                axum::routing::post(create::<K>),
            )
            .on(
                Method::Get,
                operation(format!("Every {}, by pages.", K::KIND)).paged(&["name", "search"]),
                axum::routing::get(list::<K>),
            ),
        Described::at(K::SCOPE, &one)
            .on(Method::Get, operation(format!("One {}.", K::KIND)), axum::routing::get(get::<K>))
            .on(
                Method::Put,
                operation(format!("Replaces a {}: what is not sent is unset.", K::KIND))
                    .takes(K::PUT_FIELDS),
                axum::routing::put(update::<K>),
            )
            .on(
                Method::Delete,
                operation(format!("Deletes a {}.", K::KIND)).answers(K::DELETED.as_u16()),
                axum::routing::delete(delete::<K>),
            ),
    ]
}

/// POST.
pub async fn create<K: Kind>(
    State(app): State<App>,
    access: ForAccess<K::Permission>,
    Post { body, ticket }: Post<Body>,
) -> Result<Response, ApiError> {
    let sent = K::FIELDS.whole(body)?;
    let prepared = K::prepare(&app, &access.account.id, None, &sent).await?;
    let mut attempt = match Attempt::begin(&app, &access.caller, ticket).await? {
        Begun::Again(answer) => return Ok(answer),
        Begun::First(attempt) => attempt,
    };
    let mut cx = Context::new(&app, &mut attempt.tx, &access.account.id);
    cx.prepared = prepared;
    let (answer, remarks) = insert::<K>(&mut cx, sent).await?;
    attempt.finish(&app, Envelope::created(answer).noted(remarks)).await
}

/// Judges, stores and publishes a new object; what is answered, with remarks.
pub async fn insert<K: Kind>(
    cx: &mut Context<'_>,
    sent: Sent,
) -> Result<(Map<String, Value>, Vec<String>), ApiError> {
    let id = Uuid::new_v4().to_string();
    let draft = K::judge(cx, &id, sent, None).await?;
    let row = ObjectRow {
        id,
        account_id: cx.account_id.to_owned(),
        kind: K::KIND.to_owned(),
        parent_id: None,
        name: draft.name,
        handle: draft.handle,
        body: draft.sent.to_json(),
        owned: Value::Object(draft.owned).to_string(),
        position: 0,
        revision: 1,
        created_at: cx.now,
        updated_at: cx.now,
    };
    if !objects::insert(cx.tx, &row).await? {
        return Err(taken(K::KIND));
    }
    keep_secrets(cx, &row.id, draft.secrets).await?;
    let row = cx.find(K::KIND, &row.id).await?;
    K::stored(cx, &row).await?;
    let mut answer = K::show(cx, &row).await?;
    add(&mut answer, draft.once);
    K::publish(cx, Change { before: None, after: Some(&row) }).await?;
    Ok((answer, draft.remarks))
}

/// GET of the list.
pub async fn list<K: Kind>(
    State(app): State<App>,
    access: ForAccess<K::Permission>,
    Params(filter): Params<ObjectFilter>,
    Params(paging): Params<Paging>,
) -> Result<Page<Map<String, Value>>, ApiError> {
    let window = paging.window_within(MAX_ACCESS_PAGE)?;
    let filter = Filter {
        name: given(filter.name.as_deref()),
        search: given(filter.search.as_deref()),
        parent_id: None,
    };
    let mut tx = app.db.read().await?;
    let mut cx = Context::new(&app, &mut tx, &access.account.id);
    let total = objects::count(cx.tx, cx.account_id, K::KIND, filter).await?;
    let part = match (K::ONE_PAGE, window.page) {
        (true, 1) => (total, 0),
        // Who asks for a second page all the same hears that there is none.
        (true, _) => (0, 0),
        (false, _) => (window.per_page, window.offset()),
    };
    let rows = objects::list(cx.tx, cx.account_id, K::KIND, filter, part).await?;
    let mut shown = Vec::with_capacity(rows.len());
    for row in &rows {
        shown.push(K::show_in_list(&mut cx, row).await?);
    }
    let per_page = if K::ONE_PAGE { total.max(1) } else { window.per_page };
    Ok(Page::new(shown, window.page, per_page, total))
}

/// GET of one.
pub async fn get<K: Kind>(
    State(app): State<App>,
    access: ForAccess<K::Permission>,
    Path(path): Path<ObjectPath>,
) -> Result<Envelope<Map<String, Value>>, ApiError> {
    let mut tx = app.db.read().await?;
    let mut cx = Context::new(&app, &mut tx, &access.account.id);
    let row = cx.named::<K>(&path.id).await?;
    let remark = K::remark(&mut cx, &row).await?;
    Ok(Envelope::ok(K::show(&mut cx, &row).await?).noted(remark))
}

/// PUT.
pub async fn update<K: Kind>(
    State(app): State<App>,
    access: ForAccess<K::Permission>,
    Path(path): Path<ObjectPath>,
    Json(body): Json<Body>,
) -> Result<Envelope<Map<String, Value>>, ApiError> {
    // Who asks for what is not there hears just that.
    let mut tx = app.db.read().await?;
    Context::new(&app, &mut tx, &access.account.id).named::<K>(&path.id).await?;
    drop(tx);
    let sent = K::PUT_FIELDS.whole(body)?;
    let prepared = K::prepare(&app, &access.account.id, Some(&path.id), &sent).await?;
    let mut tx = app.db.begin().await?;
    let mut cx = Context::new(&app, &mut tx, &access.account.id);
    let before = cx.named_for_update::<K>(&path.id).await?;
    cx.prepared = prepared;
    let (answer, remarks) = replace::<K>(&mut cx, before, sent).await?;
    app.commit(tx).await?;
    Ok(Envelope::ok(answer).noted(remarks))
}

/// PATCH, for kinds that have it: what is not sent stays.
pub async fn edit<K: Kind>(
    State(app): State<App>,
    access: ForAccess<K::Permission>,
    Path(path): Path<ObjectPath>,
    Json(body): Json<Body>,
) -> Result<Envelope<Map<String, Value>>, ApiError> {
    let mut tx = app.db.begin().await?;
    let mut cx = Context::new(&app, &mut tx, &access.account.id);
    let before = cx.named_for_update::<K>(&path.id).await?;
    let sent = K::FIELDS.merged(&Sent::read(&before.body)?, body)?;
    let (answer, remarks) = replace::<K>(&mut cx, before, sent).await?;
    app.commit(tx).await?;
    Ok(Envelope::ok(answer).noted(remarks))
}

/// Judges, stores and publishes an object in the place of `before`; what is answered, with remarks.
pub async fn replace<K: Kind>(
    cx: &mut Context<'_>,
    before: ObjectRow,
    sent: Sent,
) -> Result<(Map<String, Value>, Vec<String>), ApiError> {
    let draft = K::judge(cx, &before.id, sent, Some(&before)).await?;
    let row = ObjectRow {
        name: draft.name,
        handle: draft.handle,
        body: draft.sent.to_json(),
        owned: Value::Object(draft.owned).to_string(),
        updated_at: cx.now,
        ..before.clone()
    };
    if !objects::update(cx.tx, &row).await? {
        return Err(taken(K::KIND));
    }
    keep_secrets(cx, &row.id, draft.secrets).await?;
    let row = cx.find(K::KIND, &row.id).await?;
    K::stored(cx, &row).await?;
    let mut answer = K::show(cx, &row).await?;
    add(&mut answer, draft.once);
    K::publish(cx, Change { before: Some(&before), after: Some(&row) }).await?;
    Ok((answer, draft.remarks))
}

/// DELETE.
pub async fn delete<K: Kind>(
    State(app): State<App>,
    access: ForAccess<K::Permission>,
    Path(path): Path<ObjectPath>,
) -> Result<Envelope<Id>, ApiError> {
    let mut tx = app.db.begin().await?;
    let mut cx = Context::new(&app, &mut tx, &access.account.id);
    let row = cx.named_for_update::<K>(&path.id).await?;
    K::deletable(&mut cx, &row).await?;
    objects::delete(cx.tx, cx.account_id, K::KIND, &row.id).await?;
    K::publish(&mut cx, Change { before: Some(&row), after: None }).await?;
    app.commit(tx).await?;
    let id = if K::BY_NAME { row.name } else { row.id };
    Ok(Envelope::deleted(K::DELETED, Id { id }))
}

impl Context<'_> {
    async fn named<K: Kind>(&mut self, id: &str) -> Result<ObjectRow, ApiError> {
        if !K::BY_NAME {
            return self.find(K::KIND, id).await;
        }
        let handle = handle(self.account_id, id);
        let row = objects::find_by_handle(self.tx, K::KIND, &handle).await?;
        row.ok_or(ApiError::NotFound(K::KIND))
    }

    async fn named_for_update<K: Kind>(&mut self, id: &str) -> Result<ObjectRow, ApiError> {
        let row = self.named::<K>(id).await?;
        self.find_for_update(K::KIND, &row.id).await
    }
}

/// Adds what is answered once, beside what is there.
fn add(answer: &mut Map<String, Value>, once: Map<String, Value>) {
    for (name, value) in once {
        match (answer.get_mut(&name), value) {
            (Some(Value::Object(known)), Value::Object(more)) => known.extend(more),
            (_, value) => drop(answer.insert(name, value)),
        }
    }
}

fn taken(kind: &str) -> ApiError {
    ApiError::Conflict(format!("access.api.error.conflict: this {kind} exists already"))
}
