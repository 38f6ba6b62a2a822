//! The operations on everything else: processors, events, figures, health, the description itself.

use super::operation::{Operation, get, json, post, reply};
use super::schemas::{created, listed, named, text};
use super::view::{
    BoardView, CleanupView, IndexView, JobsStatusView, LiveView, NodeView, OverviewView, PriorityWord, ProcessorView,
    ReadyView,
};
use crate::http::cleanup::CleanupRequest;

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
    get("/events", "watchJobs", "Watch all jobs, or those that a filter names, and alerts")
        .tag("events")
        .about(
            "Server-sent events named `job`, each with a job as its data. `reset` says that changes were missed: look at \
             the list again. Progress comes at most ten times a second for each job. Readers who name no jobs but by \
             their subtype or schedule also hear `alert.fired` and `alert.cleared`, each with an alert as its data and \
             without an id: who comes back looks at `/alerts`.",
        )
        .header("Last-Event-ID", text(), "The id of the last event that you have.")
        .query("status", text(), "In one of these statuses, separated by commas.")
        .query("type", text(), "Of this family.")
        .query("subType", text(), "Of this subtype.")
        .query("priority", named::<PriorityWord>(), "Of this priority.")
        .query("userId", text(), "Of this user.")
        .query("tag", text(), "With this tag.")
        .gives(200, reply("The stream.").of("text/event-stream", text()))
}

fn free_object() -> utoipa::openapi::RefOr<utoipa::openapi::Schema> {
    use utoipa::openapi::schema::{ObjectBuilder, Type};

    ObjectBuilder::new().schema_type(Type::Object).into()
}
