//! `noop` and `sleep`.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

use faena::processors::noop::Noop;
use faena::processors::sleep::Sleep;
use faena::work::{AsyncProcessor, Completion, Context, NoPayload, Processor};
use serde_json::json;

use crate::{Heard, job, kind_of, payload, result_of, run};

#[tokio::test]
async fn noop_completes() {
    assert_eq!(Noop.run(NoPayload {}, Context::detached(job(1))).await.unwrap(), Completion::Done);
}

#[test]
fn sleep_reports_each_step() {
    let heard = Arc::new(Heard::default());
    let ctx = heard.context(job(1), |_, _| false);
    let done = Sleep::default().run(payload(&json!({ "durationMs": 0, "steps": 4 })), &ctx).unwrap();
    assert_eq!(result_of(done), json!({ "durationMs": 0, "steps": 4, "attempt": 1 }));
    let expected = [(25, "step 1 of 4"), (50, "step 2 of 4"), (75, "step 3 of 4"), (100, "step 4 of 4")];
    assert_eq!(*heard.0.lock(), expected.map(|(percent, message)| (percent, message.to_owned())));
}

#[test]
fn sleep_fails_as_often_as_it_is_told_and_where() {
    let told = json!({ "durationMs": 0, "steps": 5, "failTimes": 2, "failAtStep": 3 });
    for attempt in [1, 2] {
        let ctx = Context::detached(job(attempt));
        let failure = Sleep::default().run(payload(&told), &ctx).unwrap_err();
        assert_eq!(failure.message(), format!("failed at step 3 of try {attempt} on request"));
        assert!(failure.is_retryable());
        assert_eq!(ctx.percent(), 40, "it got as far as step 2");
    }
    assert!(Sleep::default().run(payload(&told), &Context::detached(job(3))).is_ok());
    assert!(
        Sleep::default()
            .run(payload(&json!({ "durationMs": 0, "failAtStep": 1 })), &Context::detached(job(9)))
            .is_err()
    );
}

#[test]
fn sleep_panics_on_request() {
    let told = json!({ "durationMs": 0, "panic": true, "failTimes": 1 });
    let panic = catch_unwind(AssertUnwindSafe(|| run(&Sleep::default(), &told))).unwrap_err();
    assert_eq!(panic.downcast_ref::<String>().unwrap(), "panicked at step 10 on request");
    assert!(Sleep::default().run(payload(&told), &Context::detached(job(2))).is_ok());
}

#[test]
fn sleep_takes_nothing_down_unless_the_server_allows_it() {
    let failure = run(&Sleep::default(), &json!({ "durationMs": 0, "abort": true })).unwrap_err();
    assert_eq!(kind_of(&failure), "not_allowed");
    assert!(!failure.is_retryable());
}

/// Set in a copy of this program that is to end itself.
#[cfg(unix)]
const MAY_ABORT: &str = "FAENA_TEST_MAY_ABORT";

#[cfg(unix)]
#[test]
fn sleep_takes_its_process_down_where_that_is_allowed() {
    use std::os::unix::process::ExitStatusExt;

    if std::env::var_os(MAY_ABORT).is_some() {
        let done = run(&Sleep { unsafe_diagnostics: true }, &json!({ "durationMs": 0, "abort": true }));
        panic!("still here: {done:?}");
    }
    let myself = std::env::current_exe().unwrap();
    let name = "diagnostics::sleep_takes_its_process_down_where_that_is_allowed";
    let copy = std::process::Command::new(myself).args(["--exact", name]).env(MAY_ABORT, "1").output().unwrap();
    assert_eq!(copy.status.signal(), Some(6), "{copy:?}");
}

#[test]
fn sleep_stops_when_asked_unless_told_not_to() {
    // An hour a step: only a processor that listens comes back.
    let heard = Arc::new(Heard::default());
    let ctx = heard.context(job(1), |_, _| true);
    ctx.progress(1, "begun");
    let failure = Sleep::default().run(payload(&json!({ "durationMs": 3_600_000, "steps": 1 })), &ctx).unwrap_err();
    assert!(failure.is_stopped());

    let deaf = json!({ "durationMs": 6, "steps": 3, "ignoreCancel": true });
    assert!(ctx.is_cancelled());
    assert!(Sleep::default().run(payload(&deaf), &ctx).is_ok());
}
