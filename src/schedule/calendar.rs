//! The search for the next time that a pattern names, on a plain calendar without a time zone. A moment is counted in
//! seconds since 1970-01-01 00:00 on the wall clock. A search jumps by bit sets, so a year costs twelve steps and not
//! half a million.

use super::pattern::{ALL_DAYS, ALL_WEEKDAYS, Days, Pattern, Weekdays};

/// Seconds of a day.
pub(super) const DAY: i64 = 86_400;
/// After so many months every combination of date, weekday and leap year has come by.
const MONTHS_OF_THE_CYCLE: usize = 12 * 400;

impl Pattern {
    /// The first time at or after `from` that the pattern names.
    pub fn next(&self, from: i64) -> Option<i64> {
        let today = from.div_euclid(DAY);
        let (mut year, mut month, day) = date_of(today);
        let mut days = self.days_of(year, month);
        if has(days, day)
            && let Some(time) = self.time_from(from.rem_euclid(DAY))
        {
            return Some(today * DAY + time);
        }
        days &= u64::MAX << (day + 1);
        for _ in 0..=MONTHS_OF_THE_CYCLE {
            if days != 0 {
                return Some(day_of(year, month, lowest(days)) * DAY + self.first_time());
            }
            (year, month) = if month == 12 { (year + 1, 1) } else { (year, month + 1) };
            days = self.days_of(year, month);
        }
        None
    }

    /// How many times the pattern names from `from` on and before `to`. The work grows with the months between them.
    pub fn count(&self, from: i64, to: i64) -> u64 {
        if to <= from {
            return 0;
        }
        let (first, last) = (from.div_euclid(DAY), to.div_euclid(DAY));
        let each_day = self.times_before(DAY);
        let whole = self.days_between(first, last) * each_day;
        let of = |day: i64, at: i64| {
            let (year, month, day) = date_of(day);
            if has(self.days_of(year, month), day) { self.times_before(at.rem_euclid(DAY)) } else { 0 }
        };
        whole + of(last, to) - of(first, from)
    }

    /// Days that the pattern names from day `first` on and before day `last`.
    fn days_between(&self, first: i64, last: i64) -> u64 {
        let (mut year, mut month, day) = date_of(first);
        let (last_year, last_month, last_day) = date_of(last);
        let mut days = self.days_of(year, month) & (u64::MAX << day);
        let mut sum = 0;
        while (year, month) < (last_year, last_month) {
            sum += u64::from(days.count_ones());
            (year, month) = if month == 12 { (year + 1, 1) } else { (year, month + 1) };
            days = self.days_of(year, month);
        }
        sum + u64::from((days & !(u64::MAX << last_day)).count_ones())
    }

    /// The days of a month, bits 1 to 31.
    fn days_of(&self, year: i64, month: u32) -> u64 {
        if !has(self.months, month) {
            return 0;
        }
        let length = length_of(year, month);
        let within = (1 << (length + 1)) - 2;
        let first = (day_of(year, month, 1) + 4).rem_euclid(7) as u32;
        let by_day = self.days.within(length, first);
        let by_weekday = self.weekdays.within(length, first);
        within & if self.either { by_day | by_weekday } else { by_day & by_weekday }
    }

    /// The first time of a day at or after `of_day` seconds.
    fn time_from(&self, of_day: i64) -> Option<i64> {
        let (hour, minute, second) = (of_day / 3_600, of_day / 60 % 60, of_day % 60);
        if has(self.hours, hour as u32) {
            if has(self.minutes, minute as u32)
                && let Some(second) = at_or_after(self.seconds, second)
            {
                return Some(hour * 3_600 + minute * 60 + second);
            }
            if let Some(minute) = at_or_after(self.minutes, minute + 1) {
                return Some(hour * 3_600 + minute * 60 + i64::from(lowest(self.seconds)));
            }
        }
        let hour = at_or_after(self.hours, hour + 1)?;
        Some(hour * 3_600 + self.first_time() % 3_600)
    }

    fn first_time(&self) -> i64 {
        i64::from(lowest(self.hours) * 3_600 + lowest(self.minutes) * 60 + lowest(self.seconds))
    }

    /// How many times of a day lie before `of_day` seconds.
    fn times_before(&self, of_day: i64) -> u64 {
        let (hour, minute, second) = (of_day / 3_600, of_day / 60 % 60, of_day % 60);
        let below = |set: u64, number: i64| u64::from((set & ((1 << number) - 1)).count_ones());
        let of_minute = if has(self.minutes, minute as u32) { below(self.seconds, second) } else { 0 };
        let each_minute = u64::from(self.seconds.count_ones());
        let of_hour = below(self.minutes, minute) * each_minute + of_minute;
        let each_hour = u64::from(self.minutes.count_ones()) * each_minute;
        below(self.hours, hour) * each_hour + if hour < 24 && has(self.hours, hour as u32) { of_hour } else { 0 }
    }
}

impl Days {
    /// The days in a month of `length` days that begins on weekday `first`; bits past its end may be set.
    fn within(&self, length: u32, first: u32) -> u64 {
        let mut days = self.plain;
        if days == ALL_DAYS {
            return days;
        }
        for before in members(self.before_last).filter(|before| *before < length) {
            days |= 1 << (length - before);
        }
        for day in members(self.nearest).filter(|day| *day <= length) {
            days |= 1
                << match (first + day - 1) % 7 {
                    6 if day > 1 => day - 1,
                    6 => day + 2,
                    0 if day < length => day + 1,
                    0 => day - 2,
                    _ => day,
                };
        }
        if self.last_weekday {
            days |= 1
                << match (first + length - 1) % 7 {
                    6 => length - 1,
                    0 => length - 2,
                    _ => length,
                };
        }
        days
    }
}

impl Weekdays {
    /// The days in a month of `length` days that begins on weekday `first`; bits past its end may be set.
    fn within(&self, length: u32, first: u32) -> u64 {
        if self.plain == ALL_WEEKDAYS {
            return ALL_DAYS;
        }
        const EACH_WEEK: u64 = 1 | 1 << 7 | 1 << 14 | 1 << 21 | 1 << 28;
        let day_one = |weekday: u32| 1 + (weekday + 7 - first) % 7;
        let mut days = members(self.plain).fold(0, |days, weekday| days | EACH_WEEK << day_one(weekday));
        for (weeks, set) in (0u32..).zip(self.nth) {
            days |= members(set.into()).fold(0, |days, weekday| days | 1 << (day_one(weekday) + 7 * weeks));
        }
        for weekday in members(self.last.into()) {
            let day = day_one(weekday) + 28;
            days |= 1 << if day <= length { day } else { day - 7 };
        }
        days
    }
}

/// The numbers in a set, in order.
pub(super) fn members(set: u64) -> impl Iterator<Item = u32> + Clone {
    let rest = |set: &u64| Some(set & set.wrapping_sub(1)).filter(|rest| *rest != 0);
    std::iter::successors(Some(set).filter(|set| *set != 0), rest).map(lowest)
}

pub(super) fn has(set: u64, number: u32) -> bool {
    set >> number & 1 == 1
}

fn lowest(set: u64) -> u32 {
    set.trailing_zeros()
}

fn at_or_after(set: u64, number: i64) -> Option<i64> {
    let left = set & (u64::MAX << number);
    (left != 0).then(|| lowest(left).into())
}

/// Days of a month.
pub(super) fn length_of(year: i64, month: u32) -> u32 {
    match month {
        2 if year % 4 == 0 && (year % 100 != 0 || year % 400 == 0) => 29,
        2 => 28,
        4 | 6 | 9 | 11 => 30,
        _ => 31,
    }
}

/// Days from 1970-01-01 to a date: the year is taken to begin in March, so that the leap day is its last.
pub(super) fn day_of(year: i64, month: u32, day: u32) -> i64 {
    let (year, month) = if month < 3 { (year - 1, month + 9) } else { (year, month - 3) };
    let of_year = i64::from((153 * month + 2) / 5 + day) - 1;
    year * 365 + year.div_euclid(4) - year.div_euclid(100) + year.div_euclid(400) + of_year - 719_468
}

/// The date so many days after 1970-01-01.
pub(super) fn date_of(day: i64) -> (i64, u32, u32) {
    let day = day + 719_468;
    let (cycle, of_cycle) = (day.div_euclid(146_097), day.rem_euclid(146_097));
    let year = (of_cycle - of_cycle / 1_460 + of_cycle / 36_524 - of_cycle / 146_096) / 365;
    let of_year = of_cycle - (365 * year + year / 4 - year / 100);
    let month = (5 * of_year + 2) / 153;
    let day = of_year - (153 * month + 2) / 5 + 1;
    let (year, month) = (cycle * 400 + year, month as u32);
    if month < 10 { (year, month + 3, day as u32) } else { (year + 1, month - 9, day as u32) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dates_and_days_are_each_others_inverse() {
        let mut expected = (1970, 1, 1);
        for day in 0..200_000 {
            assert_eq!(date_of(day), expected, "day {day}");
            let (year, month, of_month) = expected;
            assert_eq!(day_of(year, month, of_month), day);
            expected = match (of_month == length_of(year, month), month == 12) {
                (false, _) => (year, month, of_month + 1),
                (true, false) => (year, month + 1, 1),
                (true, true) => (year + 1, 1, 1),
            };
        }
        assert_eq!(date_of(-1), (1969, 12, 31));
        assert_eq!(date_of(day_of(-4, 2, 29)), (-4, 2, 29));
    }
}
