//! The description of the API, made from the code that answers: schemas come from the views, vocabularies from the
//! domain, bounds from `limits`. `openapi.yaml` at the root is its text; a test drives every operation of it.
//!
//! | file | holds |
//! | --- | --- |
//! | `operation` | the words in which an operation is described |
//! | `schemas` | envelopes and small schemas |
//! | `failures` | the errors, each described once |
//! | `jobs`, `job`, `schedules`, `named`, `workers`, `alerts`, `keys`, `subscriptions`, `others` | the operations |

mod alerts;
mod failures;
mod job;
mod jobs;
mod keys;
mod named;
mod operation;
mod others;
mod schedules;
mod schemas;
mod subscriptions;
mod workers;

use utoipa::openapi::path::PathsBuilder;
use utoipa::openapi::schema::ComponentsBuilder;
use utoipa::openapi::tag::TagBuilder;
use utoipa::openapi::{InfoBuilder, License, OpenApi, OpenApiBuilder};

use super::view;

/// What stands over the whole document.
const ABOUT: &str = "Background jobs: ask for work and be answered 202 once the job is on disk; poll, watch or cancel it; \
fetch its result.\n\nTimes are RFC 3339 in UTC with milliseconds, ids are UUIDv7, durations carry their unit in the name. \
Unknown fields and unknown query parameters are refused. Every error has the same envelope.";

/// The description of the API.
pub fn openapi() -> OpenApi {
    let needs = super::needs();
    let mut paths = PathsBuilder::new();
    let jobs = jobs::operations().into_iter().chain(job::operations());
    for operation in jobs
        .chain(schedules::operations())
        .chain(named::operations())
        .chain(alerts::operations())
        .chain(workers::operations())
        .chain(subscriptions::operations())
        .chain(keys::operations())
        .chain(others::operations())
    {
        let (path, item) = operation.secured(&needs).into_item();
        paths = paths.path(path, item);
    }
    let mut components = ComponentsBuilder::new()
        .security_scheme(keys::SCHEME, keys::scheme())
        .schema_from::<super::subscriptions::SubscriptionRequest>()
        .schema_from::<super::subscriptions::SubscriptionChangeRequest>()
        .schema_from::<super::subscriptions::RotationRequest>()
        .schema_from::<super::deliveries::ReplayRequest>()
        .schema_from::<super::outbox::OutboxCleanupRequest>()
        .schema_from::<view::SubscriptionView<'static>>()
        .schema_from::<view::SecretView<'static>>()
        .schema_from::<view::DeliveryView<'static>>()
        .schema_from::<view::TriedView<'static>>()
        .schema_from::<view::ReplayedView>()
        .schema_from::<view::OutboxView>()
        .schema_from::<view::ProcessedView>()
        .schema_from::<view::ViaWord>()
        .schema_from::<super::keys::KeyRequest>()
        .schema_from::<view::KeyView<'static>>()
        .schema_from::<view::MadeKeyView<'static>>()
        .schema_from::<view::PassView<'static>>()
        .schema_from::<view::ScopeWord>()
        .schema_from::<super::request::JobRequest<'static>>()
        .schema_from::<super::request::RetryRequest>()
        .schema_from::<super::cleanup::CleanupRequest>()
        .schema_from::<super::cron::ForecastRequest<'static>>()
        .schema_from::<super::terms::ScheduleRequest<'static>>()
        .schema_from::<super::terms::ChangeRequest>()
        .schema_from::<super::terms::DstRequest>()
        .schema_from::<super::schedule::ExecuteRequest<'static>>()
        .schema_from::<super::schedule::PauseRequest>()
        .schema_from::<super::schedule::BackfillRequest>()
        .schema_from::<view::ScheduleView<'static>>()
        .schema_from::<view::DstView>()
        .schema_from::<view::ExecutionView<'static>>()
        .schema_from::<view::StandingWord>()
        .schema_from::<view::MisfireWord>()
        .schema_from::<view::OverlapWord>()
        .schema_from::<view::GapWord>()
        .schema_from::<view::FoldWord>()
        .schema_from::<view::ForecastView<'static>>()
        .schema_from::<view::TickView>()
        .schema_from::<view::ClockChangeWord>()
        .schema_from::<super::locks::LockRequest>()
        .schema_from::<super::states::StateRequest<'static>>()
        .schema_from::<view::LockView<'static>>()
        .schema_from::<view::StateView<'static>>()
        .schema_from::<view::KeptView<'static>>()
        .schema_from::<super::alert_rules::RuleRequest>()
        .schema_from::<view::RuleView<'static>>()
        .schema_from::<view::AlertView<'static>>()
        .schema_from::<view::EventView<'static>>()
        .schema_from::<view::AlertKindWord>()
        .schema_from::<view::AlertStatusWord>()
        .schema_from::<super::workers::WorkerRequest>()
        .schema_from::<super::workers::LeaseRequest>()
        .schema_from::<super::reports::ReportsRequest<'static>>()
        .schema_from::<super::reports::ReportRequest<'static>>()
        .schema_from::<super::reports::FailureRequest>()
        .schema_from::<view::RegisteredView>()
        .schema_from::<view::WorkerView<'static>>()
        .schema_from::<view::LeasedView<'static>>()
        .schema_from::<view::AnsweredView<'static>>()
        .schema_from::<view::UploadView<'static>>()
        .schema_from::<view::CleanupView>()
        .schema_from::<view::StatusWord>()
        .schema_from::<view::PriorityWord>()
        .schema_from::<view::OutcomeWord>()
        .schema_from::<view::JobView<'static>>()
        .schema_from::<view::ErrorOfJob<'static>>()
        .schema_from::<view::AcceptedView<'static>>()
        .schema_from::<view::AttemptView<'static>>()
        .schema_from::<view::LogLineView<'static>>()
        .schema_from::<view::ProcessorView<'static>>()
        .schema_from::<view::NodeView<'static>>()
        .schema_from::<view::RetryView>()
        .schema_from::<view::ExplainView<'static>>()
        .schema_from::<view::BulkView>()
        .schema_from::<view::OverviewView<'static>>()
        .schema_from::<view::JobsStatusView<'static>>()
        .schema_from::<view::StatusJobView<'static>>()
        .schema_from::<view::BoardView<'static>>()
        .schema_from::<view::NextView<'static>>()
        .schema_from::<view::PercentilesView>()
        .schema_from::<view::ScheduleFiguresView<'static>>()
        .schema_from::<view::UpcomingScheduleView<'static>>()
        .schema_from::<view::FailedScheduleView<'static>>()
        .schema_from::<view::WaitingView<'static>>()
        .schema_from::<view::ThroughputView>()
        .schema_from::<view::LiveView>()
        .schema_from::<view::ReadyView>()
        .schema_from::<view::IndexView>()
        .schema_from::<view::Pagination>()
        .schema_from::<view::FieldView<'static>>()
        .schema_from::<view::ErrorView<'static>>();
    for (name, response) in failures::responses() {
        components = components.response(name, response);
    }
    let info = InfoBuilder::new()
        .title("faena")
        .version(env!("CARGO_PKG_VERSION"))
        .description(Some(ABOUT))
        .license(Some(License::new(env!("CARGO_PKG_LICENSE"))));
    OpenApiBuilder::new()
        .info(info)
        .tags(Some(tags()))
        .paths(paths.build())
        .components(Some(components.build()))
        .build()
}

/// The description of the API as YAML: the text of `openapi.yaml`.
pub fn openapi_yaml() -> String {
    // The document is made of plain values alone, all of which YAML can say.
    openapi().to_yaml().unwrap_or_default()
}

fn tags() -> Vec<utoipa::openapi::Tag> {
    [
        ("jobs", "Ask for work, look at it, act on it."),
        ("dead letters", "Jobs that used up their tries, for somebody to decide on."),
        ("schedules", "Work that comes at its own times."),
        ("locks", "Do something alone."),
        ("state", "Values that outlive the jobs that left them."),
        ("alerts", "What is watched, and what went wrong."),
        ("processors", "What is registered; stop and start handing it out."),
        ("workers", "Workers of other processes, in whatever language."),
        ("events", "Server-sent events."),
        ("subscriptions", "Who hears of events, and what became of them."),
        ("keys", "Who may come in."),
        ("operating", "Statistics, health, metrics, this description."),
    ]
    .map(|(name, about)| TagBuilder::new().name(name).description(Some(about)).build())
    .into()
}
