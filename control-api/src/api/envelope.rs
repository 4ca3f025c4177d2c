//! The envelope of every answer.

use axum::response::{IntoResponse, Response};
use http::{HeaderValue, StatusCode, header};
use serde::Serialize;
use utoipa::ToSchema;

/// One object: `{"success":true,"errors":[],"messages":[],"result":{..}}`.
#[derive(Debug, Serialize, ToSchema)]
pub struct Envelope<T> {
    /// Always `true`: failures have another shape and a status of 400 or more.
    success: bool,
    /// Always empty.
    #[schema(max_items = 0)]
    errors: Vec<Message>,
    /// Remarks.
    messages: Vec<Message>,
    /// The object itself.
    result: T,
    #[serde(skip)]
    status: StatusCode,
}

/// A page of objects, with `result_info`.
#[derive(Debug, Serialize, ToSchema)]
pub struct Page<T> {
    /// Always `true`.
    success: bool,
    /// Always empty.
    #[schema(max_items = 0)]
    errors: Vec<Message>,
    /// Remarks.
    messages: Vec<Message>,
    /// The objects on this page; past the last page there are none.
    result: Vec<T>,
    /// Where this page stands among all that match.
    result_info: ResultInfo,
}

/// Where a page stands.
#[derive(Clone, Copy, Debug, Eq, PartialEq, Serialize, ToSchema)]
pub struct ResultInfo {
    /// From 1.
    page: i64,
    /// As asked for, or the default.
    per_page: i64,
    /// Objects on this page.
    count: i64,
    /// Objects on all pages.
    total_count: i64,
    /// Pages in all.
    total_pages: i64,
}

/// Which part of a list is wanted.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Window {
    /// From 1.
    pub page: i64,
    /// At most this many.
    pub per_page: i64,
}

impl Window {
    /// How many come before this page.
    #[must_use]
    pub fn offset(self) -> i64 {
        (self.page - 1) * self.per_page
    }
}

/// `DELETE` in the contract's odd shape: some SDKs read `id` at the top, others in `result`.
#[derive(Debug, Serialize, ToSchema)]
pub struct Deleted {
    /// What was deleted.
    id: String,
    /// Always `true`.
    success: bool,
    /// Always empty.
    #[schema(max_items = 0)]
    errors: Vec<Message>,
    /// Remarks.
    messages: Vec<Message>,
    /// The same id again.
    result: Id,
}

/// Only an id.
#[derive(Debug, Serialize, ToSchema)]
pub struct Id {
    /// Of the object that the request was about.
    pub id: String,
}

/// A remark or an error.
#[derive(Debug, Serialize, ToSchema)]
pub struct Message {
    /// 1000 or more.
    #[schema(minimum = 1000)]
    pub code: u32,
    /// For a person.
    pub message: String,
    /// The part of the request that is meant.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub source: Option<Source>,
    /// What led to it, in the contract's older manner.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    #[schema(no_recursion)]
    pub error_chain: Vec<Message>,
}

/// Names a part of the request.
#[derive(Debug, Serialize, ToSchema)]
pub struct Source {
    /// JSON pointer (RFC 6901) into the body, or the name of a query parameter.
    pub pointer: String,
}

/// `{"success":false,"errors":[..],"messages":[],"result":null}`, always with a status of 400 or more.
#[derive(Debug, Serialize, ToSchema)]
pub struct Failure {
    /// Always `false`.
    pub success: bool,
    /// What is wrong and what to do about it.
    #[schema(min_items = 1)]
    pub errors: Vec<Message>,
    /// Remarks.
    pub messages: Vec<Message>,
    /// Always `null`.
    #[schema(value_type = Option<Object>)]
    pub result: (),
}

impl<T> Envelope<T> {
    /// 200.
    pub fn ok(result: T) -> Self {
        Self::with_status(StatusCode::OK, result)
    }

    /// 201.
    pub fn created(result: T) -> Self {
        Self::with_status(StatusCode::CREATED, result)
    }

    /// 202: done in our records, on its way to the edge.
    pub fn accepted(result: T) -> Self {
        Self::with_status(StatusCode::ACCEPTED, result)
    }

    /// Gone; some kinds of object are answered with 202.
    pub fn deleted(status: StatusCode, result: T) -> Self {
        Self::with_status(status, result)
    }

    fn with_status(status: StatusCode, result: T) -> Self {
        Self { success: true, errors: Vec::new(), messages: Vec::new(), result, status }
    }

    /// With remarks, if there are any.
    #[must_use]
    pub fn noted(self, remarks: impl IntoIterator<Item = String>) -> Self {
        remarks.into_iter().fold(self, |noted, remark| noted.remark(REMARK, &remark))
    }

    /// With a remark.
    #[must_use]
    pub fn remark(mut self, code: u32, message: &str) -> Self {
        let message = message.to_owned();
        self.messages.push(Message { code, message, source: None, error_chain: Vec::new() });
        self
    }

    /// The status with which it is answered.
    pub fn status(&self) -> StatusCode {
        self.status
    }
}

impl<T> Page<T> {
    /// One page of `total_count` objects.
    #[must_use]
    pub fn new(result: Vec<T>, page: i64, per_page: i64, total_count: i64) -> Self {
        let count = i64::try_from(result.len()).unwrap_or(i64::MAX);
        let total_pages = total_count / per_page + i64::from(total_count % per_page != 0);
        let result_info = ResultInfo { page, per_page, count, total_count, total_pages };
        Self { success: true, errors: Vec::new(), messages: Vec::new(), result, result_info }
    }

    /// Everything at once, for lists that are not paged.
    #[must_use]
    pub fn all(result: Vec<T>) -> Self {
        let count = i64::try_from(result.len()).unwrap_or(i64::MAX);
        Self::new(result, 1, count.max(1), count)
    }
}

impl<T> Page<T> {
    /// The part of everything that a client asked for.
    pub(crate) fn of(all: Vec<T>, window: Window) -> Self {
        let total = i64::try_from(all.len()).unwrap_or(i64::MAX);
        let skip = usize::try_from(window.offset()).unwrap_or(usize::MAX);
        let take = usize::try_from(window.per_page).unwrap_or(0);
        let part = all.into_iter().skip(skip).take(take).collect();
        Self::new(part, window.page, window.per_page, total)
    }

    /// The objects, to be shown in another form, and the page without them.
    pub(crate) fn take(self) -> (Vec<T>, Page<()>) {
        let Self { success, errors, messages, result, result_info } = self;
        (result, Page { success, errors, messages, result: Vec::new(), result_info })
    }

    /// The same page with these objects.
    pub(crate) fn with<U>(self, result: Vec<U>) -> Page<U> {
        let Self { success, errors, messages, result: _, result_info } = self;
        Page { success, errors, messages, result, result_info }
    }

    /// Shows each object in another form.
    pub(crate) fn map<U>(self, show: impl FnMut(T) -> U) -> Page<U> {
        let Self { success, errors, messages, result, result_info } = self;
        let result = result.into_iter().map(show).collect();
        Page { success, errors, messages, result, result_info }
    }
}

impl Deleted {
    /// It is gone.
    #[must_use]
    pub fn new(id: String) -> Self {
        let result = Id { id: id.clone() };
        Self { id, success: true, errors: Vec::new(), messages: Vec::new(), result }
    }
}

impl<T: Serialize> IntoResponse for Envelope<T> {
    fn into_response(self) -> Response {
        json(self.status, &self)
    }
}

impl<T: Serialize> IntoResponse for Page<T> {
    fn into_response(self) -> Response {
        json(StatusCode::OK, &self)
    }
}

impl IntoResponse for Deleted {
    fn into_response(self) -> Response {
        json(StatusCode::OK, &self)
    }
}

/// The code of remarks that have none of their own.
const REMARK: u32 = 1100;

/// A JSON answer.
pub(crate) fn json(status: StatusCode, body: &impl Serialize) -> Response {
    match serde_json::to_vec(body) {
        Ok(bytes) => raw_json(status, bytes),
        Err(error) => {
            tracing::error!(%error, "an answer could not be written");
            StatusCode::INTERNAL_SERVER_ERROR.into_response()
        }
    }
}

/// A JSON answer that is written already.
pub(crate) fn raw_json(status: StatusCode, body: Vec<u8>) -> Response {
    let content_type = HeaderValue::from_static("application/json");
    // Answers hold tokens and customers' names: no cache may keep them (RFC 9111 §5.2.2.5).
    let cache_control = HeaderValue::from_static("no-store");
    let headers = [(header::CONTENT_TYPE, content_type), (header::CACHE_CONTROL, cache_control)];
    (status, headers, body).into_response()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn total_pages_are_whole() {
        for (total, pages) in [(0, 0), (1, 1), (20, 1), (21, 2), (120, 6)] {
            let page = Page::<()>::new(Vec::new(), 1, 20, total);
            assert_eq!(page.result_info.total_pages, pages, "{total}");
        }
    }
}
