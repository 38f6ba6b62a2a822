//! `States`: small values that outlive the jobs that left them.

use std::sync::Arc;
use std::time::Duration;

use faena::clock::Timestamp;
use faena::limits;
use faena::store::{Deleted, Expected, Kept, Put, State, StoreError};

use crate::bed::*;
use crate::locks::slug;

/// A value to keep for ten seconds.
pub fn put(name: &str, value: &str) -> Put {
    let ttl = Duration::from_secs(10);
    Put { name: slug(name), value: value.into(), ttl, expected: Expected::Anything }
}

fn expecting(expected: Expected) -> Put {
    Put { expected, ..put("block", "7") }
}

pub async fn made(bed: &Bed, put: Put, now: Timestamp) -> Arc<State> {
    match bed.store().put_state(put, now).await.unwrap() {
        Kept::Made(state) => state,
        other => panic!("not made: {other:?}"),
    }
}

async fn state(bed: &Bed, name: &str, now: Timestamp) -> Option<Arc<State>> {
    bed.store().state(&slug(name), now).await.unwrap()
}

pub async fn what_was_put_is_there_until_its_end(bed: Bed) {
    assert_eq!(state(&bed, "block", at(0)).await, None);
    let first = made(&bed, put("block", "17"), at(5)).await;
    assert_eq!((&*first.value, first.updated_at, first.until), ("17", at(5), at(10_005)));
    assert_eq!(state(&bed, "block", at(10_004)).await, Some(first.clone()));
    let Kept::Replaced(second) = bed.store().put_state(put("block", "18"), at(9_000)).await.unwrap() else {
        panic!("not replaced")
    };
    assert_eq!(state(&bed, "block", at(10_005)).await, Some(second), "a write begins its term anew");
    assert_eq!(state(&bed, "block", at(19_000)).await, None);
    made(&bed, put("block", "19"), at(19_000)).await;
}

pub async fn a_revision_never_comes_back(mut bed: Bed) {
    let mut last = 0;
    for round in 0..3 {
        let now = 100_000 * round;
        for step in 0..3 {
            let next = made(&bed, put("block", "1"), at(now + 20_000 * step)).await.revision;
            assert!(next > last, "{next} after {last}");
            last = next;
        }
        if round % 2 == 0 {
            let gone = bed.store().delete_state(slug("block"), Expected::Anything, at(now + 40_001)).await.unwrap();
            assert_eq!(gone, Deleted::Done);
        } else {
            assert_eq!(bed.store().prune_states(at(now + 90_000), 9).await.unwrap(), 1);
        }
        bed = bed.reopened(at(now + 95_000));
    }
}

pub async fn an_unmet_expectation_changes_nothing(bed: Bed) {
    let store = bed.store();
    for unmet in [Expected::Something, Expected::Revision(1)] {
        assert_eq!(store.put_state(expecting(unmet), at(0)).await.unwrap(), Kept::Unexpected(None));
    }
    assert_eq!(state(&bed, "block", at(0)).await, None);
    let first = made(&bed, expecting(Expected::Nothing), at(0)).await;
    for unmet in [Expected::Nothing, Expected::Revision(first.revision + 1)] {
        let refused = store.put_state(expecting(unmet), at(1)).await.unwrap();
        assert_eq!(refused, Kept::Unexpected(Some(first.clone())));
        let refused = store.delete_state(slug("block"), unmet, at(1)).await.unwrap();
        assert_eq!(refused, Deleted::Unexpected(first.clone()));
    }
    assert_eq!(state(&bed, "block", at(1)).await, Some(first.clone()));
    let second = store.put_state(expecting(Expected::Revision(first.revision)), at(2)).await.unwrap();
    assert!(matches!(second, Kept::Replaced(_)), "{second:?}");
    let third = store.put_state(expecting(Expected::Something), at(3)).await.unwrap();
    let Kept::Replaced(third) = third else { panic!("not replaced: {third:?}") };
    let gone = store.delete_state(slug("block"), Expected::Revision(third.revision), at(4)).await.unwrap();
    assert_eq!(gone, Deleted::Done);
    // What is over is not there.
    made(&bed, expecting(Expected::Nothing), at(5)).await;
    made(&bed, expecting(Expected::Nothing), at(20_000)).await;
}

pub async fn rule_13_of_many_at_once_one_writes(bed: Bed) {
    let known = made(&bed, put("block", "0"), at(0)).await.revision;
    let threads: Vec<_> = (0..8)
        .map(|number| {
            let store = bed.store();
            let put = Put { expected: Expected::Revision(known), ..put("block", &format!("{number}")) };
            std::thread::spawn(move || block_on(store.put_state(put, at(1))).unwrap())
        })
        .collect();
    let answers: Vec<_> = threads.into_iter().map(|thread| thread.join().unwrap()).collect();
    let written: Vec<_> = answers.iter().filter(|answer| matches!(answer, Kept::Replaced(_))).collect();
    assert_eq!(written.len(), 1, "{answers:?}");
    let shown = state(&bed, "block", at(1)).await.unwrap();
    assert_eq!(*written[0], Kept::Replaced(shown));
}

pub async fn what_is_deleted_is_gone(bed: Bed) {
    let store = bed.store();
    let delete = |now| store.delete_state(slug("block"), Expected::Anything, at(now));
    assert_eq!(delete(0).await.unwrap(), Deleted::Absent);
    made(&bed, put("block", "1"), at(0)).await;
    assert_eq!(delete(1).await.unwrap(), Deleted::Done);
    assert_eq!(state(&bed, "block", at(1)).await, None);
    assert_eq!(delete(2).await.unwrap(), Deleted::Absent);
    made(&bed, put("block", "1"), at(3)).await;
    assert_eq!(delete(10_003).await.unwrap(), Deleted::Absent, "its term is over");
}

pub async fn rule_26_there_is_no_more_than_may_be(bed: Bed) {
    let store = bed.store();
    let answers: Vec<_> = (0..limits::STATES_MAX).map(|n| store.put_state(put(&format!("s{n}"), "1"), at(0))).collect();
    for answer in answers {
        assert!(matches!(answer.await.unwrap(), Kept::Made(_)));
    }
    assert_eq!(store.put_state(put("more", "1"), at(1)).await.unwrap(), Kept::Full);
    let replaced = store.put_state(put("s0", "2"), at(1)).await.unwrap();
    assert!(matches!(replaced, Kept::Replaced(_)), "{replaced:?}");
    // Bytes are bounded too, whatever becomes of what is replaced.
    let third = "9".repeat(limits::STATES_BYTES_MAX / 3);
    for name in ["s0", "s1", "s0", "s1"] {
        assert!(matches!(store.put_state(put(name, &third), at(2)).await.unwrap(), Kept::Replaced(_)));
    }
    assert_eq!(store.put_state(put("s2", &third), at(3)).await.unwrap(), Kept::Full);
    assert_eq!(&*state(&bed, "s2", at(3)).await.unwrap().value, "1");
    made(&bed, put("more", "1"), at(10_000)).await;
}

pub async fn rule_27_what_is_over_is_forgotten_in_chunks(bed: Bed) {
    for (number, now) in [0, 1, 2, 3, 9_000].into_iter().enumerate() {
        made(&bed, put(&format!("s{number}"), "1"), at(now)).await;
    }
    let mut chunks = Vec::new();
    for _ in 0..3 {
        chunks.push(bed.store().prune_states(at(10_003), 3).await.unwrap());
    }
    assert_eq!(chunks, [3, 1, 0]);
    assert!(state(&bed, "s4", at(10_003)).await.is_some());
}

pub async fn it_survives_a_restart(bed: Bed) {
    let value = r#"{"last": 17, "text": "ñ \"x\" 😀"}"#;
    let before = made(&bed, put("block", value), at(0)).await;
    let bed = bed.reopened(at(5_000));
    assert_eq!(state(&bed, "block", at(5_000)).await, Some(before));
    assert_eq!(state(&bed, "block", at(10_000)).await, None);
}

pub async fn nothing_is_kept_after_the_close(bed: Bed) {
    let store = bed.store();
    store.close().await.unwrap();
    let refused = store.put_state(put("block", "1"), at(0)).await;
    assert!(matches!(refused, Err(StoreError::Unavailable(_))), "{refused:?}");
}
