//! Envelopes and small schemas.

use utoipa::ToSchema;
use utoipa::openapi::schema::{
    AdditionalProperties, ArrayBuilder, KnownFormat, ObjectBuilder, OneOfBuilder, SchemaFormat, SchemaType, Type,
};
use utoipa::openapi::{Ref, RefOr, Schema};

/// A schema that stands among the components.
pub(super) fn named<T: ToSchema>() -> RefOr<Schema> {
    Ref::from_schema_name(T::name()).into()
}

pub(super) fn array(items: RefOr<Schema>) -> RefOr<Schema> {
    ArrayBuilder::new().items(items).into()
}

pub(super) fn text() -> RefOr<Schema> {
    ObjectBuilder::new().schema_type(Type::String).into()
}

pub(super) fn word(words: &[&str]) -> RefOr<Schema> {
    ObjectBuilder::new().schema_type(Type::String).enum_values(Some(words.iter().copied())).into()
}

pub(super) fn flag() -> RefOr<Schema> {
    ObjectBuilder::new().schema_type(Type::Boolean).into()
}

pub(super) fn uuid() -> RefOr<Schema> {
    formatted(KnownFormat::Uuid)
}

pub(super) fn time() -> RefOr<Schema> {
    formatted(KnownFormat::DateTime)
}

fn formatted(format: KnownFormat) -> RefOr<Schema> {
    ObjectBuilder::new().schema_type(Type::String).format(Some(SchemaFormat::KnownFormat(format))).into()
}

pub(super) fn integer(minimum: Option<usize>, maximum: Option<usize>) -> RefOr<Schema> {
    ObjectBuilder::new().schema_type(Type::Integer).minimum(minimum).maximum(maximum).into()
}

/// `{"success": true, "data": …, "message": "…"}`
pub(super) fn created(data: RefOr<Schema>) -> RefOr<Schema> {
    envelope(data).into()
}

/// The same around a list, with its pagination.
pub(super) fn listed(items: RefOr<Schema>) -> RefOr<Schema> {
    let cursor = ObjectBuilder::new()
        .schema_type(SchemaType::Array(vec![Type::String, Type::Null]))
        .description(Some("Where the next page begins: give it as `cursor`. Null on the last page."));
    envelope(array(items))
        .property("pagination", named::<super::view::Pagination>())
        .required("pagination")
        .property("nextCursor", cursor)
        .required("nextCursor")
        .into()
}

fn envelope(data: RefOr<Schema>) -> ObjectBuilder {
    ObjectBuilder::new()
        .property("success", ObjectBuilder::new().schema_type(Type::Boolean).enum_values(Some([true])))
        .required("success")
        .property("data", data)
        .required("data")
        .property("message", text())
        .required("message")
        .additional_properties(Some(AdditionalProperties::FreeForm(false)))
}

/// One or several statuses.
pub(super) fn statuses() -> RefOr<Schema> {
    one_or_several(named::<super::view::StatusWord>())
}

/// One or several standings of schedules.
pub(super) fn standings() -> RefOr<Schema> {
    one_or_several(named::<super::view::StandingWord>())
}

fn one_or_several(one: RefOr<Schema>) -> RefOr<Schema> {
    OneOfBuilder::new().item(one.clone()).item(ArrayBuilder::new().items(one)).into()
}
