//! What a cron expression means and when it comes next.

use serde::Serialize;
use utoipa::ToSchema;

use super::{ClockChangeWord, Shown};
use crate::clock::Timestamp;
use crate::schedule::Tick;
use crate::service::forecast::Forecast;

/// What an expression means, and when it comes.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[schema(as = CronForecast)]
pub(crate) struct ForecastView<'a> {
    /// True: what is not valid is refused with its fault.
    valid: bool,
    /// One English sentence.
    #[schema(example = "At 02:00 every day.")]
    description: &'a str,
    /// The next times; fewer than were asked for when there are no more.
    next_executions: Vec<TickView>,
}

/// One time of a schedule.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[schema(as = Tick)]
pub(crate) struct TickView {
    /// The moment, in UTC.
    #[schema(value_type = String, format = DateTime)]
    at: Shown<Timestamp>,
    /// What the clocks of the zone show then, with what they are ahead of UTC.
    #[schema(format = DateTime, example = "2026-10-25T02:30:00+02:00")]
    local: String,
    /// `gap`: it stands for a time that the clock leaps over. `fold`: the clock shows this time twice. Null otherwise.
    #[schema(value_type = Option<ClockChangeWord>, required)]
    clock_change: Option<&'static str>,
}

impl<'a> ForecastView<'a> {
    pub(crate) fn of(forecast: &'a Forecast) -> Self {
        let next_executions = forecast.ticks.iter().map(TickView::of).collect();
        Self { valid: true, description: &forecast.description, next_executions }
    }
}

impl TickView {
    fn of(tick: &Tick) -> Self {
        let clock_change = tick.clock_change.map(|change| change.as_str());
        Self { at: Shown(tick.at), local: tick.local(), clock_change }
    }
}
