//! Which types of events somebody wants: one, a family (`job.*`), or all (`*`).

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use super::EventType;
use super::words::{family, is_spelled_well};

/// A pattern of types. A star stands at the end, alone or after a dot, and for everything that may follow.
///
/// ```
/// use faena::event::{EventType, Pattern};
///
/// let pattern: Pattern = "job.*".parse().unwrap();
/// assert!(pattern.matches(&EventType::new("job.failed").unwrap()));
/// assert!(!pattern.matches(&EventType::new("jobs").unwrap()));
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Pattern(Box<str>);

impl Pattern {
    /// Every event.
    pub fn all() -> Self {
        Self("*".into())
    }

    /// Whether events of a type are wanted.
    pub fn matches(&self, kind: &EventType) -> bool {
        self.names(kind.as_str())
    }

    /// The same of a type as text.
    pub(crate) fn names(&self, kind: &str) -> bool {
        match self.0.strip_suffix('*') {
            // The dot before the star belongs to what comes before it: `job.*` is not `jobs`.
            Some(head) => kind.starts_with(head),
            None => kind == &*self.0,
        }
    }

    /// The pattern as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for Pattern {
    type Err = String;

    /// Reads a pattern. One that can never match is refused, since it is a typing error.
    fn from_str(text: &str) -> Result<Self, String> {
        let Some(head) = text.strip_suffix('*') else {
            return EventType::new(text).map(|kind| Self(kind.as_str().into()));
        };
        let is_family = |head: &str| is_spelled_well(head) && !head.ends_with('.');
        match head.strip_suffix('.') {
            // The types of a family have no further parts.
            Some(head) if is_family(head) && (family(head).is_none() || !head.contains('.')) => Ok(Self(text.into())),
            None if head.is_empty() => Ok(Self::all()),
            _ => Err(format!(
                "`{}` is no pattern of events; use a type such as job.failed, a family such as job.*, or * for all",
                text.escape_debug().take(80).collect::<String>()
            )),
        }
    }
}

impl From<super::Kind> for Pattern {
    fn from(kind: super::Kind) -> Self {
        Self(kind.as_str().into())
    }
}

impl fmt::Display for Pattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

impl TryFrom<String> for Pattern {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        text.parse()
    }
}

impl From<Pattern> for String {
    fn from(pattern: Pattern) -> Self {
        pattern.0.into()
    }
}
