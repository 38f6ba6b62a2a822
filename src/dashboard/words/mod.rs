//! Every word of the pages, in English and Spanish side by side: a word that one language lacks does not compile. Sentences have
//! places, `{0}` and on, that [`fill`] fills.

mod table;

use crate::job::Status;

pub(super) use table::Words;

/// A language of the pages.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) enum Lang {
    /// English.
    #[default]
    English,
    /// Spanish.
    Spanish,
}

impl Lang {
    /// Its code, as browsers know it.
    pub(super) const fn code(self) -> &'static str {
        match self {
            Self::English => "en",
            Self::Spanish => "es",
        }
    }

    /// The language of a code such as `es-MX`.
    pub(super) fn of(code: &str) -> Option<Self> {
        match code.split('-').next().unwrap_or_default() {
            code if code.eq_ignore_ascii_case("en") => Some(Self::English),
            code if code.eq_ignore_ascii_case("es") => Some(Self::Spanish),
            _ => None,
        }
    }

    /// A whole number with its thousands in groups.
    pub(super) fn number(self, number: u64) -> String {
        let digits = number.to_string();
        let separator = match self {
            Self::English => ',',
            Self::Spanish => '.',
        };
        let mut text = String::with_capacity(digits.len() + digits.len() / 3);
        for (place, digit) in digits.char_indices() {
            if place > 0 && (digits.len() - place).is_multiple_of(3) {
                text.push(separator);
            }
            text.push(digit);
        }
        text
    }
}

/// The words of a language.
pub(super) fn of(lang: Lang) -> &'static Words {
    match lang {
        Lang::English => &table::ENGLISH,
        Lang::Spanish => &table::SPANISH,
    }
}

/// The language of ours that an `Accept-Language` prefers (RFC 9110, 12.5.4).
pub(super) fn preferred(accepted: &str) -> Lang {
    let mut best = (0.0, Lang::default());
    for range in accepted.split(',') {
        let (code, weight) = range.split_once(";q=").unwrap_or((range, "1"));
        let weight = weight.trim().parse().unwrap_or(0.0);
        if let Some(lang) = Lang::of(code.trim()).filter(|_| weight > best.0) {
            best = (weight, lang);
        }
    }
    best.1
}

/// A sentence with its places filled.
pub(super) fn fill(sentence: &str, parts: &[&str]) -> String {
    let mut text = String::with_capacity(sentence.len() + 32);
    let mut rest = sentence;
    while let Some((before, after)) = rest.split_once('{') {
        text.push_str(before);
        let (number, after) = after.split_once('}').unwrap_or((after, ""));
        text.push_str(number.parse::<usize>().ok().and_then(|number| parts.get(number)).unwrap_or(&""));
        rest = after;
    }
    text.push_str(rest);
    text
}

/// Text as it may stand in a query.
pub(super) fn escaped(text: &str) -> String {
    url::form_urlencoded::byte_serialize(text.as_bytes()).collect()
}

impl Words {
    /// A status. Whether a job that runs has reported yet, its bar says.
    pub(super) const fn status(&self, status: Status) -> &'static str {
        match status {
            Status::Queued => self.queued,
            Status::Started | Status::Progress => self.running,
            Status::Completed => self.completed,
            Status::Failed => self.failed,
            Status::Cancelled => self.cancelled,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_browser_is_answered_in_the_language_it_prefers() {
        assert_eq!(preferred("es-ES,es;q=0.9,en;q=0.8"), Lang::Spanish);
        assert_eq!(preferred("de, en;q=0.3, es;q=0.7"), Lang::Spanish);
        assert_eq!(preferred("en-GB,en"), Lang::English);
        assert_eq!(preferred("de"), Lang::English);
        assert_eq!(preferred("es;q=nonsense"), Lang::English);
    }

    #[test]
    fn numbers_are_grouped_and_places_filled() {
        assert_eq!(Lang::English.number(1_234_567), "1,234,567");
        assert_eq!(Lang::Spanish.number(999), "999");
        assert_eq!(fill("{1} of {0}{9}", &["ten", "{0}"]), "{0} of ten");
    }
}
