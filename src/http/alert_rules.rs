//! `/alerts/rules`: what is watched. A rule is kept as a whole, under the conditions of `If-Match`.

use actix_web::HttpResponse;
use actix_web::http::StatusCode;
use actix_web::http::header;
use actix_web::web::Payload;
use serde::Deserialize;
use utoipa::ToSchema;

use super::call::{Answer, Call};
use super::present::{json, json_into};
use super::request::Faults;
use super::states::expected;
use super::view::{Created, Listed, RuleView};
use super::{body, complaints, query};
use crate::alert::{Kind, Rule};
use crate::error::Error;
use crate::job::Name;
use crate::store::alerts::KeptRule;

/// A rule to keep. Its bound has the name of what it counts: `count`, `seconds` or `jobs`.
#[derive(Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[schema(as = NewAlertRule)]
pub(crate) struct RuleRequest {
    /// What it watches.
    #[schema(value_type = super::view::AlertKindWord)]
    kind: String,
    /// Failures in a row that are reported. Of `failures_in_a_row`, where it is 2 when left out, and of `endpoint_off`, where it
    /// is 1.
    #[schema(minimum = 1, maximum = 1000)]
    count: Option<u32>,
    /// How long it may take. Of `execution_longer`, `no_execution` and `queue_wait`, which need it.
    #[schema(minimum = 1, maximum = 31622400)]
    seconds: Option<u32>,
    /// How many jobs may be ready and wait. Of `queue_depth`, which needs it.
    #[schema(minimum = 1, maximum = 1000000000)]
    jobs: Option<u32>,
    /// Only jobs of this subtype, and schedules that make them. Not of endpoints.
    #[schema(pattern = "^[a-z][a-z0-9_.-]{0,63}$")]
    sub_type: Option<String>,
    /// Only the schedule with this id or name. Not of queues and endpoints.
    #[schema(min_length = 1, max_length = 200)]
    schedule: Option<String>,
    /// Whether anybody looks at it; true when left out.
    enabled: Option<bool>,
}

/// `GET /alerts/rules`
pub(crate) async fn list(call: Call, _: Payload) -> Answer {
    query::none(&call)?;
    let rules = call.service().alert_rules().await?;
    json(StatusCode::OK, &Listed::whole(rules.iter().map(|kept| RuleView::of(kept)).collect(), "alert rule"))
}

/// `GET /alerts/rules/{name}`
pub(crate) async fn get(call: Call, _: Payload) -> Answer {
    query::none(&call)?;
    let kept = call.service().alert_rule(&name(&call)?).await?;
    let tag = etag(&kept);
    let unchanged = call.header(&header::IF_NONE_MATCH).is_some_and(|seen| query::matches(seen, &tag));
    let mut answer = HttpResponse::build(if unchanged { StatusCode::NOT_MODIFIED } else { StatusCode::OK });
    answer.insert_header((header::ETAG, tag));
    if unchanged {
        return Ok(answer.finish());
    }
    json_into(answer, &RuleView::of(&kept))
}

/// `PUT /alerts/rules/{name}`
pub(crate) async fn put(call: Call, payload: Payload) -> Answer {
    query::none(&call)?;
    let (name, expected) = (name(&call)?, expected(&call)?);
    let text = body::json(&call, payload).await?;
    let request: RuleRequest =
        serde_json::from_slice(&text).map_err(|error| complaints::about(&complaints::RULE, &text, &error))?;
    let (kept, is_new) = call.service().put_alert_rule(request.into_rule(name)?, expected).await?;
    let mut answer = HttpResponse::build(if is_new { StatusCode::CREATED } else { StatusCode::OK });
    answer.insert_header((header::ETAG, etag(&kept)));
    json_into(answer, &Created::new(RuleView::of(&kept), &format!("Alert rule {} kept.", kept.rule.name)))
}

/// `DELETE /alerts/rules/{name}`
pub(crate) async fn remove(call: Call, _: Payload) -> Answer {
    query::none(&call)?;
    body::none(&call)?;
    call.service().remove_alert_rule(name(&call)?, expected(&call)?).await?;
    Ok(HttpResponse::NoContent().finish())
}

impl RuleRequest {
    fn into_rule(self, name: Name) -> Result<Rule, Error> {
        let mut faults = Faults::default();
        let kind = faults.take("kind", self.kind.parse::<Kind>());
        let sub_type = self.sub_type.and_then(|text| faults.take("subType", Name::new(text)));
        let Some(kind) = kind else { return Err(faults.into()) };
        let mut bound = kind.bound_default();
        for (unit, value) in [("count", self.count), ("seconds", self.seconds), ("jobs", self.jobs)] {
            match value.map(u64::from) {
                Some(value) if unit == kind.unit() => bound = Some(value),
                Some(_) => faults.add(unit, format!("is not what {kind} counts; its bound is `{}`", kind.unit())),
                None => {}
            }
        }
        if bound.is_none() {
            faults.add(kind.unit(), format!("is required: it is the bound of {kind}"));
        }
        match bound {
            Some(bound) if faults.is_empty() => Ok(Rule {
                sub_type,
                schedule: self.schedule.map(Into::into),
                enabled: self.enabled.unwrap_or(true),
                ..Rule::new(name, kind, bound)
            }),
            _ => Err(faults.into()),
        }
    }
}

fn name(call: &Call) -> Result<Name, Error> {
    Name::new(call.part("name")).map_err(|message| Error::field("name", message))
}

/// The revision as a tag. It is a strong one: the same revision is the same rule.
fn etag(kept: &KeptRule) -> String {
    format!("\"{}\"", kept.revision)
}
