//! What a cron expression means: sets of numbers, and rules that name days by where they stand in their month.

use super::CronError;
use super::field::{Column, DAY, HOUR, MINUTE, MONTH, SECOND, WEEKDAY};

/// The times of the clock and the days that an expression names.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Pattern {
    pub seconds: u64,
    pub minutes: u64,
    pub hours: u64,
    /// Bits 1 to 12.
    pub months: u64,
    pub days: Days,
    pub weekdays: Weekdays,
    /// Whether a day counts that only one of the two day fields names: when neither of them begins with `*`.
    pub either: bool,
}

/// The field of days of the month.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Days {
    /// Bits 1 to 31.
    pub plain: u64,
    /// `L-n`: bit n, days before the last one; `L` is bit 0.
    pub before_last: u64,
    /// `nW`: bit n, the weekday nearest to that day, within its month.
    pub nearest: u64,
    /// `LW`: the last weekday.
    pub last_weekday: bool,
}

/// The field of days of the week, 0 is Sunday.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Weekdays {
    /// Bits 0 to 6.
    pub plain: u64,
    /// `d#n`: bit d of place n-1.
    pub nth: [u8; 5],
    /// `dL`: the last one in its month.
    pub last: u8,
}

/// All days of the month, and all days of the week.
pub(super) const ALL_DAYS: u64 = 0xFFFF_FFFE;
pub(super) const ALL_WEEKDAYS: u64 = 0x7F;
/// All hours, minutes or seconds, months.
pub(super) const ALL_HOURS: u64 = (1 << 24) - 1;
pub(super) const ALL_SIXTY: u64 = (1 << 60) - 1;
pub(super) const ALL_MONTHS: u64 = 0x1FFE;

impl Pattern {
    /// Reads the six fields.
    pub fn read(fields: [&str; 6]) -> Result<Self, CronError> {
        let [second, minute, hour, day, month, weekday] = fields;
        Ok(Self {
            seconds: SECOND.read(second)?,
            minutes: MINUTE.read(minute)?,
            hours: HOUR.read(hour)?,
            months: MONTH.read(month)?,
            days: Days::read(day)?,
            weekdays: Weekdays::read(weekday)?,
            either: !day.starts_with(['*', '?']) && !weekday.starts_with(['*', '?']),
        })
    }
}

impl Days {
    fn read(text: &str) -> Result<Self, CronError> {
        let mut days = Self::default();
        for item in DAY.items(text)? {
            let upper = item.to_ascii_uppercase();
            match upper.as_str() {
                "?" => days.plain |= ALL_DAYS,
                "L" => days.before_last |= 1,
                "LW" | "WL" => days.last_weekday = true,
                _ => match (upper.strip_prefix("L-"), upper.strip_suffix('W')) {
                    (Some(before), _) => days.before_last |= 1 << counted(&DAY, item, before, 30)?,
                    (_, Some(day)) => days.nearest |= 1 << DAY.number(day)?,
                    _ => days.plain |= DAY.item(item)?,
                },
            }
        }
        Ok(days)
    }
}

impl Weekdays {
    fn read(text: &str) -> Result<Self, CronError> {
        let mut weekdays = Self::default();
        for item in WEEKDAY.items(text)? {
            let upper = item.to_ascii_uppercase();
            match (upper.as_str(), upper.split_once('#'), upper.strip_suffix('L')) {
                ("?", ..) => weekdays.plain |= ALL_WEEKDAYS,
                ("L", ..) => {
                    let message = "`L` alone does not say which day; write `5L` or `FRIL` for the last Friday";
                    return Err(WEEKDAY.complaint(message.to_owned()));
                }
                (_, Some((day, nth)), _) => {
                    let nth = counted(&WEEKDAY, item, nth, 5)? as usize;
                    weekdays.nth[nth - 1] |= 1 << (WEEKDAY.number(day)? % 7);
                }
                (_, _, Some(day)) => weekdays.last |= 1 << (WEEKDAY.number(day)? % 7),
                _ => weekdays.plain |= WEEKDAY.item(item)?,
            }
        }
        Ok(weekdays)
    }
}

/// The number of a rule such as `L-3` or `MON#2`.
fn counted(column: &Column, item: &str, text: &str, high: u32) -> Result<u32, CronError> {
    let number = text.parse().ok().filter(|number| (1..=high).contains(number) && !text.starts_with('+'));
    number.ok_or_else(|| column.complaint(format!("`{item}` needs a number from 1 to {high}, not `{text}`")))
}
