//! Statistics: `/jobs/statistics/overview`, `/jobs/status`, `/dashboard/data`.

use std::time::Duration;

use actix_web::http::StatusCode;
use actix_web::web::Payload;

use super::call::{Answer, Call};
use super::present::json;
use super::query;
use super::view::{BoardView, JobView, JobsStatusView, Length, NextView, OverviewView, Shown, StatusJobView};

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
        timestamp: Shown(overview.at),
    };
    json(StatusCode::OK, &view)
}

/// `GET /jobs/status`
pub(crate) async fn status(call: Call, _: Payload) -> Answer {
    query::none(&call)?;
    let standings = call.service().processors().await?;
    let jobs = standings.iter().map(|standing| StatusJobView {
        name: standing.processor.sub_type.as_str(),
        cron: None,
        running: !standing.paused,
    });
    json(StatusCode::OK, &JobsStatusView { enabled: call.service().settings().runs_jobs, jobs: jobs.collect() })
}

/// `GET /dashboard/data`
pub(crate) async fn board(call: Call, _: Payload) -> Answer {
    query::none(&call)?;
    let board = call.service().board().await?;
    let view = BoardView {
        total_jobs: board.total,
        enabled_jobs: board.enabled,
        running_jobs: board.running,
        next_execution: board
            .next
            .as_ref()
            .map(|job| NextView { job_name: job.spec.sub_type.as_str(), scheduled_at: job.run_at().map(Shown) }),
        recent_failures: board.recent_failures,
        avg_execution_time: board.average.map(hours_minutes_seconds),
    };
    json(StatusCode::OK, &view)
}

fn hours_minutes_seconds(span: Duration) -> String {
    let seconds = span.as_secs_f64().round() as u64;
    format!("{:02}:{:02}:{:02}", seconds / 3_600, seconds / 60 % 60, seconds % 60)
}
