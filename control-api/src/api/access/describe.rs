//! A route with its description, written once for the account and, where the contract has twins, for
//! the account's zones.

use axum::routing::MethodRouter;
use utoipa::openapi::path::{HttpMethod, OperationBuilder, ParameterBuilder, ParameterIn};
use utoipa::openapi::request_body::RequestBodyBuilder;
use utoipa::openapi::schema::{ObjectBuilder, SchemaType, Type};
use utoipa::openapi::{
    Content, Object, PathItem, Paths, Ref, RefOr, Required, Response, ResponseBuilder, Schema,
};
use utoipa_axum::router::UtoipaMethodRouter;

use super::echo::Fields;
use crate::api::App;

pub use utoipa::openapi::path::HttpMethod as Method;

/// Below what a route exists.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Scope {
    /// `/accounts/{account_id}` alone.
    Account,
    /// Also `/zones/{zone_id}`: the zone's account is meant.
    AccountAndZone,
}

/// A path with its operations.
pub struct Described {
    paths: Vec<(String, PathItem)>,
    handlers: MethodRouter<App>,
}

/// What is said of an operation.
#[derive(Clone)]
pub struct Operation {
    tag: &'static str,
    summary: String,
    status: u16,
    body: Option<Schema>,
    query: Vec<&'static str>,
}

impl Operation {
    /// Answers 200 and takes no body, unless more is said.
    #[must_use]
    pub fn new(tag: &'static str, summary: impl Into<String>) -> Self {
        Self { tag, summary: summary.into(), status: 200, body: None, query: Vec::new() }
    }

    /// Takes these fields.
    #[must_use]
    pub fn takes(mut self, fields: Fields) -> Self {
        let mut object = ObjectBuilder::new();
        for name in fields.all() {
            // Any JSON: what it may be is said by whoever refuses it.
            object = object.property(name, Object::with_type(SchemaType::AnyValue));
        }
        for name in fields.required {
            object = object.required(*name);
        }
        self.body = Some(Schema::Object(object.build()));
        self
    }

    /// Takes any JSON.
    #[must_use]
    pub fn takes_any(mut self) -> Self {
        self.body = Some(Schema::Object(Object::with_type(SchemaType::AnyValue)));
        self
    }

    /// Answers this status.
    #[must_use]
    pub fn answers(mut self, status: u16) -> Self {
        self.status = status;
        self
    }

    /// Takes these query parameters.
    #[must_use]
    pub fn query(mut self, names: &[&'static str]) -> Self {
        self.query.extend(names);
        self
    }

    /// A list: takes `page`, `per_page` and these query parameters.
    #[must_use]
    pub fn paged(self, names: &[&'static str]) -> Self {
        self.query(names).query(&["page", "per_page"])
    }
}

impl Described {
    /// A path below the account, as `/access/groups/{id}`.
    #[must_use]
    pub fn at(scope: Scope, path: &str) -> Self {
        let below = |parent: &str| (format!("/client/v4/{parent}{path}"), PathItem::default());
        let mut paths = vec![below("accounts/{account_id}")];
        if scope == Scope::AccountAndZone {
            paths.push(below("zones/{zone_id}"));
        }
        Self { paths, handlers: MethodRouter::new() }
    }

    /// With one more method.
    #[must_use]
    #[expect(clippy::needless_pass_by_value, reason = "both are made where they are passed")]
    pub fn on(mut self, method: Method, said: Operation, handler: MethodRouter<App>) -> Self {
        for (path, item) in &mut self.paths {
            let operation = operation(path, &method, &said);
            item.merge_operations(PathItem::new(method.clone(), operation));
        }
        self.handlers = self.handlers.merge(handler);
        self
    }
}

impl From<Described> for UtoipaMethodRouter<App> {
    fn from(described: Described) -> Self {
        let mut paths = Paths::new();
        paths.paths.extend(described.paths);
        (Vec::new(), paths, described.handlers)
    }
}

fn operation(path: &str, method: &Method, said: &Operation) -> OperationBuilder {
    let text = || Object::with_type(Type::String);
    let mut operation = OperationBuilder::new()
        .tag(said.tag)
        .summary(Some(said.summary.clone()))
        .operation_id(Some(name(path, method)))
        .response(said.status.to_string(), success())
        .response("4XX", failure());
    for name in path.split('/').filter_map(|part| part.strip_prefix('{')?.strip_suffix('}')) {
        let parameter = ParameterBuilder::new().name(name).parameter_in(ParameterIn::Path);
        operation =
            operation.parameter(parameter.required(Required::True).schema(Some(text())).build());
    }
    for name in &said.query {
        let parameter = ParameterBuilder::new().name(*name).parameter_in(ParameterIn::Query);
        operation =
            operation.parameter(parameter.required(Required::False).schema(Some(text())).build());
    }
    if let Some(body) = &said.body {
        let content = Content::new(Some(RefOr::T(body.clone())));
        let body = RequestBodyBuilder::new().content("application/json", content).build();
        operation = operation.request_body(Some(body));
    }
    operation
}

/// The name of an operation, unique together with its path.
fn name(path: &str, method: &Method) -> String {
    let one = path.ends_with('}');
    let name = match method {
        HttpMethod::Post => "create",
        HttpMethod::Put => "update",
        HttpMethod::Patch => "edit",
        HttpMethod::Delete => "delete",
        _ if one => "get",
        _ => "list",
    };
    // Beside the object itself: `/policies/{id}/x` is not `/policies/x`.
    let inner = path.matches('{').count() > 1 && !one;
    if inner { format!("{name}_of_one") } else { name.to_owned() }
}

fn success() -> Response {
    let members = ObjectBuilder::new()
        .property("success", Object::with_type(Type::Boolean))
        .property("errors", Object::with_type(Type::Array))
        .property("messages", Object::with_type(Type::Array))
        .property("result", Object::with_type(SchemaType::AnyValue))
        .build();
    let content = Content::new(Some(Schema::Object(members)));
    ResponseBuilder::new().content("application/json", content).build()
}

fn failure() -> Response {
    let content = Content::new(Some(Ref::from_schema_name("Failure")));
    ResponseBuilder::new().content("application/json", content).build()
}
