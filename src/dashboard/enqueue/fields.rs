//! The fields of a form, made of a JSON Schema (2020-12, as `schemars` writes it). What a field cannot say, such as a list or an
//! object, is written as JSON; what is valid is for the server to say.

use maud::{Markup, html};
use serde_json::Value;

use super::complaint;
use crate::dashboard::words::Words;
use crate::error::FieldError;

/// One field of a payload.
pub(super) struct Field {
    pub(super) name: String,
    told: Option<String>,
    required: bool,
    usual: Option<Value>,
    kind: Kind,
}

/// How a field is filled in.
#[derive(Debug, PartialEq)]
enum Kind {
    Text,
    Number,
    Flag,
    OneOf(Vec<String>),
    /// Anything else, as JSON.
    Json,
}

/// The fields that a schema names, those that must be there first.
pub(super) fn of(schema: &Value) -> Vec<Field> {
    let required: Vec<&str> = schema["required"].as_array().into_iter().flatten().filter_map(Value::as_str).collect();
    let properties = schema["properties"].as_object().into_iter().flatten();
    let mut fields: Vec<Field> = properties
        .map(|(name, property)| Field {
            name: name.clone(),
            told: property["description"].as_str().map(|text| text.replace('\n', " ")),
            required: required.contains(&name.as_str()),
            usual: property.get("default").filter(|usual| !usual.is_null()).cloned(),
            kind: kind(schema, property),
        })
        .collect();
    fields.sort_by_key(|field| !field.required);
    fields
}

/// What a property takes. Of several things that it may be, the first that is not null.
fn kind(schema: &Value, property: &Value) -> Kind {
    if let Some(named) = property["$ref"].as_str().and_then(|path| schema.pointer(path.trim_start_matches('#'))) {
        return kind(schema, named);
    }
    for several in ["anyOf", "oneOf"] {
        let Some(choices) = property[several].as_array() else { continue };
        let constants: Vec<String> =
            choices.iter().filter_map(|choice| Some(choice["const"].as_str()?.to_owned())).collect();
        if constants.len() == choices.len() {
            return Kind::OneOf(constants);
        }
        let chosen = choices.iter().find(|choice| choice["type"] != "null");
        return chosen.map_or(Kind::Json, |chosen| kind(schema, chosen));
    }
    if let Some(words) = property["enum"].as_array() {
        return Kind::OneOf(words.iter().filter_map(|word| word.as_str().map(str::to_owned)).collect());
    }
    let named = match &property["type"] {
        Value::Array(names) => names.iter().find(|name| *name != "null").and_then(Value::as_str),
        name => name.as_str(),
    };
    match named {
        Some("string") => Kind::Text,
        Some("integer" | "number") => Kind::Number,
        Some("boolean") => Kind::Flag,
        _ => Kind::Json,
    }
}

impl Field {
    /// Its name in the form.
    pub(super) fn id(&self) -> String {
        format!("payload.{}", self.name)
    }

    /// The value of what was filled in. What is none of its kind goes on as text: the server says what is wrong with it.
    pub(super) fn read(&self, text: &str) -> Value {
        let plain = || Value::String(text.to_owned());
        match self.kind {
            Kind::Text | Kind::OneOf(_) => plain(),
            Kind::Number | Kind::Flag | Kind::Json => serde_json::from_str(text).unwrap_or_else(|_| plain()),
        }
    }

    /// The field, with what stands in it and what is wrong with that.
    pub(super) fn draw(&self, words: &Words, value: Option<&Value>, faults: &[FieldError]) -> Markup {
        let id = self.id();
        let text = value.map(written).unwrap_or_default();
        let usual = self.usual.as_ref().map(written);
        let hint = usual.as_deref().unwrap_or_default();
        let is = |word: &str| text == word;
        html! {
            label class="field" {
                span { code { (self.name) } @if self.required { span class="required" title=(words.required) { " *" } } }
                @match &self.kind {
                    Kind::Text if text.len() > 80 || text.contains('\n') => textarea name=(id) rows="4" { (text) },
                    Kind::Text => input name=(id) value=(text) placeholder=(hint) required[self.required];,
                    Kind::Number => input name=(id) value=(text) placeholder=(hint) inputmode="decimal" required[self.required];,
                    Kind::Flag => select name=(id) {
                        option value="" { "–" }
                        option value="true" selected[is("true")] { "true" }
                        option value="false" selected[is("false")] { "false" }
                    },
                    Kind::OneOf(choices) => select name=(id) required[self.required] {
                        option value="" { @if hint.is_empty() { "–" } @else { "– (" (hint) ")" } }
                        @for choice in choices { option value=(choice) selected[is(choice)] { (choice) } }
                    },
                    Kind::Json => textarea name=(id) rows="3" class="code" spellcheck="false" placeholder=(if hint.is_empty() { "JSON" } else { hint }) { (text) },
                }
                @if let Some(told) = &self.told { span class="quiet" { (told) } }
                (complaint(&id, faults))
            }
        }
    }
}

/// A value as it stands in a field.
fn written(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        other => other.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn every_kind_of_property_has_a_field() {
        let schema = json!({
            "required": ["b"],
            "properties": {
                "a": { "type": ["integer", "null"] },
                "b": { "type": "string" },
                "c": { "anyOf": [{ "$ref": "#/$defs/Form" }, { "type": "null" }] },
                "d": { "type": "array" },
                "e": { "oneOf": [{ "const": "x" }, { "const": "y" }] },
                "f": { "type": "boolean" },
            },
            "$defs": { "Form": { "type": "string", "enum": ["html", "csv"] } },
        });
        let drawn: Vec<_> = of(&schema).into_iter().map(|field| (field.name, field.kind)).collect();
        let one_of = |words: [&str; 2]| Kind::OneOf(words.map(str::to_owned).to_vec());
        let expected = [
            ("b", Kind::Text),
            ("a", Kind::Number),
            ("c", one_of(["html", "csv"])),
            ("d", Kind::Json),
            ("e", one_of(["x", "y"])),
            ("f", Kind::Flag),
        ];
        assert_eq!(drawn, expected.map(|(name, kind)| (name.to_owned(), kind)));
        let number = &of(&schema)[1];
        assert_eq!([number.read("7"), number.read("seven")], [json!(7), json!("seven")]);
    }
}
