//! The small examples print what they promise.

use crate::program::printed_by;

#[track_caller]
fn prints(name: &str, lines: &[&str]) {
    let printed = printed_by(name);
    assert_eq!(printed.lines().collect::<Vec<_>>(), lines, "{name}");
}

#[test]
fn first_job() {
    prints(
        "first_job",
        &[
            "accepted as queued",
            "ended as completed",
            r#"application/json: {"words":5}"#,
            "invalid_request: payload.text: is not valid (length: min 1)",
        ],
    );
}

#[test]
fn progress() {
    prints(
        "progress",
        &[
            "progress: 25 % (1 of 4)",
            "progress: 50 % (2 of 4)",
            "progress: 75 % (3 of 4)",
            "completed: 100 %",
            "  resized cat.png",
            "  resized dog.png",
            "  resized sea.png",
            "  resized sky.png",
        ],
    );
}

#[test]
fn cancel() {
    prints(
        "cancel",
        &[
            "the second was waiting, and is cancelled",
            "the first was running, and is cancelled",
            "once more: already_finished",
        ],
    );
}

#[test]
fn retry() {
    prints(
        "retry",
        &[
            "to ana@example.com: completed",
            "  failed (error: the post office is closed)",
            "  failed (error: the post office is closed)",
            "  success",
            "to nobody: failed",
            "  failed (bad_address: no such address)",
        ],
    );
}

#[test]
fn follow_up() {
    prints(
        "follow_up",
        &[
            "paid: false; pack is failed; jobs to ship: 0",
            "paid: true; pack is completed; jobs to ship: 1",
            "ship is completed",
        ],
    );
}

#[test]
fn saved_state() {
    let lines = ["try 1 begins after page 0", "try 2 begins after page 5", "completed with try 2"];
    prints("saved_state", &lines);
}

#[test]
fn unique() {
    prints(
        "unique",
        &[
            "unique: conflict",
            "unique, once the first has ended: queued",
            "idempotent: accepted",
            "idempotent: the same job as before",
            "idempotent: idempotency_mismatch",
        ],
    );
}

#[test]
fn async_processor() {
    let lines = ["50 guests were at the table together", "the one who waited for somebody is cancelled"];
    prints("async_processor", &lines);
}
