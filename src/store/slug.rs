//! The names that applications give to locks and saved states.

use std::borrow::Borrow;
use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

use crate::limits;

/// The name of a lock or of a saved state: a letter or digit, then up to 127 letters, digits, `_`, `.`, `:`, `-`. It
/// stands in an address as it is. Clones share one allocation.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Slug(Arc<str>);

impl Slug {
    /// Checks and keeps a name.
    ///
    /// # Errors
    /// A sentence that names the alphabet, when `text` leaves it.
    pub fn new(text: impl AsRef<str>) -> Result<Self, String> {
        let text = text.as_ref();
        let starts_well = text.bytes().next().is_some_and(|byte| byte.is_ascii_alphanumeric());
        let goes_on_well = text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"_.:-".contains(&byte));
        if starts_well && goes_on_well && text.len() <= limits::SLUG_BYTES_MAX {
            return Ok(Self(text.into()));
        }
        Err(format!(
            "`{}` is not such a name: a letter or digit, then up to 127 letters, digits, `_`, `.`, `:`, `-`",
            text.escape_debug().take(80).collect::<String>()
        ))
    }

    /// The same of a name that somebody outside gives: those that begin with `faena.` are the program's own.
    ///
    /// # Errors
    /// A sentence that says so, or names the alphabet.
    pub fn given(text: impl AsRef<str>) -> Result<Self, String> {
        match text.as_ref().starts_with("faena.") {
            true => Err("names that begin with `faena.` are the program's own".to_owned()),
            false => Self::new(text),
        }
    }

    /// The name as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl Borrow<str> for Slug {
    fn borrow(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Slug {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

impl fmt::Debug for Slug {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl FromStr for Slug {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Self::new(text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_keep_to_their_alphabet() {
        for good in ["blockchain-sync", "order:42", "9.x_Y", &"a".repeat(128)] {
            assert!(Slug::new(good).is_ok(), "{good}");
        }
        for bad in ["", ".", "..", "-x", "a b", "a/b", "a\0", "ä", &"a".repeat(129)] {
            assert!(Slug::new(bad).is_err(), "{bad}");
        }
    }
}
