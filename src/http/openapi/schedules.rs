//! The operations on schedules.

use serde_json::{Value, json};

use super::operation::{Operation, delete, get, json as in_json, patch, post, put, reply};
use super::schemas::{array, created, flag, integer, listed, named, standings, text, word};
use super::view::{AcceptedView, ExecutionView, ForecastView, JobView, ScheduleView};
use crate::http::cron::ForecastRequest;
use crate::http::schedule::{BackfillRequest, ExecuteRequest, PauseRequest};
use crate::http::terms::{ChangeRequest, ScheduleRequest};
use crate::limits;

pub(super) fn operations() -> Vec<Operation> {
    let mut all = vec![create(), list(), validate(), look(), replace(), change(), remove(), pause(), execute()];
    all.extend(switches());
    all.extend([backfill()]);
    all.extend(executions());
    all
}

fn create() -> Operation {
    post("/schedules", "createSchedule", "Make a schedule")
        .tag("schedules")
        .about(
            "It is on disk when this answers. What can never be is refused: an expression of a date that never comes, an \
             unknown zone or processor, a payload that the processor would refuse. The name must be its own.",
        )
        .takes(vec![("application/json", named::<ScheduleRequest<'static>>(), example())])
        .gives(
            201,
            in_json("It is made.", created(named::<ScheduleView<'static>>()))
                .header("Location", text(), "Address of the schedule.")
                .header("ETag", text(), "For `If-Match`."),
        )
        .failing(&[409, 422])
}

fn example() -> Value {
    json!({
        "name": "nightly report",
        "subType": "generate_report",
        "payload": { "path": "orders.csv", "groupBy": ["region"] },
        "cronExpression": "0 2 * * *",
        "timezone": "America/New_York",
        "retryPolicy": { "maxRetries": 3, "retryDelay": 300_000, "exponentialBackoff": true },
    })
}

fn list() -> Operation {
    let sorts = ["createdAt", "-createdAt", "name", "nextExecutionAt"];
    get("/schedules", "listSchedules", "List schedules")
        .tag("schedules")
        .query("status", standings(), "In one of these; several separated by commas, or repeated.")
        .query("enabled", flag(), "Switched on or off, whatever pause there may be.")
        .query("subType", text(), "Of jobs of this subtype.")
        .query("createdBy", text(), "Made by them.")
        .query("q", text(), "With this text in the id, name, description, subtype, expression or zone.")
        .query("sort", word(&sorts), "Newest first when left out; by the next execution, those without one come last.")
        .query("limit", integer(Some(1), Some(limits::PAGE_MAX)), "How many at most; 20 when left out.")
        .query("offset", integer(Some(0), Some(limits::OFFSET_MAX)), "After how many.")
        .gives(200, in_json("A page.", listed(named::<ScheduleView<'static>>())))
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

fn look() -> Operation {
    of_one(get("/schedules/{id}", "getSchedule", "Look at a schedule"))
        .header("If-None-Match", text(), "The ETag that you know.")
        .gives(200, whole("The schedule."))
        .gives(304, reply("It is as you know it.").header("ETag", text(), "The same."))
}

fn replace() -> Operation {
    edit(put("/schedules/{id}", "replaceSchedule", "Give a schedule other terms"))
        .about(
            "All of them: what is left out is as if it had been left out when the schedule was made, but for `enabled`, which \
             stays. Its history stays. Ticks that are due and not decided yet stay so unless the times themselves change.",
        )
        .takes(vec![("application/json", named::<ScheduleRequest<'static>>(), example())])
}

fn change() -> Operation {
    edit(patch("/schedules/{id}", "changeSchedule", "Change some terms of a schedule"))
        .about(
            "What is given replaces what was there; null is as if left out when the schedule was made. Of `retryPolicy` and \
             `dstPolicy` parts may be given alone. `payload` is replaced as a whole.",
        )
        .takes(vec![("application/json", named::<ChangeRequest>(), json!({ "cronExpression": "0 3 * * *" }))])
}

fn edit(operation: Operation) -> Operation {
    of_one(operation)
        .header("If-Match", text(), IF_MATCH)
        .gives(200, whole("The schedule after it."))
        .failing(&[409, 412, 422])
}

const IF_MATCH: &str = "The ETag that you have seen: if somebody has changed terms or switches since, nothing happens and the \
                        answer is 412. A job that was fired meanwhile does not count as a change.";

fn remove() -> Operation {
    of_one(delete("/schedules/{id}", "removeSchedule", "Remove a schedule"))
        .about(
            "Its name is free; its jobs stay as they are. Those that come with the program, `maintenance-…`, would be made \
             again: they are disabled instead.",
        )
        .header("If-Match", text(), IF_MATCH)
        .gives(204, reply("It is removed."))
        .failing(&[409, 412])
}

fn switches() -> Vec<Operation> {
    let enable = "Have a schedule fire";
    let disable = "Have a schedule not fire until it is enabled";
    vec![
        switch(post("/schedules/{id}/enable", "enableSchedule", enable)),
        switch(put("/schedules/{id}/enable", "putScheduleEnabled", enable)),
        switch(post("/schedules/{id}/disable", "disableSchedule", disable)),
        switch(put("/schedules/{id}/disable", "putScheduleDisabled", disable)),
        switch(post("/schedules/{id}/resume", "resumeSchedule", "End the pause of a schedule"))
            .about("What would have ticked meanwhile is let go."),
    ]
}

fn pause() -> Operation {
    switch(post("/schedules/{id}/pause", "pauseSchedule", "Put a schedule on hold"))
        .about("Until a moment, or until it is resumed. The body may be left out.")
        .may_take(named::<PauseRequest>(), json!({ "until": "2027-01-01T00:00:00Z" }))
}

fn switch(operation: Operation) -> Operation {
    let after = in_json("The schedule after it.", created(named::<ScheduleView<'static>>()));
    of_one(operation).gives(200, after.header("ETag", text(), "For `If-Match`.")).failing(&[409])
}

fn execute() -> Operation {
    of_one(post("/schedules/{id}/execute", "executeSchedule", "Make a job of a schedule now"))
        .about(
            "Whether the schedule is enabled or not. The body may be left out. With `Prefer: wait=N` the answer is held for up \
             to N seconds and is 200 with the finished job, or 202.",
        )
        .header("Prefer", text(), "`wait=N` holds the answer for up to N seconds, at most 60.")
        .may_take(named::<ExecuteRequest<'static>>(), json!({ "payload": { "path": "orders.csv" } }))
        .gives(
            202,
            in_json("The job is accepted and on disk.", created(named::<AcceptedView<'static>>()))
                .location()
                .retry_after()
                .header("Preference-Applied", text(), "`wait`, if the answer was held."),
        )
        .gives(
            200,
            in_json("It has finished within the time that was preferred.", named::<JobView<'static>>())
                .location()
                .header("Preference-Applied", text(), "`wait`"),
        )
        .failing(&[409, 422, 429])
}

fn backfill() -> Operation {
    let window = json!({ "from": "2026-11-01T00:00:00Z", "until": "2026-11-08T00:00:00Z", "most": 10 });
    of_one(post("/schedules/{id}/backfill", "backfillSchedule", "Make a job for each tick of a time that has passed"))
        .about("All of them or none: a window of more ticks than are allowed is refused. Ticks that are still to fire stay out.")
        .takes(vec![("application/json", named::<BackfillRequest>(), window)])
        .gives(202, in_json("The jobs, in order.", created(array(named::<AcceptedView<'static>>()))).retry_after())
        .failing(&[409, 422, 429])
}

fn executions() -> Vec<Operation> {
    let page =
        || in_json("A page, each with the last ten lines of its output.", listed(named::<ExecutionView<'static>>()));
    let all = get("/executions", "listExecutions", "List the jobs that schedules made").tag("schedules");
    let of_schedule = get("/schedules/{id}/executions", "listExecutionsOfSchedule", "List the jobs of a schedule");
    vec![
        super::jobs::paged(super::jobs::filtered(all)).gives(200, page()),
        super::jobs::paged(super::jobs::filtered_but_by_schedule(of_one(of_schedule))).gives(200, page()),
        get("/executions/{id}", "getExecution", "Look at a job that a schedule made, with its output")
            .tag("schedules")
            .id()
            .gives(200, in_json("The execution.", named::<ExecutionView<'static>>())),
    ]
}

fn whole(about: &str) -> super::operation::Reply {
    in_json(about, named::<ScheduleView<'static>>()).header(
        "ETag",
        text(),
        "Changes with the schedule. For `If-Match`.",
    )
}

fn of_one(operation: Operation) -> Operation {
    operation.tag("schedules").part("id", "The schedule, by its id or its name.")
}
