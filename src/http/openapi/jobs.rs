//! The operations on many jobs: accept, list, act on all that a filter names, dead letters.

use serde_json::json;
use utoipa::openapi::{RefOr, Schema};

use super::operation::{Operation, delete, get, json as in_json, post, reply};
use super::schemas::{array, created, flag, integer, listed, named, statuses, text, time, word};
use super::view::{AcceptedView, BulkView, JobView, PriorityWord};
use crate::http::request::JobRequest;
use crate::limits;

pub(super) fn operations() -> Vec<Operation> {
    vec![
        create(),
        batch(),
        list(get("/jobs", "listJobs", "List jobs").tag("jobs")),
        bulk(delete("/jobs", "cancelJobs", "Cancel all jobs that a filter names")),
        bulk(post("/jobs/retry", "retryJobs", "Queue again all jobs of a filter that failed or were cancelled")),
        list(get("/dead-letters", "listDeadLetters", "List dead letters").tag("dead letters")),
        all_dead(delete("/dead-letters", "discardDeadLetters", "Discard dead letters")),
        all_dead(post("/dead-letters/retry", "retryDeadLetters", "Queue dead letters again")),
    ]
}

fn create() -> Operation {
    let example = json!({
        "subType": "process_data",
        "payload": { "csv": "city,sales\nLima,3\nQuito,5\n" },
        "priority": "high",
        "userId": "ana",
        "tags": ["monthly"],
    });
    let accepted = created(named::<AcceptedView<'static>>());
    post("/jobs", "createJob", "Ask for a job")
        .tag("jobs")
        .about(
            "The 202 is sent only when the job is on disk: after it, no crash may lose it. With `Prefer: wait=N` the \
             answer is held for up to N seconds and is 200 with the finished job, or 202.",
        )
        .header("Idempotency-Key", text(), "Makes a repeated request return the first answer, for 24 hours.")
        .header("Prefer", text(), "`wait=N` holds the answer for up to N seconds, at most 60.")
        .takes(vec![("application/json", named::<JobRequest<'static>>(), example)])
        .gives(
            202,
            reply("Accepted and on disk.")
                .example("application/json", accepted, accepted_example())
                .location()
                .retry_after()
                .header("Preference-Applied", text(), "`wait`, if the answer was held.")
                .header("Idempotency-Replayed", text(), "`true`, if the same request came before."),
        )
        .gives(
            200,
            in_json("It has finished within the time that was preferred.", named::<JobView<'static>>())
                .location()
                .header("Preference-Applied", text(), "`wait`"),
        )
        .failing(&[409, 422, 429])
}

fn accepted_example() -> serde_json::Value {
    json!({
        "success": true,
        "data": {
            "jobId": "019a9f5e-7a30-7c6e-9d21-3f0f5d1c2b4a",
            "status": "queued",
            "type": "data_processing",
            "subType": "process_data",
            "priority": "high",
            "createdAt": "2026-11-24T07:23:52.123Z",
            "estimatedDuration": null,
            "progress": 0,
        },
        "message": "Job process_data queued. Poll its Location to follow the progress.",
    })
}

fn batch() -> Operation {
    let one = named::<JobRequest<'static>>();
    let example = json!([{ "subType": "noop", "payload": {} }, { "subType": "noop", "payload": {} }]);
    let lines = "{\"subType\": \"noop\", \"payload\": {}}\n{\"subType\": \"noop\", \"payload\": {}}\n";
    post("/jobs/batch", "createJobs", "Ask for many jobs, all or none")
        .tag("jobs")
        .about("A JSON array, or NDJSON with one job a line. Errors name the index of the job, as `[3].payload`.")
        .header("Idempotency-Key", text(), "Makes a repeated request return the first answer, for 24 hours.")
        .takes(vec![("application/json", array(one), example), ("application/x-ndjson", text(), json!(lines))])
        .gives(
            202,
            in_json("All are accepted, in order.", created(array(named::<AcceptedView<'static>>()))).retry_after(),
        )
        .failing(&[409, 422, 429])
}

/// The parameters that name jobs.
pub(super) fn filtered(operation: Operation) -> Operation {
    filtered_but_by_schedule(operation).query("scheduleId", text(), "Fired by this schedule.")
}

/// The same where the address names the schedule.
pub(super) fn filtered_but_by_schedule(operation: Operation) -> Operation {
    operation
        .query("status", statuses(), "In one of these statuses; several separated by commas, or repeated.")
        .query("type", text(), "Of this family.")
        .query("subType", text(), "Of this subtype.")
        .query("priority", named::<PriorityWord>(), "Of this priority.")
        .query("userId", text(), "Of this user.")
        .query("tag", text(), "With this tag.")
        .query("createdAfter", time(), "Accepted at or after.")
        .query("createdBefore", time(), "Accepted before.")
        .query(
            "q",
            text(),
            "With this text in the id, subtype, user, a tag, the message or the error; case does not matter. The whole id of a job names that job alone.",
        )
}

fn list(operation: Operation) -> Operation {
    paged(filtered(operation)).gives(200, in_json("A page.", listed(named::<JobView<'static>>())))
}

/// The parameters that name a part of a list.
pub(super) fn paged(operation: Operation) -> Operation {
    let page: RefOr<Schema> = integer(Some(1), Some(limits::PAGE_MAX));
    let offset = format!(
        "After how many; not together with cursor. At most {} with userId, tag, scheduleId or q, among dead letters and among executions.",
        limits::OFFSET_SEARCHED_MAX
    );
    operation
        .query("sort", word(&["createdAt", "-createdAt"]), "Oldest or newest (the default) first.")
        .query("limit", page, "How many at most; 20 when left out.")
        .query("offset", integer(Some(0), Some(limits::OFFSET_MAX)), &offset)
        .query("cursor", text(), "The nextCursor of the page before. It stays good when that page's jobs are gone.")
}

fn bulk(operation: Operation) -> Operation {
    filtered(operation.tag("jobs"))
        .about("A filter is required; `all=true` says that all are meant. Works in chunks: an error leaves those before it done.")
        .query("all", flag(), "All jobs; not together with a filter.")
        .gives(200, in_json("What became of them.", created(named::<BulkView>())))
}

fn all_dead(operation: Operation) -> Operation {
    filtered(operation.tag("dead letters"))
        .about("All dead letters, or those that a filter names.")
        .gives(200, in_json("What became of them.", created(named::<BulkView>())))
}
