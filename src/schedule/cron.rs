//! A cron expression: five fields or six (seconds first), names, macros, `L`, `W` and `#`. What can never come is
//! refused when it is read.

use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::calendar::{DAY, day_of};
use super::pattern::{ALL_HOURS, Pattern};
use crate::limits;

/// A cron expression that names at least one time.
///
/// | field | values | besides `*`, `a,b`, `a-b`, `*/n`, `a/n`, `a-b/n` |
/// | --- | --- | --- |
/// | second (only in the form of six) | 0-59 | |
/// | minute | 0-59 | |
/// | hour | 0-23 | |
/// | day of month | 1-31 | `L` last day, `L-3` three days before it, `15W` the weekday nearest to the 15th, `LW` last weekday, `?` |
/// | month | 1-12, JAN-DEC | |
/// | day of week | 0-7, SUN-SAT, 0 and 7 are Sunday | `FRI#2` second Friday, `FRIL` last Friday, `?` |
///
/// When neither day field begins with `*`, a day counts that either of them names, as crontabs have always had it;
/// otherwise one that both name. `@hourly`, `@daily`, `@midnight`, `@weekly`, `@monthly`, `@yearly` and `@annually`
/// stand for the usual expressions.
///
/// ```
/// use faena::schedule::Cron;
///
/// let cron: Cron = "*/15 9-17 * * MON-FRI".parse().unwrap();
/// assert_eq!(cron.describe(), "Every 15 minutes from 09:00 to 17:59, Monday to Friday.");
/// let never = "0 0 30 2 *".parse::<Cron>().unwrap_err();
/// assert!(never.to_string().contains("never"));
/// ```
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Cron {
    text: Arc<str>,
    pub(super) pattern: Pattern,
}

/// Why a text is no cron expression.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CronError {
    /// The field at fault, if it is one alone: `second`, `minute`, `hour`, `day of month`, `month`, `day of week`.
    pub field: Option<&'static str>,
    /// What is wrong with it, and what may stand there.
    pub message: String,
}

const MACROS: &[(&str, &str)] = &[
    ("@hourly", "0 * * * *"),
    ("@daily", "0 0 * * *"),
    ("@midnight", "0 0 * * *"),
    ("@weekly", "0 0 * * 0"),
    ("@monthly", "0 0 1 * *"),
    ("@yearly", "0 0 1 1 *"),
    ("@annually", "0 0 1 1 *"),
];

impl Cron {
    /// Reads an expression.
    ///
    /// # Errors
    /// [`CronError`], with the field at fault.
    pub fn new(text: &str) -> Result<Self, CronError> {
        if text.len() > limits::CRON_BYTES_MAX {
            return Err(whole(format!("is longer than {} bytes", limits::CRON_BYTES_MAX)));
        }
        let fields: Vec<&str> = text.split_whitespace().collect();
        let pattern = match fields.as_slice() {
            [] => return Err(whole("is empty; write 5 fields such as `0 2 * * *`".to_owned())),
            [name] if name.starts_with('@') => Self::new(expanded(name)?)?.pattern,
            [minute, hour, day, month, weekday] => Pattern::read(["0", minute, hour, day, month, weekday])?,
            &[second, minute, hour, day, month, weekday] => Pattern::read([second, minute, hour, day, month, weekday])?,
            fields => {
                let count = fields.len();
                let form = "minute hour day-of-month month day-of-week, with seconds before them if there are 6";
                return Err(whole(format!("has {count} fields; there are 5 or 6: {form}")));
            }
        };
        // In the 400 years after 2000 every date meets every weekday; what does not come then never comes.
        if pattern.next(day_of(2000, 1, 1) * DAY).is_none() {
            return Err(whole("names a date that never comes".to_owned()));
        }
        Ok(Self { text: fields.join(" ").into(), pattern })
    }

    /// The expression as it was written, with single spaces.
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// What it means, as an English sentence.
    pub fn describe(&self) -> String {
        super::describe::sentence(&self.pattern)
    }

    /// Whether it names every hour of a day. Such an expression is a rhythm and not an appointment: it keeps to its
    /// pace through an hour that the clock repeats.
    pub fn is_rhythm(&self) -> bool {
        self.pattern.hours == ALL_HOURS
    }
}

/// The expression that a macro stands for.
fn expanded(name: &str) -> Result<&'static str, CronError> {
    let found = MACROS.iter().find(|(known, _)| known.eq_ignore_ascii_case(name));
    found.map(|(_, text)| *text).ok_or_else(|| {
        let known: Vec<_> = MACROS.iter().map(|(known, _)| *known).collect();
        whole(format!("`{}` is not one of {}", name.escape_debug(), known.join(", ")))
    })
}

fn whole(message: String) -> CronError {
    CronError { field: None, message }
}

impl fmt::Display for CronError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.field {
            Some(field) => write!(f, "{field}: {}", self.message),
            None => write!(f, "the cron expression {}", self.message),
        }
    }
}

impl std::error::Error for CronError {}

impl fmt::Display for Cron {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.text)
    }
}

impl fmt::Debug for Cron {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl FromStr for Cron {
    type Err = CronError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Self::new(text)
    }
}

impl TryFrom<String> for Cron {
    type Error = CronError;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        Self::new(&text)
    }
}

impl From<Cron> for String {
    fn from(cron: Cron) -> Self {
        cron.text.as_ref().to_owned()
    }
}
