//! What a cell of a dataset is, guessed from its text alone.

/// What a cell is.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Cell {
    Empty,
    Integer(f64),
    Number(f64),
    Boolean,
    Date,
    Text,
}

impl Cell {
    /// Reads a cell. Space around it does not count.
    ///
    /// Digits that begin with a zero, such as `00420`, are text: they are the number of a thing and no quantity.
    pub(super) fn read(text: &str) -> Self {
        let text = text.trim();
        match text.as_bytes() {
            [] => Self::Empty,
            [b'0'..=b'9' | b'+' | b'-' | b'.', ..] => Self::read_figures(text),
            [b't' | b'T' | b'f' | b'F', ..] if is_boolean(text) => Self::Boolean,
            _ => Self::Text,
        }
    }

    fn read_figures(text: &str) -> Self {
        let digits = text.trim_start_matches(['+', '-']).as_bytes();
        if matches!(digits, [b'0', b'0'..=b'9', ..]) {
            return if is_date(text) { Self::Date } else { Self::Text };
        }
        match number(text) {
            Some(value) if digits.iter().all(u8::is_ascii_digit) => Self::Integer(value),
            Some(value) => Self::Number(value),
            None if is_date(text) => Self::Date,
            None => Self::Text,
        }
    }
}

/// The number that a text is, leading zeros and all. `inf`, `nan` and what is too large are none.
pub(super) fn number(text: &str) -> Option<f64> {
    let text = text.trim();
    // Rust's own reader also knows `infinity` and `nan`; no dataset means them as figures.
    let plain = text.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'+' | b'-' | b'.' | b'e' | b'E'));
    if plain { text.parse().ok().filter(|value: &f64| value.is_finite()) } else { None }
}

/// Whether it is `true` or `false`, and which.
pub(super) fn boolean(text: &str) -> Option<bool> {
    let text = text.trim();
    if text.eq_ignore_ascii_case("true") { Some(true) } else { text.eq_ignore_ascii_case("false").then_some(false) }
}

fn is_boolean(text: &str) -> bool {
    boolean(text).is_some()
}

/// An ISO 8601 date, alone or with a time of day: `2026-11-24`, `2026-11-24T07:23`, `2026-11-24T07:23:52Z`.
fn is_date(text: &str) -> bool {
    let dashed = matches!(text.as_bytes(), [_, _, _, _, b'-', _, _, b'-', _, _, ..]);
    dashed && (text.parse::<jiff::civil::DateTime>().is_ok() || text.parse::<jiff::Timestamp>().is_ok())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cells_are_told_apart() {
        for (text, cell) in [
            ("", Cell::Empty),
            ("  ", Cell::Empty),
            ("0", Cell::Integer(0.0)),
            ("-12", Cell::Integer(-12.0)),
            ("+7 ", Cell::Integer(7.0)),
            ("0.5", Cell::Number(0.5)),
            ("-.5", Cell::Number(-0.5)),
            ("1e3", Cell::Number(1_000.0)),
            ("007", Cell::Text),
            ("1e999", Cell::Text),
            ("1.2.3", Cell::Text),
            ("-", Cell::Text),
            ("inf", Cell::Text),
            ("NaN", Cell::Text),
            ("True", Cell::Boolean),
            ("false", Cell::Boolean),
            ("truth", Cell::Text),
            ("2026-02-28", Cell::Date),
            ("0999-02-28", Cell::Date),
            ("2026-02-29", Cell::Text),
            ("2026-11-24T07:23:52Z", Cell::Date),
            ("2026-11-24 07:23", Cell::Date),
            ("20-11-2026", Cell::Text),
            ("ä", Cell::Text),
        ] {
            assert_eq!(Cell::read(text), cell, "{text:?}");
        }
    }

    #[test]
    fn a_number_may_have_leading_zeros_but_no_words() {
        assert_eq!(number(" 007 "), Some(7.0));
        assert_eq!(number("infinity"), None);
        assert_eq!(number(""), None);
        assert_eq!(number("1e400"), None);
    }
}
