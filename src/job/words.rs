//! The closed vocabularies of the domain, spelled as on the wire.

use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::limits;

/// An identity: a UUIDv7 with a type of its own, so that no id is taken for one of something else.
macro_rules! id {
    ($(#[$meta:meta])* $name:ident) => {
        $(#[$meta])*
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(transparent)]
        pub struct $name(uuid::Uuid);

        impl $name {
            /// A fresh id.
            pub fn new() -> Self {
                Self(uuid::Uuid::now_v7())
            }

            /// The id with these 16 bytes.
            pub const fn from_bytes(bytes: [u8; 16]) -> Self {
                Self(uuid::Uuid::from_bytes(bytes))
            }

            /// The 16 bytes of the id.
            pub const fn as_bytes(&self) -> &[u8; 16] {
                self.0.as_bytes()
            }
        }

        impl Default for $name {
            fn default() -> Self {
                Self::new()
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.as_hyphenated().fmt(f)
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                fmt::Display::fmt(self, f)
            }
        }

        impl FromStr for $name {
            type Err = uuid::Error;

            fn from_str(text: &str) -> Result<Self, Self::Err> {
                uuid::Uuid::try_parse(text).map(Self)
            }
        }
    };
}

pub(crate) use id;

id! {
    /// The identity of a job: a UUIDv7. It is unique everywhere and says roughly when it was made, but it is not an
    /// order (rule 32); the store's sequence is.
    JobId
}

/// A vocabulary whose words are spelled in one place and read back by [`FromStr`].
macro_rules! words {
    ($(#[$meta:meta])* $name:ident { $($(#[$doc:meta])* $variant:ident = $word:literal),+ $(,)? }) => {
        $(#[$meta])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        pub enum $name { $($(#[$doc])* #[serde(rename = $word)] $variant),+ }

        impl $name {
            /// All words, in order.
            pub const ALL: &'static [Self] = &[$(Self::$variant),+];

            /// The word as it stands on the wire.
            pub const fn as_str(self) -> &'static str {
                match self { $(Self::$variant => $word),+ }
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.pad(self.as_str())
            }
        }

        impl FromStr for $name {
            type Err = String;

            fn from_str(text: &str) -> Result<Self, Self::Err> {
                Self::ALL.iter().copied().find(|word| word.as_str() == text).ok_or_else(|| {
                    let known: Vec<_> = Self::ALL.iter().map(|word| word.as_str()).collect();
                    format!("`{text}` is not one of {}", known.join(", "))
                })
            }
        }
    };
}

pub(crate) use words;

words! {
    /// Where a job stands, as a client sees it.
    Status {
        /// Accepted, and waiting for its turn, its time or its next try.
        Queued = "queued",
        /// Handed to a processor that has not reported yet.
        Started = "started",
        /// Handed to a processor that has reported progress.
        Progress = "progress",
        /// Ended well.
        Completed = "completed",
        /// Ended badly, with no try left.
        Failed = "failed",
        /// Ended because somebody asked for it.
        Cancelled = "cancelled",
    }
}

impl Status {
    /// Those of a job that somebody works on.
    pub const RUNNING: [Self; 2] = [Self::Started, Self::Progress];

    /// Whether a job in this status can still change by itself.
    pub const fn is_terminal(self) -> bool {
        matches!(self, Self::Completed | Self::Failed | Self::Cancelled)
    }
}

words! {
    /// How urgent a job is. Waiting raises it (rule 30).
    #[derive(Default)]
    Priority {
        /// Somebody is waiting for it.
        High = "high",
        /// The usual.
        #[default]
        Normal = "normal",
        /// Whenever there is nothing better to do.
        Low = "low",
    }
}

words! {
    /// How one attempt ended. Every ending is distinct (rule 16).
    Outcome {
        /// The processor finished its work.
        Success = "success",
        /// The processor reported an error, or panicked.
        Failed = "failed",
        /// The attempt took longer than it was allowed.
        Timeout = "timeout",
        /// Somebody asked for it to stop.
        Cancelled = "cancelled",
        /// Its process died.
        Crashed = "crashed",
        /// Its lease ran out.
        Lost = "lost",
        /// A drain gave it back to the queue.
        Released = "released",
    }
}

/// A `type` or `subType`: `[a-z][a-z0-9_.-]{0,63}`. Clones share one allocation.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Name(Arc<str>);

impl Name {
    /// Checks and keeps a name.
    ///
    /// # Errors
    /// A sentence that names the alphabet, when `text` leaves it.
    pub fn new(text: impl AsRef<str>) -> Result<Self, String> {
        let text = text.as_ref();
        let mut bytes = text.bytes();
        let starts_well = bytes.next().is_some_and(|b| b.is_ascii_lowercase());
        let goes_on_well = bytes.all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b"_.-".contains(&b));
        if starts_well && goes_on_well && text.len() <= limits::NAME_BYTES_MAX {
            Ok(Self(text.into()))
        } else {
            Err(format!(
                "`{}` is not a name: a lower-case letter, then up to 63 of a-z, 0-9, `_`, `.`, `-`",
                text.escape_debug().take(80).collect::<String>()
            ))
        }
    }

    /// The name as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl std::borrow::Borrow<str> for Name {
    fn borrow(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

impl fmt::Debug for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl FromStr for Name {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Self::new(text)
    }
}

impl TryFrom<String> for Name {
    type Error = String;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        Self::new(text)
    }
}

impl From<Name> for String {
    fn from(name: Name) -> Self {
        name.0.as_ref().to_owned()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_read_back_what_they_spell() {
        for status in Status::ALL {
            assert_eq!(status.as_str().parse(), Ok(*status));
        }
        assert_eq!("urgent".parse::<Priority>().unwrap_err(), "`urgent` is not one of high, normal, low");
    }

    #[test]
    fn an_id_is_read_back_from_its_text_its_bytes_and_its_json() {
        let id = JobId::new();
        assert_eq!(id.to_string().parse(), Ok(id));
        assert_eq!(JobId::from_bytes(*id.as_bytes()), id);
        assert_eq!(serde_json::to_string(&id).unwrap(), format!("\"{id:?}\""));
        assert!("17".parse::<JobId>().is_err());
        assert_ne!(JobId::new(), id);
    }

    #[test]
    fn names_keep_to_their_alphabet() {
        for good in ["noop", "a", "ml.train-2_x"] {
            assert!(Name::new(good).is_ok(), "{good}");
        }
        for bad in ["", "Noop", "9a", "a b", "a\0", &"a".repeat(65), "á"] {
            assert!(Name::new(bad).is_err(), "{bad}");
        }
    }
}
