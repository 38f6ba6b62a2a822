//! Time zones, from the IANA database that is built into the program: every node computes with the same rules, and a
//! machine without a database needs none.

use std::fmt;
use std::str::FromStr;

use jiff::tz::{TimeZone, TimeZoneDatabase};
use serde::{Deserialize, Serialize};

use crate::limits;

/// A time zone of the IANA database, such as `Europe/Berlin`.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Zone(TimeZone);

/// There is no such time zone.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UnknownZone {
    /// What was asked for, shortened.
    pub name: String,
    /// The zone that was probably meant.
    pub nearest: Option<String>,
}

/// A stretch of time during which the clocks of a zone stand still against UTC. All in seconds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Span {
    /// First second of it.
    pub start: i64,
    /// First second after it.
    pub end: i64,
    /// What the clocks were ahead of UTC before it, in it and after it.
    pub before: i64,
    pub offset: i64,
    pub after: i64,
}

/// The seconds that spans are looked up for: the years 1 to 9998. What lies outside is nobody's schedule.
pub(super) const FIRST_SECOND: i64 = -62_135_596_800;
pub(super) const LAST_SECOND: i64 = 253_370_764_799;

impl Zone {
    /// Finds a zone by its name, in whatever case.
    ///
    /// # Errors
    /// [`UnknownZone`], with the name that was probably meant.
    pub fn new(name: &str) -> Result<Self, UnknownZone> {
        let found = TimeZoneDatabase::bundled().get(name).ok().filter(|zone| zone.iana_name().is_some());
        found.map(Self).ok_or_else(|| UnknownZone { name: shortened(name), nearest: nearest(name) })
    }

    /// Coordinated universal time.
    pub fn utc() -> Self {
        Self(TimeZone::UTC)
    }

    /// The zone's name, spelled as the database has it.
    pub fn as_str(&self) -> &str {
        self.0.iana_name().unwrap_or("UTC")
    }

    /// The names of all zones, in order.
    pub fn names() -> Vec<String> {
        let mut names: Vec<_> = TimeZoneDatabase::bundled().available().map(|name| name.to_string()).collect();
        names.sort_unstable();
        names
    }

    /// The span that a second belongs to. It must lie between [`FIRST_SECOND`] and [`LAST_SECOND`].
    pub(super) fn span_at(&self, second: i64) -> Span {
        let at = |second: i64| jiff::Timestamp::from_second(second).unwrap_or(jiff::Timestamp::MAX);
        let offset = |second: i64| i64::from(self.0.to_offset(at(second)).seconds());
        let started = self.0.preceding(at(second + 1)).next().map(|change| change.timestamp().as_second());
        let ends = self.0.following(at(second)).next();
        let here = offset(second);
        Span {
            start: started.unwrap_or(i64::MIN),
            end: ends.as_ref().map_or(i64::MAX, |change| change.timestamp().as_second()),
            before: started.map_or(here, |start| offset(start - 1)),
            offset: here,
            after: ends.map_or(here, |change| change.offset().seconds().into()),
        }
    }
}

/// The name that lies nearest: in full, or by its last part alone (`Berlin`). What is too far off is no suggestion.
fn nearest(name: &str) -> Option<String> {
    let plain = |name: &str| name.to_ascii_lowercase().replace(' ', "_");
    let wanted = plain(name);
    if wanted.len() > limits::ZONE_BYTES_MAX {
        return None;
    }
    let far = |known: &str| {
        let known = plain(known);
        let city = known.rsplit('/').next().unwrap_or_default();
        distance(&wanted, &known).min(distance(wanted.rsplit('/').next().unwrap_or_default(), city) + 1)
    };
    let (steps, found) = Zone::names().into_iter().map(|known| (far(&known), known)).min()?;
    (steps <= 1 + wanted.len() / 4).then_some(found)
}

/// Steps from one word to another: a letter more, less or other (Levenshtein 1966), row by row.
fn distance(from: &str, to: &str) -> usize {
    let mut row: Vec<usize> = (0..=to.len()).collect();
    for (above, a) in (1..).zip(from.bytes()) {
        let mut diagonal = std::mem::replace(&mut row[0], above);
        for (at, b) in (1..).zip(to.bytes()) {
            let changed = diagonal + usize::from(a != b);
            diagonal = row[at];
            row[at] = changed.min(row[at] + 1).min(row[at - 1] + 1);
        }
    }
    row[to.len()]
}

fn shortened(name: &str) -> String {
    name.escape_debug().take(limits::ZONE_BYTES_MAX).collect()
}

impl fmt::Display for UnknownZone {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "`{}` is not an IANA time zone", self.name)?;
        match &self.nearest {
            Some(nearest) => write!(f, "; did you mean `{nearest}`?"),
            None => f.write_str(" such as `Europe/Berlin` or `UTC`"),
        }
    }
}

impl std::error::Error for UnknownZone {}

impl fmt::Display for Zone {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

impl fmt::Debug for Zone {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl FromStr for Zone {
    type Err = UnknownZone;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Self::new(text)
    }
}

impl TryFrom<String> for Zone {
    type Error = UnknownZone;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        Self::new(&text)
    }
}

impl From<Zone> for String {
    fn from(zone: Zone) -> Self {
        zone.as_str().to_owned()
    }
}
