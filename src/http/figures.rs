//! Statistics: `/jobs/statistics/overview`, `/jobs/status`, `/dashboard/data`.

use actix_web::http::StatusCode;
use actix_web::web::Payload;

use super::call::{Answer, Call};
use super::present::json;
use super::query;
use super::view::{
    BoardView, JobView, JobsStatusView, Length, OverviewView, ScheduleFiguresView, Shown, StatusJobView,
};
use crate::schedule::Standing;

/// `GET /jobs/statistics/overview`
pub(crate) async fn overview(call: Call, _: Payload) -> Answer {
    query::none(&call)?;
    let service = call.service();
    let overview = service.overview().await?;
    let upcoming = overview.upcoming.iter();
    let view = OverviewView {
        total: overview.total,
        enabled: overview.enabled,
        disabled: overview.disabled,
        by_priority: overview.by_priority.iter().map(|(priority, count)| (priority.as_str(), *count)).collect(),
        by_status: overview.by_status.iter().map(|(status, count)| (status.as_str(), *count)).collect(),
        total_executions: overview.executions,
        total_failures: overview.failures,
        upcoming_jobs: upcoming
            .map(|job| JobView::of(job, service.remaining(job), call.base(), Length::Short))
            .collect(),
        schedules: ScheduleFiguresView::of(&overview.schedules),
        timestamp: Shown(overview.at),
    };
    json(StatusCode::OK, &view)
}

/// `GET /jobs/status`
pub(crate) async fn status(call: Call, _: Payload) -> Answer {
    query::none(&call)?;
    let standings = call.service().processors().await?;
    let (schedules, now) = (call.service().schedules_by_name().await?, call.service().now());
    let schedules = schedules.iter().map(|schedule| StatusJobView {
        name: &schedule.spec.name,
        cron: Some(schedule.cron_as_written()),
        running: schedule.standing(now) == Standing::Enabled,
    });
    let processors = standings.iter().map(|standing| StatusJobView {
        name: standing.sub_type.as_str(),
        cron: None,
        running: !standing.paused,
    });
    let jobs = schedules.chain(processors).collect();
    json(StatusCode::OK, &JobsStatusView { enabled: call.service().settings().runs_jobs, jobs })
}

/// `GET /dashboard/data`
pub(crate) async fn board(call: Call, _: Payload) -> Answer {
    query::none(&call)?;
    json(StatusCode::OK, &BoardView::of(&call.service().board().await?))
}
