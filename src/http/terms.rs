//! What a client sends to have a schedule, and how it becomes a [`Spec`]. A change (`PATCH`) is laid over the terms that
//! a schedule has and then read as a whole, so that one set of rules holds for both.

use std::borrow::Cow;
use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use utoipa::ToSchema;
use utoipa::openapi::{RefOr, Schema};

use super::complaints;
use super::request::{Faults, RetryRequest};
use super::view::{DstView, RetryView};
use crate::clock::Timestamp;
use crate::error::Error;
use crate::job::Name;
use crate::limits;
use crate::schedule::{Cron, DstPolicy, NewSchedule, Schedule, Spec, Timetable, Zone};
use crate::service::forecast::cron_fault;
use crate::work::Registry;

/// A schedule to make.
#[derive(Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[schema(as = NewSchedule)]
pub(crate) struct ScheduleRequest<'a> {
    /// No other schedule has the same; it may stand in addresses in place of the id.
    #[schema(min_length = 1, max_length = 100, example = "nightly report")]
    name: String,
    /// What it is for.
    #[schema(max_length = 1000)]
    description: Option<String>,
    /// Key of the processor of its jobs.
    #[schema(pattern = "^[a-z][a-z0-9_.-]{0,63}$", example = "generate_report")]
    sub_type: String,
    /// Family of work; the processor's own when left out.
    #[serde(rename = "type")]
    #[schema(pattern = "^[a-z][a-z0-9_.-]{0,63}$")]
    kind: Option<String>,
    /// Input of its jobs, as the JSON Schema of the processor describes it; an empty object when left out.
    #[serde(borrow)]
    #[schema(value_type = Option<Object>)]
    payload: Option<&'a RawValue>,
    /// Five fields, or six with seconds first, or a macro such as `@daily`.
    #[schema(max_length = 256, example = "0 2 * * *")]
    cron_expression: String,
    /// An IANA time zone; UTC when left out.
    #[schema(example = "Europe/Berlin")]
    timezone: Option<String>,
    /// `high`, `normal` (the default) or `low`.
    #[schema(value_type = Option<super::view::PriorityWord>)]
    priority: Option<String>,
    /// When and how often its jobs are tried again; what is left out is the processor's own.
    retry_policy: Option<RetryRequest>,
    /// Time that one attempt may take; the processor's own when left out.
    #[schema(exclusive_minimum = 0)]
    timeout_seconds: Option<f64>,
    /// Whether it fires; true when left out.
    enabled: Option<bool>,
    /// What becomes of ticks that nobody was there for; `fire_once` when left out.
    #[schema(value_type = Option<super::view::MisfireWord>)]
    misfire_policy: Option<String>,
    /// Missed ticks that `fire_all` fires at most, the most recent ones; 100 when left out.
    #[schema(minimum = 1, maximum = 1000)]
    misfire_bound: Option<u32>,
    /// What becomes of a tick while an earlier job has not ended; `skip` when left out.
    #[schema(value_type = Option<super::view::OverlapWord>)]
    overlap_policy: Option<String>,
    /// What becomes of local times that a clock change skips or repeats.
    dst_policy: Option<DstRequest>,
    /// Whether no two of its jobs ever run at once, whoever asked for them.
    singleton: Option<bool>,
    /// No tick before then (RFC 3339).
    #[schema(format = DateTime)]
    start_at: Option<String>,
    /// No tick after then (RFC 3339).
    #[schema(format = DateTime)]
    end_at: Option<String>,
    /// Each tick fires up to so many seconds late, by chance.
    #[schema(minimum = 0, maximum = 3600)]
    jitter_seconds: Option<u32>,
    /// Whether somebody is told when a job fails.
    notify_on_failure: Option<bool>,
    /// Who.
    #[schema(max_items = 20)]
    notification_emails: Option<Vec<String>>,
    /// Who made it; its jobs are theirs. It stays as it was when the schedule was made.
    #[schema(min_length = 1, max_length = 200)]
    created_by: Option<String>,
}

/// What becomes of local times that a clock change skips or repeats.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = NewDstPolicy)]
pub(crate) struct DstRequest {
    /// Those that it skips; `shift` when left out.
    #[schema(value_type = Option<super::view::GapWord>)]
    gap: Option<String>,
    /// Those that it repeats; `first` when left out.
    #[schema(value_type = Option<super::view::FoldWord>)]
    fold: Option<String>,
}

/// A change of a schedule: some of its terms.
pub(crate) struct ChangeRequest;

impl utoipa::PartialSchema for ChangeRequest {
    fn schema() -> RefOr<Schema> {
        let mut schema = ScheduleRequest::schema();
        if let RefOr::T(Schema::Object(object)) = &mut schema {
            object.required.clear();
            object.description =
                Some("Some terms of a schedule; null means as if left out when it was made.".to_owned());
        }
        schema
    }
}

impl ToSchema for ChangeRequest {
    fn name() -> Cow<'static, str> {
        "ScheduleChange".into()
    }
}

/// The terms that a request names.
pub(crate) struct Terms {
    pub(crate) spec: Spec,
    pub(crate) enabled: Option<bool>,
    created_by: Option<String>,
}

/// Reads the terms of a schedule.
///
/// # Errors
/// [`Error::Invalid`] with every field at fault.
pub(crate) fn terms(text: &[u8], registry: &Registry) -> Result<Terms, Error> {
    let request: ScheduleRequest<'_> =
        serde_json::from_slice(text).map_err(|error| complaints::about(&complaints::SCHEDULE, text, &error))?;
    request.into_terms(registry)
}

impl Terms {
    /// A schedule that has them.
    pub(crate) fn into_new(self) -> NewSchedule {
        let new = NewSchedule::new(self.spec);
        NewSchedule { created_by: self.created_by.map(Into::into), enabled: self.enabled.unwrap_or(true), ..new }
    }

    /// The terms and the switch for a schedule that exists.
    ///
    /// # Errors
    /// When they name somebody else as its maker.
    pub(crate) fn into_edit(self, schedule: &Schedule) -> Result<(Spec, Option<bool>), Error> {
        match self.created_by {
            Some(by) if schedule.created_by.as_deref() != Some(&by) => {
                Err(Error::field("createdBy", "stays as it was when the schedule was made; leave it out"))
            }
            _ => Ok((self.spec, self.enabled)),
        }
    }
}

impl ScheduleRequest<'_> {
    fn into_terms(self, registry: &Registry) -> Result<Terms, Error> {
        let mut faults = Faults::default();
        let sub_type = faults.take("subType", Name::new(&self.sub_type));
        let kind = self.kind.and_then(|kind| faults.take("type", Name::new(kind)));
        let cron = Cron::new(&self.cron_expression).map_err(|error| cron_fault(&error));
        let cron = faults.take("cronExpression", cron);
        let zone = self.timezone.as_deref().unwrap_or("UTC").parse::<Zone>().map_err(|error| error.to_string());
        let zone = faults.take("timezone", zone);
        let priority = self.priority.and_then(|word| faults.take("priority", word.parse()));
        let misfire = self.misfire_policy.and_then(|word| faults.take("misfirePolicy", word.parse()));
        let overlap = self.overlap_policy.and_then(|word| faults.take("overlapPolicy", word.parse()));
        let dst = self.dst_policy.map(|dst| dst.read(&mut faults)).unwrap_or_default();
        let timeout = self.timeout_seconds.and_then(|seconds| faults.span("timeoutSeconds", seconds));
        let start_at = self.start_at.and_then(|text| faults.take("startAt", text.parse::<Timestamp>()));
        let end_at = self.end_at.and_then(|text| faults.take("endAt", text.parse::<Timestamp>()));
        let bound = self.misfire_bound.unwrap_or(limits::CATCH_UP_DEFAULT);
        if !(1..=limits::CATCH_UP_MAX).contains(&bound) {
            faults.add("misfireBound", format!("must be between 1 and {}", limits::CATCH_UP_MAX));
        }
        let (Some(sub_type), Some(cron), Some(zone)) = (sub_type, cron, zone) else { return Err(faults.into()) };
        if !faults.is_empty() {
            return Err(faults.into());
        }
        let base = registry.get(sub_type.as_str()).map(|entry| entry.retry).unwrap_or_default();
        let timetable = Timetable { cron, zone, dst };
        let spec = Spec {
            description: self.description.map(Into::into),
            kind,
            payload: self.payload.map_or("{}", RawValue::get).into(),
            priority: priority.unwrap_or_default(),
            retry: self.retry_policy.map(|retry| retry.over(base)),
            timeout_ms: timeout.map(|timeout| timeout.as_millis() as u64),
            misfire: misfire.unwrap_or_default(),
            catch_up_max: bound,
            overlap: overlap.unwrap_or_default(),
            singleton: self.singleton.unwrap_or_default(),
            start_at,
            end_at,
            jitter_seconds: self.jitter_seconds.unwrap_or_default(),
            notify_on_failure: self.notify_on_failure.unwrap_or_default(),
            notification_emails: self.notification_emails.unwrap_or_default().into_iter().map(Into::into).collect(),
            ..Spec::new(self.name, sub_type, timetable)
        };
        Ok(Terms { spec, enabled: self.enabled, created_by: self.created_by })
    }
}

impl DstRequest {
    fn read(self, faults: &mut Faults) -> DstPolicy {
        let gap = self.gap.and_then(|word| faults.take("dstPolicy.gap", word.parse()));
        let fold = self.fold.and_then(|word| faults.take("dstPolicy.fold", word.parse()));
        DstPolicy { gap: gap.unwrap_or_default(), fold: fold.unwrap_or_default() }
    }
}

/// Fields of a request as they are written: a payload is never read as anything but what it is.
type Fields = BTreeMap<String, Box<RawValue>>;

/// A change that was asked for.
pub(crate) struct Change(Fields);

/// Reads a change.
///
/// # Errors
/// [`Error::Invalid`] when it is no JSON object, or one that no schedule can take in.
pub(crate) fn change(text: &[u8]) -> Result<Change, Error> {
    serde_json::from_slice(text).map(Change).map_err(|error| complaints::about(&complaints::CHANGE, text, &error))
}

impl Change {
    /// The terms that the schedule has after it. A field that is given replaces what was there, but for parts of the retry
    /// policy and of the clock change policy, which may be given alone.
    ///
    /// # Errors
    /// [`Error::Invalid`] with every field at fault.
    pub(crate) fn over(&self, schedule: &Schedule, registry: &Registry) -> Result<Terms, Error> {
        let text = serde_json::to_string(&TermsView::of(schedule)?).map_err(Error::internal)?;
        let mut fields: Fields = serde_json::from_str(&text).map_err(Error::internal)?;
        for (name, value) in &self.0 {
            let value = match (name.as_str(), fields.get(name)) {
                ("retryPolicy" | "dstPolicy", Some(before)) => merged(before, value).unwrap_or_else(|| value.clone()),
                _ => value.clone(),
            };
            fields.insert(name.clone(), value);
        }
        terms(serde_json::to_string(&fields).map_err(Error::internal)?.as_bytes(), registry)
    }
}

/// An object with the fields of another laid over its own; none when they are not both objects.
fn merged(before: &RawValue, over: &RawValue) -> Option<Box<RawValue>> {
    let mut fields: Fields = serde_json::from_str(before.get()).ok()?;
    fields.extend(serde_json::from_str::<Fields>(over.get()).ok()?);
    serde_json::value::to_raw_value(&fields).ok()
}

/// The terms of a schedule, in the form of the request that would make it.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct TermsView<'a> {
    name: &'a str,
    description: Option<&'a str>,
    sub_type: &'a str,
    r#type: Option<&'a str>,
    payload: &'a RawValue,
    cron_expression: &'a str,
    timezone: &'a str,
    priority: &'static str,
    retry_policy: Option<RetryView>,
    timeout_seconds: Option<f64>,
    misfire_policy: &'static str,
    misfire_bound: u32,
    overlap_policy: &'static str,
    dst_policy: DstView,
    singleton: bool,
    start_at: Option<String>,
    end_at: Option<String>,
    jitter_seconds: u32,
    notify_on_failure: bool,
    notification_emails: &'a [Box<str>],
}

impl<'a> TermsView<'a> {
    fn of(schedule: &'a Schedule) -> Result<Self, Error> {
        let spec = &*schedule.spec;
        let (cron, zone) = schedule.written();
        Ok(Self {
            name: &spec.name,
            description: spec.description.as_deref(),
            sub_type: spec.sub_type.as_str(),
            r#type: spec.kind.as_ref().map(Name::as_str),
            payload: serde_json::from_str(&spec.payload).map_err(Error::internal)?,
            cron_expression: cron,
            timezone: zone,
            priority: spec.priority.as_str(),
            retry_policy: spec.retry.map(RetryView::of),
            timeout_seconds: spec.timeout_ms.map(|ms| ms as f64 / 1_000.0),
            misfire_policy: spec.misfire.as_str(),
            misfire_bound: spec.catch_up_max,
            overlap_policy: spec.overlap.as_str(),
            dst_policy: DstView::of(spec.timetable.dst),
            singleton: spec.singleton,
            start_at: spec.start_at.map(|at| at.to_string()),
            end_at: spec.end_at.map(|at| at.to_string()),
            jitter_seconds: spec.jitter_seconds,
            notify_on_failure: spec.notify_on_failure,
            notification_emails: &spec.notification_emails,
        })
    }
}
