//! What stands after the `?`: filters and pages, each parameter checked, unknown ones refused, all faults named.

use std::time::Duration;

use actix_web::web;
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

use super::call::Call;
use super::problem::Problem;
use crate::error::{Error, FieldError};
use crate::key::{Caller, Refusal};
use crate::limits;
use crate::store::alerts::{AlertFilter, AlertPage};
use crate::store::events::{EventFilter, EventPage};
use crate::store::query::{Sort, Start};
use crate::store::schedules::{ScheduleFilter, SchedulePage, ScheduleSort};
use crate::store::{Filter, Page};

/// The parameters of a request that nobody has asked for yet.
pub(crate) struct Query {
    pairs: Vec<(String, String)>,
    faults: Vec<FieldError>,
    caller: Caller,
    /// The filter names something of itself.
    named: bool,
    refusal: Option<Refusal>,
}

impl Query {
    pub(crate) fn of(call: &Call) -> Result<Self, Problem> {
        Ok(Self::read_from(call.req.query_string(), call.caller())?)
    }

    /// Those of a query's text, for whoever asks.
    pub(crate) fn read_from(text: &str, caller: &Caller) -> Result<Self, Error> {
        let pairs = match text {
            "" => Vec::new(),
            text => web::Query::<Vec<(String, String)>>::from_query(text)
                .map_err(|_| Error::invalid("the query is not well formed"))?
                .into_inner(),
        };
        let mut faults = Vec::new();
        for (name, value) in &pairs {
            // A replacement character stands where the escapes made no UTF-8.
            if [name, value].iter().any(|part| part.contains(['\0', char::REPLACEMENT_CHARACTER])) {
                faults.push(fault(name, "contains U+0000 or is not UTF-8"));
            }
        }
        Ok(Self { pairs, faults, caller: caller.clone(), named: false, refusal: None })
    }

    /// A parameter that may stand once.
    pub(crate) fn one(&mut self, name: &str) -> Option<String> {
        let mut all = self.all(name);
        if all.len() > 1 {
            self.faults.push(fault(name, "is given more than once"));
        }
        all.pop()
    }

    /// A parameter that may stand several times.
    pub(crate) fn all(&mut self, name: &str) -> Vec<String> {
        self.pairs.extract_if(.., |(key, _)| key == name).map(|(_, value)| value).collect()
    }

    /// A parameter that may stand once, read in some way.
    pub(crate) fn read<T, E: ToString>(&mut self, name: &str, read: impl FnOnce(&str) -> Result<T, E>) -> Option<T> {
        let text = self.one(name)?;
        read(&text).map_err(|error| self.faults.push(fault(name, &error.to_string()))).ok()
    }

    /// `?wait=N`, in seconds.
    pub(crate) fn wait(&mut self) -> Option<Duration> {
        self.read("wait", |text| text.parse().map(Duration::from_secs).map_err(|_| "must be a number of seconds"))
    }

    /// `?all=true`.
    pub(crate) fn flag(&mut self, name: &str) -> bool {
        self.read(name, |text| text.parse().map_err(|_| "must be true or false")).unwrap_or(false)
    }

    /// Everything that names jobs. Whose key is one user's names that user's alone.
    pub(crate) fn filter(&mut self) -> Filter {
        let mut filter = Filter::default();
        for words in self.all("status") {
            for word in words.split(',') {
                match word.parse() {
                    Ok(status) => filter.status.push(status),
                    Err(message) => self.faults.push(fault("status", &message)),
                }
            }
        }
        filter.kind = self.read("type", str::parse);
        filter.sub_type = self.read("subType", str::parse);
        filter.priority = self.read("priority", str::parse);
        filter.user_id = self.read("userId", key);
        filter.tag = self.read("tag", key);
        filter.schedule_id = self.read("scheduleId", key);
        filter.created_after = self.read("createdAfter", str::parse);
        filter.created_before = self.read("createdBefore", str::parse);
        filter.text = self.read("q", key);
        self.named = filter != Filter::default();
        filter.user_id = self.owner(filter.user_id);
        filter
    }

    /// Whether the filter of jobs names anything of itself.
    pub(crate) fn names_something(&self) -> bool {
        self.named
    }

    /// Whose things are looked for. Naming somebody else is refused at the end.
    fn owner(&mut self, named: Option<Box<str>>) -> Option<Box<str>> {
        match self.caller.owner(named.as_deref()) {
            Ok(owner) => owner.map(Into::into),
            Err(refusal) => {
                self.refusal = Some(refusal);
                named
            }
        }
    }

    /// Which part of a list.
    pub(crate) fn page(&mut self) -> Page {
        let sort = self.read("sort", |word| match word {
            "createdAt" => Ok(Sort::CreatedAscending),
            "-createdAt" => Ok(Sort::CreatedDescending),
            other => Err(format!("`{other}` is not one of createdAt, -createdAt")),
        });
        let sort = sort.unwrap_or_default();
        let limit = self.read("limit", |text| between(text, 1, limits::PAGE_MAX)).unwrap_or(limits::PAGE_DEFAULT);
        let offset = self.read("offset", |text| between(text, 0, limits::OFFSET_MAX));
        let after = self.read("cursor", |text| read_cursor(text, sort));
        if offset.is_some() && after.is_some() {
            self.faults.push(fault("cursor", "give offset or cursor, not both"));
        }
        let start = after.map_or(Start::Offset(offset.unwrap_or(0)), Start::After);
        Page { sort, limit, start }
    }

    /// Everything that names schedules.
    pub(crate) fn schedule_filter(&mut self) -> ScheduleFilter {
        let mut filter = ScheduleFilter::default();
        for words in self.all("status") {
            for word in words.split(',') {
                match word.parse() {
                    Ok(standing) => filter.standing.push(standing),
                    Err(message) => self.faults.push(fault("status", &message)),
                }
            }
        }
        filter.enabled = self.read("enabled", |text| text.parse().map_err(|_| "must be true or false"));
        filter.sub_type = self.read("subType", str::parse);
        filter.created_by = self.read("createdBy", key);
        filter.created_by = self.owner(filter.created_by);
        filter.text = self.read("q", key);
        filter
    }

    /// Which part of a list of schedules.
    pub(crate) fn schedule_page(&mut self) -> SchedulePage {
        let sort = self.read("sort", |word| match word {
            "createdAt" => Ok(ScheduleSort::CreatedAscending),
            "-createdAt" => Ok(ScheduleSort::CreatedDescending),
            "name" => Ok(ScheduleSort::Name),
            "nextExecutionAt" => Ok(ScheduleSort::NextDue),
            other => Err(format!("`{other}` is not one of createdAt, -createdAt, name, nextExecutionAt")),
        });
        let limit = self.read("limit", |text| between(text, 1, limits::PAGE_MAX)).unwrap_or(limits::PAGE_DEFAULT);
        let offset = self.read("offset", |text| between(text, 0, limits::OFFSET_MAX)).unwrap_or(0);
        SchedulePage { sort: sort.unwrap_or_default(), limit, offset }
    }

    /// Everything that names alerts.
    pub(crate) fn alert_filter(&mut self) -> AlertFilter {
        AlertFilter {
            status: self.read("status", str::parse),
            rule: self.read("rule", str::parse),
            schedule: self.read("schedule", key),
            sub_type: self.read("subType", str::parse),
        }
    }

    /// Which part of a list of alerts.
    pub(crate) fn alert_page(&mut self) -> AlertPage {
        let limit = self.read("limit", |text| between(text, 1, limits::PAGE_MAX)).unwrap_or(limits::PAGE_DEFAULT);
        let offset = self.read("offset", |text| between(text, 0, limits::OFFSET_MAX)).unwrap_or(0);
        AlertPage { limit, offset }
    }

    /// Everything that names events. Whose key is one user's names that user's alone.
    pub(crate) fn event_filter(&mut self) -> EventFilter {
        let mut filter = EventFilter::default();
        for words in self.all("type") {
            for word in words.split(',') {
                match word.parse() {
                    Ok(pattern) => filter.types.push(pattern),
                    Err(message) => self.faults.push(fault("type", &message)),
                }
            }
        }
        filter.sort = self.read("aggregateType", key);
        filter.id = self.read("aggregateId", key);
        filter.since = self.read("since", str::parse);
        filter.until = self.read("until", str::parse);
        filter.user = self.read("userId", key);
        filter.user = self.owner(filter.user);
        filter
    }

    /// Which part of a list of events, and in which order.
    pub(crate) fn event_page(&mut self) -> (EventPage, Sort) {
        let sort = self.read("sort", |word| match word {
            "occurredAt" => Ok(Sort::CreatedAscending),
            "-occurredAt" => Ok(Sort::CreatedDescending),
            other => Err(format!("`{other}` is not one of occurredAt, -occurredAt")),
        });
        let sort = sort.unwrap_or_default();
        let limit = self.read("limit", |text| between(text, 1, limits::PAGE_MAX)).unwrap_or(limits::PAGE_DEFAULT);
        let after = self.read("cursor", |text| match (text, sort) {
            ("end", Sort::CreatedAscending) => Ok(PLACE_MAX),
            ("end", Sort::CreatedDescending) => Err("is `end`, which goes with sort=occurredAt"),
            _ => read_cursor(text, sort),
        });
        (EventPage { newest_first: sort == Sort::CreatedDescending, after, limit }, sort)
    }

    /// Refuses a parameter with a reason of its own.
    pub(crate) fn refuse(&mut self, name: &str, reason: &str) {
        if !self.all(name).is_empty() {
            self.faults.push(fault(name, reason));
        }
    }

    /// Ends the reading: what nobody has asked for is refused.
    pub(crate) fn end(mut self) -> Result<(), Error> {
        for (name, _) in &self.pairs {
            self.faults.push(fault(name, "is not a parameter of this address"));
        }
        match self.refusal {
            _ if !self.faults.is_empty() => Err(Error::fields(self.faults)),
            Some(refusal) => Err(refusal.into()),
            None => Ok(()),
        }
    }
}

/// Refuses any parameter.
pub(crate) fn none(call: &Call) -> Result<(), Problem> {
    if call.req.query_string().is_empty() { Ok(()) } else { Ok(Query::of(call)?.end()?) }
}

/// Whether `If-None-Match` names a tag: weak tags are compared as such (RFC 9110, 13.1.2).
pub(crate) fn matches(seen: &str, etag: &str) -> bool {
    let opaque = |tag: &str| tag.trim().trim_start_matches("W/").to_owned();
    seen.split(',').any(|tag| tag.trim() == "*" || opaque(tag) == opaque(etag))
}

fn fault(field: &str, message: &str) -> FieldError {
    FieldError { field: field.to_owned(), message: message.to_owned() }
}

fn key(text: &str) -> Result<Box<str>, String> {
    match text.len() {
        1..=limits::KEY_BYTES_MAX => Ok(text.into()),
        _ => Err(format!("must have 1 to {} bytes", limits::KEY_BYTES_MAX)),
    }
}

fn between(text: &str, low: usize, high: usize) -> Result<usize, String> {
    let number = text.parse().ok().filter(|number| (low..=high).contains(number));
    number.ok_or_else(|| format!("must be a whole number between {low} and {high}"))
}

/// The place after a sequence number, for a client to go on from. It stays good when the job there is gone: it is a
/// place in the order of acceptance, not a job.
pub(crate) fn cursor(after: u64, sort: Sort) -> String {
    let mut bytes = [0_u8; CURSOR_BYTES];
    bytes[0] = sort_byte(sort);
    bytes[1..].copy_from_slice(&after.to_be_bytes());
    URL_SAFE_NO_PAD.encode(bytes)
}

/// Behind every place of the log, on every engine.
const PLACE_MAX: u64 = i64::MAX as u64;

const CURSOR_BYTES: usize = 1 + 8;

fn read_cursor(text: &str, sort: Sort) -> Result<u64, &'static str> {
    let broken = "is not a nextCursor of this list";
    let bytes: [u8; CURSOR_BYTES] = URL_SAFE_NO_PAD.decode(text).map_err(|_| broken)?.try_into().map_err(|_| broken)?;
    if bytes[0] != sort_byte(sort) {
        return Err("belongs to a list in the other order; give the same sort with it");
    }
    let seq: [u8; 8] = bytes[1..].try_into().map_err(|_| broken)?;
    Ok(u64::from_be_bytes(seq))
}

fn sort_byte(sort: Sort) -> u8 {
    match sort {
        Sort::CreatedDescending => 0,
        Sort::CreatedAscending => 1,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tags_are_compared_weakly() {
        assert!(matches("W/\"1-2\"", "W/\"1-2\""));
        assert!(matches("\"0\", \"1-2\"", "W/\"1-2\""));
        assert!(matches("*", "W/\"1-2\""));
        assert!(!matches("W/\"1-3\"", "W/\"1-2\""));
    }

    #[test]
    fn a_cursor_reads_back_its_place_and_only_in_its_order() {
        let text = cursor(77, Sort::CreatedAscending);
        assert_eq!(read_cursor(&text, Sort::CreatedAscending), Ok(77));
        assert!(read_cursor(&text, Sort::CreatedDescending).is_err());
        for broken in ["", "abc", "***", &text[1..]] {
            assert!(read_cursor(broken, Sort::CreatedAscending).is_err(), "{broken}");
        }
    }
}
