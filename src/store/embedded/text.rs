//! Searching rows for a text.

use rusqlite::Row;

use super::disk::broken;
use super::rows::Reader;
use crate::job::JobId;
use crate::store::StoreError;
use crate::store::query::Filter;

/// A text that is searched for.
pub(super) struct Text {
    lower: String,
    /// It would stand in a row's JSON as it is here: no escapes, and no end of one part and beginning of the next.
    is_plain: bool,
    /// It may be part of an id.
    is_of_id: bool,
}

impl Text {
    pub(super) fn of(text: &str) -> Self {
        let is_plain = |byte: u8| byte.is_ascii_graphic() && byte != b'"' && byte != b'\\';
        Self {
            lower: text.to_lowercase(),
            is_plain: text.bytes().all(is_plain),
            is_of_id: text.bytes().all(|byte| byte.is_ascii_hexdigit() || byte == b'-'),
        }
    }

    /// Whether the filter that it is of names the job in a row, whose columns begin at `from`. Reading a job costs many
    /// times as much as a look at its text, so most are left out by that.
    pub(super) fn names(
        &self,
        row: &Row<'_>,
        from: usize,
        reader: &mut Reader,
        filter: &Filter,
    ) -> Result<bool, StoreError> {
        let text = |index| row.get_ref(from + index).and_then(|value| Ok(value.as_str()?)).map_err(broken);
        let id = || row.get(from + 1).map(|id| JobId::from_bytes(id).to_string()).map_err(broken);
        let may_be = !self.is_plain
            || self.may_be_in(text(3)?)
            || self.may_be_in(text(4)?)
            || self.is_of_id && self.may_be_in(&id()?);
        Ok(may_be && filter.matches(&reader.read_from(row, from)?))
    }

    /// Whether it may be in a text. Letters beyond ASCII may have small ones within it.
    fn may_be_in(&self, text: &str) -> bool {
        let wanted = self.lower.as_bytes();
        let Some(first) = wanted.first() else { return true };
        !text.is_ascii()
            || text
                .as_bytes()
                .windows(wanted.len())
                .any(|part| part[0].eq_ignore_ascii_case(first) && part.eq_ignore_ascii_case(wanted))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_is_missed_nowhere() {
        for (wanted, text) in [
            ("NO-Luck", "{\"message\":\"no-luck\"}"),
            ("x", "X"),
            ("kelvin", "only \u{212a}elvin has a sign that becomes a k"),
            ("end", "at the end"),
        ] {
            assert!(Text::of(wanted).may_be_in(text), "{wanted}");
        }
        assert!(!Text::of("longer").may_be_in("long"));
        assert!(!Text::of("luck").may_be_in("lack, and luc"));
    }

    #[test]
    fn what_json_writes_otherwise_is_looked_at_in_the_job() {
        for text in ["two words", "a\"b", "a\\b", "\u{fc}", "tab\t"] {
            assert!(!Text::of(text).is_plain, "{text}");
        }
        assert!(Text::of("{a/b:c}").is_plain);
    }
}
