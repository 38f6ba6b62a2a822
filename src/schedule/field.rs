//! One field of a cron expression, from text to a set of numbers. A complaint names the field, what was written and
//! what may stand there.

use super::CronError;

/// What a field may hold.
pub(super) struct Column {
    /// Its name in complaints.
    pub name: &'static str,
    /// Smallest number.
    pub low: u32,
    /// Largest number.
    pub high: u32,
    /// Words for the numbers from `low` on.
    pub words: &'static [&'static str],
}

pub(super) const SECOND: Column = Column { name: "second", low: 0, high: 59, words: &[] };
pub(super) const MINUTE: Column = Column { name: "minute", low: 0, high: 59, words: &[] };
pub(super) const HOUR: Column = Column { name: "hour", low: 0, high: 23, words: &[] };
pub(super) const DAY: Column = Column { name: "day of month", low: 1, high: 31, words: &[] };
pub(super) const MONTH: Column = Column {
    name: "month",
    low: 1,
    high: 12,
    words: &["JAN", "FEB", "MAR", "APR", "MAY", "JUN", "JUL", "AUG", "SEP", "OCT", "NOV", "DEC"],
};
/// 7 is Sunday as 0 is.
pub(super) const WEEKDAY: Column =
    Column { name: "day of week", low: 0, high: 7, words: &["SUN", "MON", "TUE", "WED", "THU", "FRI", "SAT"] };

impl Column {
    /// The set that a whole field names, as bits.
    pub fn read(&self, text: &str) -> Result<u64, CronError> {
        self.items(text)?.try_fold(0, |set, item| Ok(set | self.item(item)?))
    }

    /// The members of a list, none of them empty.
    pub fn items<'a>(&self, text: &'a str) -> Result<std::str::Split<'a, char>, CronError> {
        if text.split(',').any(str::is_empty) {
            return Err(self.complaint(format!("`{text}` has an empty place in its list")));
        }
        Ok(text.split(','))
    }

    /// The set that one member of a list names: `*`, `5`, `1-5`, any of them with a step `/2`.
    pub fn item(&self, text: &str) -> Result<u64, CronError> {
        let (span, step) = match text.split_once('/') {
            Some((span, step)) => (span, Some(self.step(text, step)?)),
            None => (text, None),
        };
        let (from, to) = match span.split_once('-') {
            // Sunday closes the week as well as it opens it.
            Some((from, to)) if self.high == 7 => match (self.number(from)?, self.number(to)?) {
                (from @ 1..=6, 0) => (from, 7),
                (7, to @ 0..=6) => (0, to),
                range => range,
            },
            Some((from, to)) => (self.number(from)?, self.number(to)?),
            None if span == "*" => (self.low, if self.high == 7 { 6 } else { self.high }),
            None => match self.number(span)? {
                from if step.is_some() => (from, if self.high == 7 { 6 } else { self.high }),
                from => (from, from),
            },
        };
        if from > to {
            let (first, last) = (self.low, if self.high == 7 { 6 } else { self.high });
            return Err(self.complaint(format!("`{span}` runs backwards; write `{from}-{last},{first}-{to}`")));
        }
        let set = (from..=to).step_by(step.unwrap_or(1) as usize).fold(0, |set, number| set | 1 << number);
        Ok(if self.high == 7 { (set | set >> 7) & 0x7F } else { set })
    }

    fn step(&self, item: &str, text: &str) -> Result<u32, CronError> {
        let high = self.high - self.low;
        match text.parse() {
            Ok(step) if (1..=high).contains(&step) => Ok(step),
            Ok(0) => Err(self.complaint(format!("`{item}` steps by nothing; a step is 1 to {high}"))),
            Ok(_) => Err(self.complaint(format!("the step of `{item}` leaves the field; a step is 1 to {high}"))),
            Err(_) => Err(self.complaint(format!("`{item}` has no number after `/`"))),
        }
    }

    /// One number or word.
    pub fn number(&self, text: &str) -> Result<u32, CronError> {
        if let Some(at) = self.words.iter().position(|word| word.eq_ignore_ascii_case(text)) {
            return Ok(self.low + at as u32);
        }
        let is_number = !text.is_empty() && text.len() <= 4 && text.bytes().all(|byte| byte.is_ascii_digit());
        match text.parse().ok().filter(|_| is_number) {
            Some(number) if (self.low..=self.high).contains(&number) => Ok(number),
            Some(_) => Err(self.complaint(format!("`{text}` is outside {}", self.allowed()))),
            None => Err(self.complaint(format!("`{text}` is not one of {}", self.allowed()))),
        }
    }

    fn allowed(&self) -> String {
        match self.words {
            [first, .., last] => format!("{}-{} or {first}-{last}", self.low, self.high),
            _ => format!("{}-{}", self.low, self.high),
        }
    }

    pub fn complaint(&self, message: String) -> CronError {
        CronError { field: Some(self.name), message }
    }
}
