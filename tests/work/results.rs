//! Results: small ones in their URL, large ones in the result store, and what is said of items that failed.

use bytes::Bytes;
use faena::app::Faena;
use faena::app::settings::{Settings, StoreChoice};
use faena::job::{Job, ResultRef, Status};
use faena::limits::{INLINE_RESULT_BYTES_MAX, PARTIAL_ERRORS_KEPT_MAX, URI_BYTES_MAX};
use faena::service::look::ResultBody;
use faena::work::Completion;
use serde_json::{Value, json};

use crate::house::{computes, done, ended, job, numbered, start, until};

fn result_of(job: &Job) -> &ResultRef {
    job.end().unwrap().result.as_ref().unwrap()
}

#[tokio::test]
async fn a_result_up_to_the_bound_is_in_its_url_and_a_larger_one_is_stored() {
    let faena = start(computes(|number, ctx| ctx.complete_bytes("text/csv; charset=utf-8", filling(number)))).await;
    let bound = INLINE_RESULT_BYTES_MAX as u64;
    for size in [0, 1, bound, bound + 1, 3 * bound] {
        let job = done(&faena, numbered(size)).await;
        let (content_type, bytes, stored) = match faena.service().result(job.id).await.unwrap() {
            ResultBody::Inline { content_type, bytes } => (content_type, bytes, false),
            ResultBody::Stored { content_type, found } => {
                (content_type.to_string(), found.bytes().await.unwrap(), true)
            }
            ResultBody::Elsewhere(url) => panic!("elsewhere: {url}"),
        };
        assert_eq!(stored, size > bound, "{size} bytes");
        assert_eq!(content_type.replace("; ", ";"), "text/csv;charset=utf-8");
        assert!(bytes == filling(size), "{size} bytes come back as they were");
        match result_of(&job) {
            ResultRef::Url(url) => assert!(url.starts_with("data:text/csv;charset=utf-8;base64,"), "{size} bytes"),
            ResultRef::Stored { size: kept, .. } => assert_eq!(*kept, size),
            sealed @ ResultRef::Sealed(_) => panic!("nobody encrypts here: {sealed:?}"),
        }
    }
}

/// Bytes that no cut or shift leaves alike.
fn filling(size: u64) -> Bytes {
    (0..size).map(|at| (at % 251) as u8).collect()
}

#[tokio::test]
async fn a_result_may_be_elsewhere_and_a_job_may_have_none() {
    let faena = start(computes(|number, ctx| match number {
        0 => ctx.complete_url("https://example.com/report.pdf"),
        1 => ctx.complete_url(format!("https://example.com/{}", "x".repeat(URI_BYTES_MAX))),
        _ => Ok(Completion::Done),
    }))
    .await;
    let elsewhere = done(&faena, numbered(0)).await;
    assert_eq!(result_of(&elsewhere), &ResultRef::Url("https://example.com/report.pdf".into()));
    let too_long = done(&faena, numbered(1)).await;
    assert_eq!(too_long.status(), Status::Failed, "a reader could not follow it");
    let none = done(&faena, numbered(2)).await;
    assert_eq!((none.status(), &none.end().unwrap().result), (Status::Completed, &None));
    assert!(faena.service().result(none.id).await.is_err());
}

#[tokio::test]
async fn rule_26_all_partial_errors_are_counted_and_the_first_are_named() {
    let faena = start(computes(|number, ctx| {
        (0..number).for_each(|row| ctx.partial_error(format!("row {row}"), "no e-mail"));
        ctx.complete_json(&json!({ "imported": 7 }))
    }))
    .await;
    let many = json_of(&faena, numbered(150)).await;
    assert_eq!((&many["imported"], &many["errorCount"]), (&json!(7), &json!(150)));
    let named = many["errors"].as_array().unwrap();
    assert_eq!(named.len(), PARTIAL_ERRORS_KEPT_MAX);
    assert_eq!(named[0], json!({ "item": "row 0", "message": "no e-mail" }));
    assert_eq!(named[99]["item"], "row 99");
    assert_eq!(json_of(&faena, job("task")).await, json!({ "imported": 7 }), "without errors nothing is added");
}

async fn json_of(faena: &faena::app::Faena, job: faena::job::NewJob) -> Value {
    let job = done(faena, job).await;
    match faena.service().result(job.id).await.unwrap() {
        ResultBody::Inline { bytes, .. } => serde_json::from_slice(&bytes).unwrap(),
        _ => panic!("not inline: {job:?}"),
    }
}

/// The processor does not heed the cancel and leaves a large result, which nobody may have any more.
#[tokio::test]
async fn a_success_that_loses_to_a_cancel_leaves_no_result_behind() {
    let folder = tempfile::tempdir().unwrap();
    let settings =
        Settings { store: StoreChoice::Sqlite(None), data: folder.path().to_owned(), ..crate::house::settings() };
    let registry = computes(|number, ctx| {
        while number > 0 && !ctx.is_cancelled() {
            std::thread::yield_now();
        }
        ctx.complete_bytes("text/plain", filling(2 * INLINE_RESULT_BYTES_MAX as u64))
    });
    let faena = Faena::start(settings, registry).await.unwrap();
    let kept = done(&faena, numbered(0)).await;
    assert!(matches!(result_of(&kept), ResultRef::Stored { .. }));
    let files = || files_below(&folder.path().join("results"));
    let before = files();
    assert!(before > 0);
    let late = faena.service().enqueue(numbered(1)).await.unwrap().id;
    until(&faena, late, |job| job.run().is_some()).await;
    faena.service().cancel(late, "ana").await.unwrap();
    let late = ended(&faena, late).await;
    assert_eq!((late.status(), &late.end().unwrap().result), (Status::Cancelled, &None));
    let result = faena.service().result(kept.id).await;
    assert!(result.is_ok(), "the other one is left alone");
    faena.stop().await.unwrap();
    assert_eq!(files(), before);
}

fn files_below(folder: &std::path::Path) -> usize {
    let entries = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    entries.map(|path| if path.is_dir() { files_below(&path) } else { 1 }).sum()
}
