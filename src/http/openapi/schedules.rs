//! The operations on schedules.

use serde_json::json;

use super::operation::{Operation, json as in_json, post};
use super::schemas::{created, named};
use super::view::ForecastView;
use crate::http::cron::ForecastRequest;

pub(super) fn operations() -> Vec<Operation> {
    vec![validate()]
}

fn validate() -> Operation {
    let example = json!({
        "cronExpression": "30 2 * * *",
        "timezone": "Europe/Berlin",
        "after": "2026-03-27T12:00:00Z",
        "count": 3,
    });
    post("/schedules/validate/cron", "validateCron", "Say what a cron expression means and when it comes next")
        .tag("schedules")
        .about(
            "400 names what is wrong with an expression, also with one that can be read but names a date that never \
             comes. A time that the clock leaps over comes at the first instant after the leap, one that it shows twice \
             the first time; both are marked.",
        )
        .takes(vec![("application/json", named::<ForecastRequest<'static>>(), example)])
        .gives(200, in_json("It is valid.", created(named::<ForecastView<'static>>())))
}
