//! `POST /schedules/validate/cron`: what an expression means and when it comes next, before anything relies on it.

use std::borrow::Cow;

use actix_web::http::StatusCode;
use actix_web::web::Payload;
use serde::Deserialize;
use utoipa::ToSchema;

use super::call::{Answer, Call};
use super::present::json;
use super::view::{Created, ForecastView, counted};
use super::{body, complaints, query};
use crate::service::forecast::{Question, forecast};

/// An expression to look ahead for.
#[derive(Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[schema(as = CronQuestion)]
pub(crate) struct ForecastRequest<'a> {
    /// Five fields, or six with seconds first, or a macro such as `@daily`.
    #[serde(borrow)]
    #[schema(value_type = String, max_length = 256, example = "0 2 * * *")]
    cron_expression: Cow<'a, str>,
    /// An IANA time zone; UTC when left out.
    #[serde(borrow)]
    #[schema(value_type = Option<String>, example = "Europe/Berlin")]
    timezone: Option<Cow<'a, str>>,
    /// The times come after this moment (RFC 3339); now when left out.
    #[serde(borrow)]
    #[schema(value_type = Option<String>, format = DateTime)]
    after: Option<Cow<'a, str>>,
    /// How many times; 5 when left out.
    #[schema(minimum = 1, maximum = 1000)]
    count: Option<u32>,
}

/// `POST /schedules/validate/cron`
pub(crate) async fn validate(call: Call, payload: Payload) -> Answer {
    query::none(&call)?;
    let text = body::json(&call, payload).await?;
    let wish: ForecastRequest<'_> =
        serde_json::from_slice(&text).map_err(|error| complaints::about(&complaints::FORECAST, &text, &error))?;
    let question = Question {
        expression: &wish.cron_expression,
        timezone: wish.timezone.as_deref(),
        after: wish.after.as_deref(),
        count: wish.count.map(|count| count as usize),
    };
    let forecast = forecast(&question, call.service().now())?;
    let message = match forecast.ticks.len() as u64 {
        0 => "The expression is valid, and does not come again.".to_owned(),
        count => format!("The expression is valid; here are its next {}.", counted(count, "time")),
    };
    json(StatusCode::OK, &Created::new(ForecastView::of(&forecast), &message))
}
