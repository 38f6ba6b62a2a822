//! The words in which an operation is described.

use serde_json::Value;
use utoipa::openapi::path::{HttpMethod, OperationBuilder, ParameterBuilder, ParameterIn, PathItem};
use utoipa::openapi::request_body::RequestBodyBuilder;
use utoipa::openapi::schema::{ObjectBuilder, Type};
use utoipa::openapi::security::SecurityRequirement;
use utoipa::openapi::{ContentBuilder, HeaderBuilder, Ref, RefOr, Required, ResponseBuilder, Schema};

use super::failures;
use super::keys::SCHEME;
use super::schemas::{integer, text, uuid};
use crate::http::call::Needed;
use crate::key::Need;

/// One operation.
pub(super) struct Operation {
    path: &'static str,
    method: HttpMethod,
    builder: OperationBuilder,
}

pub(super) fn get(path: &'static str, id: &str, summary: &str) -> Operation {
    Operation::new(HttpMethod::Get, path, id, summary)
}

pub(super) fn post(path: &'static str, id: &str, summary: &str) -> Operation {
    Operation::new(HttpMethod::Post, path, id, summary)
}

pub(super) fn put(path: &'static str, id: &str, summary: &str) -> Operation {
    Operation::new(HttpMethod::Put, path, id, summary)
}

pub(super) fn patch(path: &'static str, id: &str, summary: &str) -> Operation {
    Operation::new(HttpMethod::Patch, path, id, summary)
}

pub(super) fn delete(path: &'static str, id: &str, summary: &str) -> Operation {
    Operation::new(HttpMethod::Delete, path, id, summary)
}

impl Operation {
    fn new(method: HttpMethod, path: &'static str, id: &str, summary: &str) -> Self {
        let builder = OperationBuilder::new().operation_id(Some(id)).summary(Some(summary));
        let operation = Self { path, method, builder };
        // Whatever is asked may be asked in a way that breaks a rule, or at a moment when the store cannot answer.
        let operation = operation.header("X-Request-Id", text(), "Names the request; echoed, and in every error.");
        operation.failing(&[400, 403, 414, 431, 500, 503])
    }

    fn with(self, change: impl FnOnce(OperationBuilder) -> OperationBuilder) -> Self {
        Self { builder: change(self.builder), ..self }
    }

    pub(super) fn tag(self, tag: &str) -> Self {
        self.with(|builder| builder.tag(tag))
    }

    pub(super) fn about(self, description: &str) -> Self {
        self.with(|builder| builder.description(Some(description)))
    }

    fn parameter(self, name: &str, place: ParameterIn, schema: RefOr<Schema>, about: &str, required: Required) -> Self {
        let parameter = ParameterBuilder::new()
            .name(name)
            .parameter_in(place)
            .required(required)
            .schema(Some(schema))
            .description(Some(about));
        self.with(|builder| builder.parameter(parameter))
    }

    /// The job that the path names.
    pub(super) fn id(self) -> Self {
        self.parameter("id", ParameterIn::Path, uuid(), "The job.", Required::True).failing(&[404])
    }

    pub(super) fn part(self, name: &str, about: &str) -> Self {
        self.parameter(name, ParameterIn::Path, text(), about, Required::True).failing(&[404])
    }

    pub(super) fn query(self, name: &str, schema: RefOr<Schema>, about: &str) -> Self {
        self.parameter(name, ParameterIn::Query, schema, about, Required::False)
    }

    pub(super) fn header(self, name: &str, schema: RefOr<Schema>, about: &str) -> Self {
        self.parameter(name, ParameterIn::Header, schema, about, Required::False)
    }

    /// A body, with its media types.
    pub(super) fn takes(self, bodies: Vec<(&str, RefOr<Schema>, Value)>) -> Self {
        let mut body = RequestBodyBuilder::new().required(Some(Required::True));
        for (media_type, schema, example) in bodies {
            let content = ContentBuilder::new().schema(Some(schema)).example(Some(example)).build();
            body = body.content(media_type, content);
        }
        self.with(|builder| builder.request_body(Some(body.build()))).failing(&[408, 413, 415])
    }

    /// A body in JSON that may be left out.
    pub(super) fn may_take(self, schema: RefOr<Schema>, example: Value) -> Self {
        let content = ContentBuilder::new().schema(Some(schema)).example(Some(example)).build();
        let body = RequestBodyBuilder::new().required(Some(Required::False)).content("application/json", content);
        self.with(|builder| builder.request_body(Some(body.build()))).failing(&[408, 413, 415])
    }

    /// A body of any type.
    pub(super) fn takes_bytes(self) -> Self {
        let content = ContentBuilder::new().schema(Some(bytes())).build();
        let body = RequestBodyBuilder::new().required(Some(Required::True)).content("*/*", content);
        self.with(|builder| builder.request_body(Some(body.build()))).failing(&[408, 413, 415])
    }

    /// An answer.
    pub(super) fn gives(self, status: u16, answer: Reply) -> Self {
        self.with(|builder| builder.response(status.to_string(), answer.0.build()))
    }

    /// Errors, each of which is described once for all operations.
    pub(super) fn failing(self, statuses: &[u16]) -> Self {
        statuses.iter().fold(self, |operation, status| {
            let reference = Ref::from_response_name(failures::name(*status));
            operation.with(|builder| builder.response(status.to_string(), reference))
        })
    }

    /// Says which key it needs. A server without keys asks for none.
    pub(super) fn secured(self, needs: &[Needed]) -> Self {
        let method = match self.method {
            HttpMethod::Get => "GET",
            HttpMethod::Post => "POST",
            HttpMethod::Put => "PUT",
            HttpMethod::Patch => "PATCH",
            HttpMethod::Delete => "DELETE",
            _ => return self,
        };
        let needed = needs.iter().find(|needed| needed.path == self.path && needed.method == method);
        let (Need::Scope(scope) | Need::Whole(scope)) = needed.map_or(Need::Nothing, |needed| needed.need) else {
            return self;
        };
        let key = SecurityRequirement::new(SCHEME, [scope.as_str()]);
        self.with(|builder| builder.security(key).security(SecurityRequirement::default())).failing(&[401, 429])
    }

    pub(super) fn into_item(self) -> (&'static str, PathItem) {
        (self.path, PathItem::new(self.method, self.builder))
    }
}

/// What an operation answers.
pub(super) struct Reply(ResponseBuilder);

/// An answer without a body.
pub(super) fn reply(about: &str) -> Reply {
    Reply(ResponseBuilder::new().description(about))
}

/// An answer in JSON.
pub(super) fn json(about: &str, schema: RefOr<Schema>) -> Reply {
    reply(about).of("application/json", schema)
}

impl Reply {
    pub(super) fn of(self, media_type: &str, schema: RefOr<Schema>) -> Self {
        Self(self.0.content(media_type, ContentBuilder::new().schema(Some(schema)).build()))
    }

    pub(super) fn example(self, media_type: &str, schema: RefOr<Schema>, example: Value) -> Self {
        let content = ContentBuilder::new().schema(Some(schema)).example(Some(example)).build();
        Self(self.0.content(media_type, content))
    }

    pub(super) fn header(self, name: &str, schema: RefOr<Schema>, about: &str) -> Self {
        Self(self.0.header(name, HeaderBuilder::new().schema(Some(schema)).description(Some(about)).build()))
    }

    /// `Retry-After`, in seconds.
    pub(super) fn retry_after(self) -> Self {
        self.header("Retry-After", integer(Some(1), None), "Seconds after which it is worth to look again.")
    }

    /// `Location` of the job.
    pub(super) fn location(self) -> Self {
        self.header("Location", text(), "Address of the job.")
    }
}

/// Any bytes.
pub(super) fn bytes() -> RefOr<Schema> {
    ObjectBuilder::new().schema_type(Type::String).content_encoding("binary").into()
}
