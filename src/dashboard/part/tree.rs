//! JSON as a tree that opens and closes, without a script. It is bounded: who wants more than the beginning of a large document
//! downloads it.

use maud::{Markup, html};
use serde_json::Value;

/// Values that are shown.
const VALUES_MAX: usize = 2_000;
/// Levels that are open at first.
const LEVELS_OPEN: usize = 2;
/// Levels that are shown.
const LEVELS_MAX: usize = 32;
/// Characters of one text that are shown.
const CHARS_MAX: usize = 2_000;

/// The tree of a value, and whether all of it is shown.
pub(in crate::dashboard) fn tree(value: &Value) -> (Markup, bool) {
    let mut drawn = Drawn { left: VALUES_MAX, whole: true };
    let markup = html! { div class="tree" { (drawn.value(None, value, 0)) } };
    (markup, drawn.whole)
}

struct Drawn {
    left: usize,
    whole: bool,
}

impl Drawn {
    fn value(&mut self, name: Option<&str>, value: &Value, level: usize) -> Markup {
        if self.left == 0 || level > LEVELS_MAX {
            self.whole = false;
            return html! { div class="leaf quiet" { "…" } };
        }
        self.left -= 1;
        match value {
            Value::Object(fields) if !fields.is_empty() => {
                let inner: Vec<_> =
                    fields.iter().map_while(|(name, value)| self.next(Some(name), value, level)).collect();
                branch(name, &format!("{{{}}}", fields.len()), level, &inner)
            }
            Value::Array(items) if !items.is_empty() => {
                let numbered = items.iter().enumerate();
                let inner: Vec<_> =
                    numbered.map_while(|(place, value)| self.next(Some(&place.to_string()), value, level)).collect();
                branch(name, &format!("[{}]", items.len()), level, &inner)
            }
            leaf => self.leaf(name, leaf),
        }
    }

    fn next(&mut self, name: Option<&str>, value: &Value, level: usize) -> Option<Markup> {
        if self.left == 0 {
            self.whole = false;
            return None;
        }
        Some(self.value(name, value, level + 1))
    }

    fn leaf(&mut self, name: Option<&str>, value: &Value) -> Markup {
        let (class, text) = match value {
            Value::String(text) => ("string", format!("\"{}\"", self.cut(text))),
            Value::Number(number) => ("number", number.to_string()),
            Value::Bool(is) => ("word", is.to_string()),
            Value::Null => ("word", "null".to_owned()),
            Value::Object(_) => ("word", "{}".to_owned()),
            Value::Array(_) => ("word", "[]".to_owned()),
        };
        html! { div class="leaf" { (label(name)) span class=(class) { (text) } } }
    }

    fn cut(&mut self, text: &str) -> String {
        match text.char_indices().nth(CHARS_MAX) {
            Some((end, _)) => {
                self.whole = false;
                format!("{}…", &text[..end])
            }
            None => text.to_owned(),
        }
    }
}

fn branch(name: Option<&str>, size: &str, level: usize, inner: &[Markup]) -> Markup {
    html! {
        details open[level < LEVELS_OPEN] {
            summary { (label(name)) span class="quiet" { (size) } }
            div class="branch" { @for one in inner { (one) } }
        }
    }
}

fn label(name: Option<&str>) -> Markup {
    html! { @if let Some(name) = name { span class="field" { (name) } ": " } }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_large_document_is_cut_and_says_so() {
        assert!(tree(&json!({ "a": [1, 2, { "b": null }] })).1);
        let many: Vec<_> = (0..VALUES_MAX + 1).collect();
        assert!(!tree(&json!(many)).1);
        assert!(!tree(&json!("x".repeat(CHARS_MAX + 1))).1);
        let deep = (0..LEVELS_MAX + 5).fold(json!(1), |inner, _| json!([inner]));
        assert!(!tree(&deep).1);
    }

    #[test]
    fn nothing_in_it_is_markup() {
        let (markup, _) = tree(&json!({ "<b>": "<script>alert(1)</script>" }));
        let text = markup.into_string();
        assert!(!text.contains("<script") && !text.contains("<b>"), "{text}");
    }
}
