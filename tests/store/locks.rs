//! `Locks`: who may do something alone.

use std::sync::Arc;
use std::time::Duration;

use faena::clock::Timestamp;
use faena::limits;
use faena::store::{Acquired, Grant, Lock, Proof, Released, Slug, StoreError, Take};

use crate::bed::*;

const TTL: Duration = Duration::from_secs(10);

pub fn slug(text: &str) -> Slug {
    Slug::new(text).unwrap()
}

/// A wish of a client.
pub fn take(name: &str, owner: &str) -> Take {
    Take { name: slug(name), owner: owner.into(), ttl: TTL, grant: Grant::Any, in_process: false }
}

pub async fn granted(bed: &Bed, take: Take, now: Timestamp) -> Arc<Lock> {
    match bed.store().acquire(take, now).await.unwrap() {
        Acquired::Granted(lock) => lock,
        other => panic!("not granted: {other:?}"),
    }
}

async fn token(bed: &Bed, name: &str, now: Timestamp) -> u64 {
    granted(bed, take(name, "ana"), now).await.token
}

async fn holder(bed: &Bed, name: &str, now: Timestamp) -> Option<Arc<Lock>> {
    bed.store().holder(&slug(name), now).await.unwrap()
}

pub async fn a_free_lock_is_granted_and_shown(bed: Bed) {
    assert_eq!(holder(&bed, "sync", at(0)).await, None);
    let lock = granted(&bed, take("sync", "ana"), at(5)).await;
    assert_eq!((&*lock.owner, lock.acquired_at, lock.until), ("ana", at(5), at(10_005)));
    assert_eq!(holder(&bed, "sync", at(6)).await, Some(lock));
    assert_eq!(holder(&bed, "other", at(6)).await, None);
}

pub async fn a_held_lock_is_refused_and_says_by_whom(bed: Bed) {
    let lock = granted(&bed, take("sync", "ana"), at(0)).await;
    let refused = bed.store().acquire(take("sync", "bob"), at(9_999)).await.unwrap();
    assert_eq!(refused, Acquired::Held(lock.clone()));
    assert_eq!(holder(&bed, "sync", at(9_999)).await, Some(lock), "and changes nothing");
    granted(&bed, take("other", "bob"), at(0)).await;
}

pub async fn its_owner_renews_it_and_keeps_the_token(bed: Bed) {
    let lock = granted(&bed, take("sync", "ana"), at(0)).await;
    let shorter = Take { ttl: Duration::from_secs(3), ..take("sync", "ana") };
    for (wish, now, until) in [(take("sync", "ana"), 9_000, 19_000), (shorter, 9_500, 12_500)] {
        let Acquired::Renewed(renewed) = bed.store().acquire(wish, at(now)).await.unwrap() else {
            panic!("not renewed")
        };
        assert_eq!(*renewed, Lock { until: at(until), ..Lock::clone(&lock) });
        assert_eq!(holder(&bed, "sync", at(now)).await, Some(renewed));
    }
    granted(&bed, take("sync", "bob"), at(12_500)).await;
}

pub async fn a_new_grant_is_not_shared_with_its_own_owner(bed: Bed) {
    let new = Take { grant: Grant::New, ..take("sync", "ana") };
    let lock = granted(&bed, new.clone(), at(0)).await;
    assert_eq!(bed.store().acquire(new.clone(), at(1)).await.unwrap(), Acquired::Held(lock));
    granted(&bed, new, at(10_000)).await;
}

pub async fn only_the_grant_that_is_named_is_renewed(bed: Bed) {
    let renewal = |token| Take { grant: Grant::Renewed(token), ..take("sync", "ana") };
    assert_eq!(bed.store().acquire(renewal(1), at(0)).await.unwrap(), Acquired::Over, "nobody has it");
    let first = token(&bed, "sync", at(0)).await;
    assert!(matches!(bed.store().acquire(renewal(first), at(1)).await.unwrap(), Acquired::Renewed(_)));
    assert_eq!(bed.store().acquire(renewal(first), at(10_001)).await.unwrap(), Acquired::Over);
    let second = granted(&bed, take("sync", "ana"), at(10_001)).await;
    assert_eq!(bed.store().acquire(renewal(first), at(10_002)).await.unwrap(), Acquired::Held(second.clone()));
    let others = Take { owner: "bob".into(), ..renewal(second.token) };
    assert_eq!(bed.store().acquire(others, at(10_002)).await.unwrap(), Acquired::Held(second));
}

pub async fn a_term_that_is_over_binds_nobody(bed: Bed) {
    let first = token(&bed, "sync", at(0)).await;
    assert_eq!(holder(&bed, "sync", at(10_000)).await, None);
    let late = bed.store().release(slug("sync"), Proof::Token(first), at(10_000)).await.unwrap();
    assert_eq!(late, Released::Absent);
    let lock = granted(&bed, take("sync", "bob"), at(10_000)).await;
    assert_eq!(&*lock.owner, "bob");
}

pub async fn rule_01_only_its_holder_gives_it_up(bed: Bed) {
    let store = bed.store();
    let release = |proof, now| store.release(slug("sync"), proof, at(now));
    assert_eq!(release(Proof::Token(1), 0).await.unwrap(), Released::Absent);
    let lock = granted(&bed, take("sync", "ana"), at(0)).await;
    for wrong in [Proof::Owner("bob".into()), Proof::Token(lock.token + 1)] {
        assert_eq!(release(wrong, 1).await.unwrap(), Released::Held(lock.clone()));
    }
    assert_eq!(holder(&bed, "sync", at(1)).await, Some(lock.clone()));
    assert_eq!(release(Proof::Token(lock.token), 2).await.unwrap(), Released::Done);
    assert_eq!(holder(&bed, "sync", at(2)).await, None);
    assert_eq!(release(Proof::Token(lock.token), 3).await.unwrap(), Released::Absent);
    let next = granted(&bed, take("sync", "bob"), at(4)).await;
    assert_eq!(release(Proof::Token(lock.token), 5).await.unwrap(), Released::Held(next), "an old grant frees nothing");
    assert_eq!(release(Proof::Owner("bob".into()), 6).await.unwrap(), Released::Done);
}

pub async fn rule_02_tokens_grow_across_release_expiry_and_pruning(bed: Bed) {
    let mut last = token(&bed, "sync", at(0)).await;
    let mut grows = |next: u64| {
        assert!(next > last, "{next} after {last}");
        last = next;
    };
    bed.store().release(slug("sync"), Proof::Owner("ana".into()), at(1)).await.unwrap();
    grows(token(&bed, "sync", at(2)).await);
    grows(token(&bed, "sync", at(20_000)).await);
    assert_eq!(bed.store().prune_locks(at(40_000), 9).await.unwrap(), 1);
    grows(token(&bed, "sync", at(40_000)).await);
}

pub async fn rule_02_tokens_grow_across_restarts(mut bed: Bed) {
    let mut last = 0;
    for round in 0..4 {
        let now = 100_000 * round;
        for step in 0..3 {
            let next = token(&bed, "sync", at(now + 20_000 * step)).await;
            assert!(next > last, "{next} after {last}");
            last = next;
        }
        // The store forgets the lock itself, in one way or the other.
        if round % 2 == 0 {
            assert_eq!(bed.store().prune_locks(at(now + 90_000), 9).await.unwrap(), 1);
        } else {
            let released = bed.store().release(slug("sync"), Proof::Token(last), at(now + 40_001)).await.unwrap();
            assert_eq!(released, Released::Done);
        }
        bed = bed.reopened(at(now + 95_000));
    }
}

pub async fn rule_13_many_at_once_have_one_winner(bed: Bed) {
    let threads: Vec<_> = (0..8)
        .map(|number| {
            let store = bed.store();
            std::thread::spawn(move || {
                block_on(store.acquire(take("sync", &format!("owner-{number}")), at(0))).unwrap()
            })
        })
        .collect();
    let answers: Vec<_> = threads.into_iter().map(|thread| thread.join().unwrap()).collect();
    let winners: Vec<_> = answers
        .iter()
        .filter_map(|answer| match answer {
            Acquired::Granted(lock) => Some(lock.clone()),
            _ => None,
        })
        .collect();
    assert_eq!(winners.len(), 1, "{answers:?}");
    for answer in &answers {
        assert!(matches!(answer, Acquired::Granted(by) | Acquired::Held(by) if *by == winners[0]), "{answer:?}");
    }
}

pub async fn an_effect_takes_hold_even_if_nobody_waits_for_it(bed: Bed) {
    let store = bed.store();
    drop(store.acquire(take("sync", "ana"), at(0)));
    assert!(matches!(store.acquire(take("sync", "bob"), at(1)).await.unwrap(), Acquired::Held(_)));
    drop(store.release(slug("sync"), Proof::Owner("ana".into()), at(2)));
    granted(&bed, take("sync", "bob"), at(3)).await;
}

pub async fn rule_26_there_are_no_more_than_may_be(bed: Bed) {
    let store = bed.store();
    let answers: Vec<_> =
        (0..limits::LOCKS_MAX).map(|number| store.acquire(take(&format!("l{number}"), "ana"), at(0))).collect();
    for answer in answers {
        assert!(matches!(answer.await.unwrap(), Acquired::Granted(_)));
    }
    assert_eq!(store.acquire(take("more", "ana"), at(1)).await.unwrap(), Acquired::Full);
    assert!(matches!(store.acquire(take("l7", "ana"), at(2)).await.unwrap(), Acquired::Renewed(_)));
    granted(&bed, take("more", "ana"), at(10_000)).await;
    assert!(holder(&bed, "l7", at(10_000)).await.is_some(), "room is made by those that are over, and by no other");
}

pub async fn rule_27_what_is_over_is_forgotten_in_chunks(bed: Bed) {
    for (number, now) in [0, 1, 2, 3, 9_000].into_iter().enumerate() {
        granted(&bed, take(&format!("l{number}"), "ana"), at(now)).await;
    }
    let mut chunks = Vec::new();
    for _ in 0..3 {
        chunks.push(bed.store().prune_locks(at(10_003), 3).await.unwrap());
    }
    assert_eq!(chunks, [3, 1, 0]);
    assert!(holder(&bed, "l4", at(10_003)).await.is_some());
}

pub async fn a_client_keeps_its_lock_across_a_restart(bed: Bed) {
    let lock = granted(&bed, take("sync", "ana"), at(0)).await;
    let bed = bed.reopened(at(5_000));
    assert_eq!(holder(&bed, "sync", at(5_000)).await, Some(lock.clone()));
    assert_eq!(bed.store().acquire(take("sync", "bob"), at(5_000)).await.unwrap(), Acquired::Held(lock));
    assert_eq!(bed.store().health().recovered.orphans, 0);
    granted(&bed, take("sync", "bob"), at(10_000)).await;
}

pub async fn nothing_is_granted_after_the_close(bed: Bed) {
    let store = bed.store();
    store.close().await.unwrap();
    let refused = store.acquire(take("sync", "ana"), at(0)).await;
    assert!(matches!(refused, Err(StoreError::Unavailable(_))), "{refused:?}");
}
