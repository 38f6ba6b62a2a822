//! The operations on everything else: processors, events, figures, health, the description itself.

use super::operation::{Operation, get, json, post, reply};
use super::schemas::{created, integer, listed, named, text, time, word};
use super::view::{
    BoardView, CleanupView, EventView, IndexView, JobsStatusView, LiveView, NodeView, OverviewView, PriorityWord,
    ProcessorView, ReadyView,
};
use crate::http::cleanup::CleanupRequest;
use crate::limits;

pub(super) fn operations() -> Vec<Operation> {
    let operating = "operating";
    vec![
        get("/processors", "listProcessors", "What is registered, with the JSON Schema of each payload")
            .tag("processors")
            .gives(200, json("By subtype.", listed(named::<ProcessorView<'static>>()))),
        switch(post("/processors/{subType}/pause", "pauseProcessor", "Stop handing out a subtype"))
            .about("Its jobs wait; what runs goes on. It survives restarts."),
        switch(post("/processors/{subType}/resume", "resumeProcessor", "Start handing out a subtype")),
        get("/nodes", "listNodes", "Who shares the store, and lives")
            .tag(operating)
            .gives(200, json("The oldest first.", listed(named::<NodeView<'static>>()))),
        events(),
        get("/jobs/statistics/overview", "getOverview", "How the whole stands")
            .tag(operating)
            .gives(200, json("Figures.", named::<OverviewView<'static>>())),
        get("/jobs/status", "getJobsStatus", "Whether jobs are handed out, by processor")
            .tag(operating)
            .gives(200, json("By subtype.", named::<JobsStatusView<'static>>())),
        get("/dashboard/data", "getBoard", "The figures of a dashboard")
            .tag(operating)
            .gives(200, json("Figures.", named::<BoardView<'static>>())),
        get("/health/live", "getLive", "Whether the process answers")
            .tag(operating)
            .gives(200, json("It does.", named::<LiveView>())),
        get("/health/ready", "getReady", "Whether the process can do its work")
            .tag(operating)
            .about("503 names the part that cannot.")
            .gives(200, json("It can.", named::<ReadyView>())),
        post("/cleanup", "cleanup", "Forget jobs that ended long ago, before their retention does it")
            .tag(operating)
            .takes(vec![(
                "application/json",
                named::<CleanupRequest>(),
                serde_json::json!({ "olderThanSeconds": 2_592_000 }),
            )])
            .gives(200, json("How many.", created(named::<CleanupView>()))),
        get("/metrics", "getMetrics", "What is counted, for Prometheus")
            .tag(operating)
            .gives(200, reply("OpenMetrics text.").of("application/openmetrics-text", text())),
        get("/openapi.json", "getOpenApiJson", "This description, as JSON")
            .tag(operating)
            .gives(200, json("The document.", free_object())),
        get("/openapi.yaml", "getOpenApiYaml", "This description, as YAML")
            .tag(operating)
            .gives(200, reply("The document.").of("application/yaml", text())),
        get("/", "getIndex", "What there is").tag(operating).gives(200, json("Addresses.", named::<IndexView>())),
    ]
}

fn switch(operation: Operation) -> Operation {
    operation
        .tag("processors")
        .part("subType", "Key of the processor.")
        .gives(200, json("The processor.", created(named::<ProcessorView<'static>>())))
}

fn events() -> Operation {
    get("/events", "watchJobs", "Watch all jobs, or those that a filter names, and alerts; or look at what happened")
        .tag("events")
        .about(
            "Server-sent events named `job`, each with a job as its data. `reset` says that changes were missed: look at \
             the list again. Progress comes at most ten times a second for each job. Readers who name no jobs but by \
             their subtype or schedule also hear `alert.fired` and `alert.cleared`, each with an alert as its data. Who comes \
             back with `Last-Event-ID`, to a server that was started anew too, is told of everything that changed meanwhile, \
             each job once, as it is by then.\n\nWith `Accept: application/json` it is a list of the event log instead: the \
             audit trail, which says by whom and why. It is kept for `retention.events`. A key of one user finds what \
             happened to that user's jobs and schedules.",
        )
        .header("Last-Event-ID", text(), "The id of the last event that you have.")
        .query("status", text(), "In one of these statuses, separated by commas.")
        .query("type", text(), "In the stream: of this family. In the list: types of events, separated by commas, such as `job.*`.")
        .query("subType", text(), "Of this subtype.")
        .query("priority", named::<PriorityWord>(), "Of this priority.")
        .query("userId", text(), "Of this user.")
        .query("tag", text(), "With this tag.")
        .query("aggregateType", text(), "The list: of things of this sort, such as `job`.")
        .query("aggregateId", text(), "The list: of the thing with this id.")
        .query("since", time(), "The list: that happened at or after.")
        .query("until", time(), "The list: that happened before.")
        .query("sort", word(&["-occurredAt", "occurredAt"]), "The list: the latest first, which is the default, or last.")
        .query("limit", integer(Some(1), Some(limits::PAGE_MAX)), "The list: how many at most; 20 when left out.")
        .query("cursor", text(), "The list: the `nextCursor` of the page before. With `sort=occurredAt` the last page has one, too, for what happens later; `end` stands for that of the whole log.")
        .gives(
            200,
            reply("The stream, or the list.")
                .of("text/event-stream", text())
                .of("application/json", listed(named::<EventView<'static>>())),
        )
}

fn free_object() -> utoipa::openapi::RefOr<utoipa::openapi::Schema> {
    use utoipa::openapi::schema::{ObjectBuilder, Type};

    ObjectBuilder::new().schema_type(Type::Object).into()
}
