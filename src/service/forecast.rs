//! What a cron expression means and when it comes next: a look ahead for whoever is about to rely on it. It asks no
//! store, so the command line has it without a server.

use crate::clock::Timestamp;
use crate::error::{Error, FieldError};
use crate::limits;
use crate::schedule::{Cron, CronError, Tick, Timetable, Zone};

/// An expression to look ahead for.
#[derive(Debug, Clone, Copy)]
pub struct Question<'a> {
    /// Five fields or six, or a macro.
    pub expression: &'a str,
    /// Name of an IANA time zone; UTC when left out.
    pub timezone: Option<&'a str>,
    /// The times come after this moment, in RFC 3339; after the present one when left out.
    pub after: Option<&'a str>,
    /// How many times; [`FORECAST_DEFAULT`](limits::FORECAST_DEFAULT) when left out.
    pub count: Option<usize>,
}

/// What an expression means, and when it comes.
#[derive(Debug, Clone, PartialEq)]
pub struct Forecast {
    /// The expression and its zone, with the usual rule for clock changes.
    pub timetable: Timetable,
    /// One English sentence.
    pub description: String,
    /// The next times, fewer than were asked for when there are no more.
    pub ticks: Vec<Tick>,
}

/// Looks ahead.
///
/// # Errors
/// [`Error::Invalid`] with every field at fault: an expression that cannot be read or never comes, an unknown zone, a
/// time or a count that is none.
pub fn forecast(question: &Question<'_>, now: Timestamp) -> Result<Forecast, Error> {
    let mut faults = Vec::new();
    let mut complain = |field: &str, message| faults.push(FieldError { field: field.to_owned(), message });
    let cron = Cron::new(question.expression).map_err(|error| complain("cronExpression", cron_fault(&error))).ok();
    let zone = Zone::new(question.timezone.unwrap_or("UTC"));
    let zone = zone.map_err(|error| complain("timezone", error.to_string())).ok();
    let after = question.after.map_or(Ok(now), str::parse).map_err(|message| complain("after", message)).ok();
    let count = question.count.unwrap_or(limits::FORECAST_DEFAULT);
    if !(1..=limits::FORECAST_MAX).contains(&count) {
        complain("count", format!("must be a whole number between 1 and {}", limits::FORECAST_MAX));
    }
    let (Some(cron), Some(zone), Some(after), true) = (cron, zone, after, faults.is_empty()) else {
        return Err(Error::fields(faults));
    };
    let description = cron.describe();
    let timetable = Timetable::new(cron, zone);
    let ticks = timetable.ticks(after).take(count).collect();
    Ok(Forecast { timetable, description, ticks })
}

/// What is wrong with an expression, for a complaint that names the field it came in.
pub fn cron_fault(error: &CronError) -> String {
    match error.field {
        Some(part) => format!("{part}: {}", error.message),
        None => error.message.clone(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ask<'a>(expression: &'a str, timezone: &'a str, count: usize) -> Result<Forecast, Error> {
        let now = "2026-11-24T12:00:00Z".parse().unwrap();
        forecast(&Question { expression, timezone: Some(timezone), after: None, count: Some(count) }, now)
    }

    #[test]
    fn all_faults_are_named_at_once() {
        let Err(Error::Invalid { details, .. }) = ask("0 0 30 2 *", "Europe/Berlyn", 0) else { panic!("accepted") };
        let told: Vec<_> = details.iter().map(|fault| (fault.field.as_str(), fault.message.as_str())).collect();
        assert_eq!(told[0], ("cronExpression", "names a date that never comes"));
        assert_eq!(told[1].0, "timezone");
        assert!(told[1].1.contains("did you mean `Europe/Berlin`?"), "{told:?}");
        assert_eq!(told[2], ("count", "must be a whole number between 1 and 1000"));
    }

    #[test]
    fn as_many_times_as_were_asked_for_each_after_the_one_before() {
        let forecast = ask("*/20 * * * *", "europe/berlin", 1_000).unwrap();
        assert_eq!(forecast.ticks.len(), 1_000);
        assert!(forecast.ticks.windows(2).all(|pair| pair[0].at < pair[1].at));
        assert_eq!(forecast.ticks[0].local(), "2026-11-24T13:20:00+01:00");
        assert_eq!(forecast.timetable.zone.as_str(), "Europe/Berlin");
    }
}
