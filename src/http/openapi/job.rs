//! The operations on one job.

use super::operation::{Operation, bytes, delete, get, json, post, reply};
use super::schemas::{created, integer, listed, named, text};
use super::view::{AcceptedView, AttemptView, ExplainView, JobView, LogLineView};
use crate::limits;

pub(super) fn operations() -> Vec<Operation> {
    vec![
        look(),
        delete("/jobs/{id}", "cancelJob", "Cancel a job")
            .about(
                "A waiting job ends at once. A running one is told within 100 ms, and ends in bounded time even if its \
                 processor never listens. After the 204 it never completes.",
            )
            .tag("jobs")
            .id()
            .gives(204, reply("It is cancelled, or was asked to stop."))
            .failing(&[409]),
        events(),
        get("/jobs/{id}/attempts", "listAttempts", "Each try of a job, with the one under way")
            .tag("jobs")
            .id()
            .gives(200, json("Oldest first.", listed(named::<AttemptView<'static>>()))),
        get("/jobs/{id}/logs", "listLogs", "The lines that its processor logged")
            .tag("jobs")
            .id()
            .gives(200, json("Oldest first; at most 1,000 are kept.", listed(named::<LogLineView<'static>>()))),
        result(),
        get("/jobs/{id}/explain", "explainJob", "Why a job is not running")
            .tag("jobs")
            .id()
            .gives(200, json("As a code and as a sentence.", created(named::<ExplainView<'static>>()))),
        again(post("/jobs/{id}/retry", "retryJob", "Queue a job again"))
            .tag("jobs")
            .about("One that failed or was cancelled; or at once one that waits for its time."),
        again(post("/dead-letters/{id}/retry", "retryDeadLetter", "Queue a dead letter again")).tag("dead letters"),
        delete("/dead-letters/{id}", "discardDeadLetter", "Discard a dead letter")
            .tag("dead letters")
            .about("The job stays failed, and is no longer among the dead letters.")
            .id()
            .gives(204, reply("It is discarded.")),
    ]
}

fn look() -> Operation {
    let wait = integer(Some(0), Some(limits::WAIT_MAX.as_secs() as usize));
    get("/jobs/{id}", "getJob", "Look at a job")
        .tag("jobs")
        .about(
            "With `wait` and `If-None-Match` the answer is held until the job is no longer as it was, with `wait` alone \
             until it has ended; in both cases for at most so many seconds.",
        )
        .id()
        .query("wait", wait, "Seconds to hold the answer, at most 60.")
        .header("If-None-Match", text(), "The ETag that you know.")
        .gives(
            200,
            json("The job.", named::<JobView<'static>>())
                .header("ETag", text(), "Changes with the job. Weak: the estimate in the body moves on by itself.")
                .retry_after(),
        )
        .gives(304, reply("It is as you know it.").header("ETag", text(), "The same.").retry_after())
}

fn events() -> Operation {
    get("/jobs/{id}/events", "watchJob", "Watch a job")
        .tag("events")
        .about(
            "Server-sent events named `job`, each with the job as its data; the stream ends after the event of its \
             ending. Progress comes at most ten times a second, the last of it always.",
        )
        .id()
        .header("Last-Event-ID", text(), "The id of the last event that you have.")
        .query("token", text(), "Of `POST /jobs/{id}/events/token`, in place of a key.")
        .gives(200, reply("The stream.").of("text/event-stream", text()))
        .gives(204, reply("The job has ended, and you know its ending: do not come back."))
}

fn result() -> Operation {
    get("/jobs/{id}/result", "getResult", "The result of a job")
        .tag("jobs")
        .about("The bytes with their content type. A browser is told not to run anything in them.")
        .id()
        .gives(
            200,
            reply("The bytes.")
                .of("*/*", bytes())
                .header("Content-Disposition", text(), "A file name.")
                .header("Content-Security-Policy", text(), "A sandbox.")
                .header("X-Content-Type-Options", text(), "`nosniff`"),
        )
        .gives(302, reply("The processor left it elsewhere.").header("Location", text(), "There."))
        .failing(&[410])
}

fn again(operation: Operation) -> Operation {
    operation
        .id()
        .gives(202, json("It is queued.", created(named::<AcceptedView<'static>>())).location().retry_after())
        .failing(&[409])
}
