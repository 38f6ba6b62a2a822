//! A row of data in JSON: an object of plain values. It is read in one go into what a table takes, its columns in
//! the order in which they were written. Anything else is a bad row, and a bad row is no bad payload.

use std::borrow::Cow;
use std::fmt;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::de::{Deserialize, Deserializer, IgnoredAny, MapAccess, SeqAccess, Visitor};

/// The cells of a row, each with the name of its column.
pub(super) type Cells = Vec<(Box<str>, Box<str>)>;

/// A row of data: column names with plain values.
#[derive(Debug, Clone, PartialEq)]
pub enum Row {
    /// It can be used.
    #[doc(hidden)]
    Cells(Vec<(Box<str>, Box<str>)>),
    /// It cannot, and why.
    #[doc(hidden)]
    Bad(Box<str>),
}

impl JsonSchema for Row {
    fn schema_name() -> Cow<'static, str> {
        "Row".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({
            "description": "A row of data: column names with plain values.",
            "type": "object",
            "additionalProperties": { "type": ["string", "number", "boolean", "null"] }
        })
    }
}

impl<'de> Deserialize<'de> for Row {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(RowVisitor)
    }
}

/// A value of a row.
enum Value {
    Plain(Box<str>),
    Nested,
}

impl<'de> Deserialize<'de> for Value {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(ValueVisitor)
    }
}

struct RowVisitor;

impl<'de> Visitor<'de> for RowVisitor {
    type Value = Row;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a row")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Row, A::Error> {
        let mut cells = Cells::with_capacity(map.size_hint().unwrap_or(0));
        let mut complaint = None;
        while let Some((name, value)) = map.next_entry::<Box<str>, Value>()? {
            match value {
                Value::Plain(cell) => cells.push((name, cell)),
                Value::Nested => complaint = Some(format!("`{name}` is no plain value").into()),
            }
        }
        Ok(complaint.map_or(Row::Cells(cells), Row::Bad))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Row, A::Error> {
        while seq.next_element::<IgnoredAny>()?.is_some() {}
        Ok(no_object())
    }

    fn visit_str<E>(self, _: &str) -> Result<Row, E> {
        Ok(no_object())
    }

    fn visit_bool<E>(self, _: bool) -> Result<Row, E> {
        Ok(no_object())
    }

    fn visit_i64<E>(self, _: i64) -> Result<Row, E> {
        Ok(no_object())
    }

    fn visit_u64<E>(self, _: u64) -> Result<Row, E> {
        Ok(no_object())
    }

    fn visit_f64<E>(self, _: f64) -> Result<Row, E> {
        Ok(no_object())
    }

    fn visit_unit<E>(self) -> Result<Row, E> {
        Ok(no_object())
    }
}

fn no_object() -> Row {
    Row::Bad("is no object".into())
}

struct ValueVisitor;

impl<'de> Visitor<'de> for ValueVisitor {
    type Value = Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a value")
    }

    fn visit_str<E>(self, text: &str) -> Result<Value, E> {
        Ok(Value::Plain(text.into()))
    }

    fn visit_string<E>(self, text: String) -> Result<Value, E> {
        Ok(Value::Plain(text.into()))
    }

    fn visit_bool<E>(self, value: bool) -> Result<Value, E> {
        Ok(plain(value))
    }

    fn visit_i64<E>(self, value: i64) -> Result<Value, E> {
        Ok(plain(value))
    }

    fn visit_u64<E>(self, value: u64) -> Result<Value, E> {
        Ok(plain(value))
    }

    fn visit_f64<E>(self, value: f64) -> Result<Value, E> {
        Ok(plain(value))
    }

    fn visit_unit<E>(self) -> Result<Value, E> {
        Ok(plain(""))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Value, A::Error> {
        while map.next_entry::<IgnoredAny, IgnoredAny>()?.is_some() {}
        Ok(Value::Nested)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Value, A::Error> {
        while seq.next_element::<IgnoredAny>()?.is_some() {}
        Ok(Value::Nested)
    }
}

fn plain(value: impl fmt::Display) -> Value {
    Value::Plain(value.to_string().into())
}
