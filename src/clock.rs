//! Time as a value. Everything below the edges is handed a [`Timestamp`] and never reads a clock itself, so a
//! test can live through a year in a millisecond. Only a [`Clock`], held by the edges, asks the machine.

use std::fmt;
use std::str::FromStr;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

use serde::{Deserialize, Serialize};

/// A moment, in milliseconds since the Unix epoch, UTC.
///
/// It is stored as that number and shown as RFC 3339 with milliseconds and `Z`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Timestamp(i64);

impl Timestamp {
    /// The moment `millis` milliseconds after the Unix epoch.
    pub const fn from_millis(millis: i64) -> Self {
        Self(millis)
    }

    /// Milliseconds since the Unix epoch.
    pub const fn as_millis(self) -> i64 {
        self.0
    }

    /// This moment moved forward; it stops at the end of time rather than wrap.
    pub const fn plus(self, span: Duration) -> Self {
        self.plus_millis(span.as_millis() as u64)
    }

    /// This moment moved forward by milliseconds, saturating.
    pub const fn plus_millis(self, millis: u64) -> Self {
        let millis = if millis > i64::MAX as u64 { i64::MAX } else { millis as i64 };
        Self(self.0.saturating_add(millis))
    }

    /// This moment moved back by a span, saturating.
    pub const fn minus(self, span: Duration) -> Self {
        let millis = span.as_millis();
        let millis = if millis > i64::MAX as u128 { i64::MAX } else { millis as i64 };
        Self(self.0.saturating_sub(millis))
    }

    /// Milliseconds from `earlier` to this moment; zero when the order is the other way round.
    pub const fn millis_since(self, earlier: Self) -> u64 {
        let span = self.0.saturating_sub(earlier.0);
        if span < 0 { 0 } else { span as u64 }
    }
}

impl fmt::Display for Timestamp {
    /// RFC 3339 in UTC with milliseconds: `2026-11-24T07:23:52.123Z`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // Days to civil date after Howard Hinnant's `civil_from_days`; exact for every year that fits.
        let days = self.0.div_euclid(86_400_000);
        let of_day = self.0.rem_euclid(86_400_000);
        let shifted = days + 719_468;
        let era = shifted.div_euclid(146_097);
        let day_of_era = shifted.rem_euclid(146_097);
        let year_of_era = (day_of_era - day_of_era / 1_460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
        let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
        let month_from_march = (5 * day_of_year + 2) / 153;
        let day = day_of_year - (153 * month_from_march + 2) / 5 + 1;
        let month = if month_from_march < 10 { month_from_march + 3 } else { month_from_march - 9 };
        let year = year_of_era + era * 400 + i64::from(month <= 2);
        // Most of what is shown of a job is times, so the digits are put down by hand.
        let Ok(year @ 0..=9_999) = u64::try_from(year) else {
            return write!(f, "{year:04}-{month:02}-{day:02}T{}", &Self(of_day).to_string()[11..]);
        };
        let mut text = *b"0000-00-00T00:00:00.000Z";
        let parts = [
            (0, 4, year),
            (5, 2, month.unsigned_abs()),
            (8, 2, day.unsigned_abs()),
            (11, 2, of_day.unsigned_abs() / 3_600_000),
            (14, 2, of_day.unsigned_abs() / 60_000 % 60),
            (17, 2, of_day.unsigned_abs() / 1_000 % 60),
            (20, 3, of_day.unsigned_abs() % 1_000),
        ];
        for (at, digits, number) in parts {
            let mut rest = number;
            for place in text[at..at + digits].iter_mut().rev() {
                *place = b'0' + (rest % 10) as u8;
                rest /= 10;
            }
        }
        f.write_str(std::str::from_utf8(&text).unwrap_or_default())
    }
}

impl FromStr for Timestamp {
    type Err = String;

    /// Reads RFC 3339 with any offset.
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        text.parse::<jiff::Timestamp>()
            .map(|at| Self(at.as_millisecond()))
            .map_err(|_| format!("`{text}` is not a time such as 2026-11-24T07:23:52.123Z"))
    }
}

/// Where the edges get their moments from.
#[derive(Debug, Clone, Default)]
pub enum Clock {
    /// The machine's wall clock.
    #[default]
    System,
    /// The machine's wall clock, put right by so many milliseconds: nodes that share a database go by its clock.
    Corrected(Arc<AtomicI64>),
    /// A clock that stands still until it is moved, for tests.
    Manual(Arc<AtomicI64>),
}

impl Clock {
    /// A clock that shows `at` until [`Clock::advance`] moves it.
    pub fn manual(at: Timestamp) -> Self {
        Self::Manual(Arc::new(AtomicI64::new(at.0)))
    }

    /// The moment this clock shows.
    #[expect(clippy::disallowed_methods, reason = "the one place that asks the machine for the time")]
    pub fn now(&self) -> Timestamp {
        match self {
            Self::System => Timestamp(
                std::time::SystemTime::now()
                    .duration_since(std::time::UNIX_EPOCH)
                    .map_or(0, |since| since.as_millis() as i64),
            ),
            Self::Corrected(by) => Timestamp(Self::System.now().0.saturating_add(by.load(Ordering::Acquire))),
            Self::Manual(millis) => Timestamp(millis.load(Ordering::SeqCst)),
        }
    }

    /// Moves a manual clock forward; the system's clock cannot be moved and is left alone.
    pub fn advance(&self, span: Duration) {
        if let Self::Manual(millis) = self {
            millis.fetch_add(span.as_millis() as i64, Ordering::SeqCst);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shows_and_reads_rfc_3339() {
        for (millis, text) in [
            (0, "1970-01-01T00:00:00.000Z"),
            (951_782_400_000, "2000-02-29T00:00:00.000Z"),
            (1_764_000_000_123, "2025-11-24T16:00:00.123Z"),
            (-1, "1969-12-31T23:59:59.999Z"),
        ] {
            assert_eq!(Timestamp(millis).to_string(), text);
            assert_eq!(text.parse::<Timestamp>(), Ok(Timestamp(millis)));
        }
        assert_eq!(Timestamp(253_402_300_800_001).to_string(), "10000-01-01T00:00:00.001Z");
        assert_eq!("1970-01-01T02:00:00+02:00".parse(), Ok(Timestamp(0)));
        assert!("yesterday".parse::<Timestamp>().is_err());
    }

    #[test]
    fn spans_never_wrap() {
        assert_eq!(Timestamp(i64::MAX).plus(Duration::MAX), Timestamp(i64::MAX));
        assert_eq!(Timestamp(5).millis_since(Timestamp(9)), 0);
        assert_eq!(Timestamp(5).minus(Duration::from_millis(9)), Timestamp(-4));
    }
}
