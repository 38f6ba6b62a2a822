//! `Keys`: a key is there as it was made until it is taken back, no secret belongs to two, and what was taken back stays so.

use std::sync::Arc;

use faena::key::{ApiKey, Digest, KeyId, NewKey, Scope, Secret};
use faena::limits;
use faena::store::StoreError;
use faena::store::keys::{KeyAdded, KeyRevoked};

use crate::bed::*;
use crate::{alerts, events};

/// A key whose secret has these bytes.
fn key(number: u16, now: i64) -> ApiKey {
    let mut bytes = [0; 32];
    bytes[..2].copy_from_slice(&number.to_be_bytes());
    let new = NewKey { name: format!("key {number}").into(), scopes: vec![Scope::JobsRead], ..NewKey::default() };
    new.made(Secret::of(&bytes).digest(), at(now))
}

async fn added(bed: &Bed, key: ApiKey) -> Arc<ApiKey> {
    match bed.store().add_key(key).await.unwrap() {
        KeyAdded::Added(key) => key,
        other => panic!("not added: {other:?}"),
    }
}

async fn revoked(bed: &Bed, id: KeyId, now: i64) -> Arc<ApiKey> {
    match bed.store().revoke_key(id, None, at(now)).await.unwrap() {
        KeyRevoked::Done(key) => key,
        other => panic!("not revoked: {other:?}"),
    }
}

pub async fn a_key_is_there_as_it_was_made(bed: Bed) {
    let store = bed.store();
    assert!(!store.has_keys().await.unwrap());
    assert_eq!(store.all_keys().await.unwrap(), []);
    let full = ApiKey {
        scopes: [Scope::JobsRead, Scope::Events].into(),
        user_id: Some("ana".into()),
        expires_at: Some(at(99)),
        ..key(1, 5)
    };
    // What is not there is remembered by an engine, and must not be for long.
    assert_eq!(store.find_key(full.digest).await.unwrap(), None);
    assert_eq!(store.key(full.id).await.unwrap(), None);
    let made = added(&bed, full.clone()).await;
    assert_eq!(*made, full);
    let earlier = added(&bed, key(2, 4)).await;
    for bed in [bed] {
        let bed = bed.reopened(at(6));
        let store = bed.store();
        assert!(store.has_keys().await.unwrap());
        assert_eq!(store.find_key(full.digest).await.unwrap(), Some(made.clone()));
        assert_eq!(store.key(full.id).await.unwrap(), Some(made.clone()));
        assert_eq!(
            store.all_keys().await.unwrap(),
            [earlier.clone(), made.clone()],
            "in the order in which they were made"
        );
        assert_eq!(store.find_key(Digest::of("another")).await.unwrap(), None);
        assert_eq!(store.key(KeyId::new()).await.unwrap(), None);
    }
}

pub async fn what_was_told_here_shows_at_once(bed: Bed) {
    let store = bed.store();
    let one = key(1, 0);
    assert_eq!(store.find_key(one.digest).await.unwrap(), None);
    assert!(!store.has_keys().await.unwrap());
    let one = added(&bed, one).await;
    assert!(store.has_keys().await.unwrap());
    assert_eq!(store.find_key(one.digest).await.unwrap(), Some(one.clone()));
    let gone = revoked(&bed, one.id, 7).await;
    assert_eq!(store.find_key(one.digest).await.unwrap(), Some(gone.clone()));
    assert_eq!(store.key(one.id).await.unwrap(), Some(gone));
}

pub async fn rule_13_no_two_keys_have_one_secret(bed: Bed) {
    let threads = (0..8).map(|_| {
        let store = bed.store();
        std::thread::spawn(move || block_on(store.add_key(key(1, 0))).unwrap())
    });
    let threads: Vec<_> = threads.collect();
    let answers: Vec<_> = threads.into_iter().map(|thread| thread.join().unwrap()).collect();
    let all = bed.store().all_keys().await.unwrap();
    let [one] = all.as_slice() else { panic!("{all:?}") };
    let of = |wanted: fn(&KeyAdded) -> bool| answers.iter().filter(|answer| wanted(answer)).count();
    assert_eq!(of(|answer| matches!(answer, KeyAdded::Added(_))), 1, "{answers:?}");
    assert_eq!(of(|answer| matches!(answer, KeyAdded::Taken(_))), 7, "{answers:?}");
    assert!(answers.iter().all(|answer| matches!(answer, KeyAdded::Added(key) | KeyAdded::Taken(key) if key == one)));
}

pub async fn what_was_taken_back_stays_so(bed: Bed) {
    let one = added(&bed, key(1, 0)).await;
    let gone = revoked(&bed, one.id, 7).await;
    assert_eq!(*gone, ApiKey { revoked_at: Some(at(7)), ..ApiKey::clone(&one) });
    let bed = bed.reopened(at(8));
    assert_eq!(bed.store().revoke_key(one.id, None, at(9)).await.unwrap(), KeyRevoked::Already(gone.clone()));
    assert_eq!(bed.store().find_key(one.digest).await.unwrap(), Some(gone.clone()));
    assert_eq!(bed.store().revoke_key(KeyId::new(), None, at(9)).await.unwrap(), KeyRevoked::Absent);
    // Its secret does not come back by being given again.
    assert_eq!(bed.store().add_key(key(1, 9)).await.unwrap(), KeyAdded::Taken(gone));
    assert!(bed.store().has_keys().await.unwrap(), "a server that had keys stays closed");
}

pub async fn the_last_use_never_goes_back(bed: Bed) {
    let one = added(&bed, key(1, 0)).await;
    for (now, last) in [(5, 5), (3, 5), (9, 9)] {
        bed.store().note_key_use(one.id, at(now)).await.unwrap();
        let all = bed.store().all_keys().await.unwrap();
        assert_eq!(all[0].last_used_at, Some(at(last)));
    }
    bed.store().note_key_use(KeyId::new(), at(9)).await.unwrap();
    revoked(&bed, one.id, 10).await;
    bed.store().note_key_use(one.id, at(11)).await.unwrap();
    let bed = bed.reopened(at(12));
    let all = bed.store().all_keys().await.unwrap();
    assert_eq!((all[0].last_used_at, all[0].revoked_at), (Some(at(11)), Some(at(10))), "and revokes nothing back");
}

pub async fn rule_26_there_are_no_more_keys_than_may_be(bed: Bed) {
    let store = bed.store();
    let mut ids = Vec::new();
    for number in 0..limits::KEYS_MAX as u16 {
        ids.push(added(&bed, key(number, i64::from(number))).await.id);
    }
    assert_eq!(store.add_key(key(60_000, 0)).await.unwrap(), KeyAdded::Full);
    revoked(&bed, ids[5], 3).await;
    revoked(&bed, ids[4], 2).await;
    added(&bed, key(60_000, 2_000)).await;
    let left: Vec<_> = store.all_keys().await.unwrap().iter().map(|key| key.id).collect();
    assert_eq!(left.len(), limits::KEYS_MAX);
    assert!(!left.contains(&ids[4]) && left.contains(&ids[5]), "the one that was revoked longest ago made room");
    assert_eq!(store.find_key(key(4, 0).digest).await.unwrap(), None);
}

pub async fn no_key_comes_after_the_close(bed: Bed) {
    let one = added(&bed, key(1, 0)).await;
    bed.store().close().await.unwrap();
    let refused =
        |answer: Result<(), StoreError>| assert!(matches!(answer, Err(StoreError::Unavailable(_))), "{answer:?}");
    refused(bed.store().add_key(key(2, 0)).await.map(drop));
    refused(bed.store().revoke_key(one.id, None, at(1)).await.map(drop));
}

/// What one node is told, another one sees: soon, and at the latest when what it remembers is too old.
#[cfg(all(unix, feature = "postgres"))]
#[test]
fn a_key_that_was_revoked_on_one_node_opens_nothing_on_another() {
    use faena::store::Keys;
    run(Engine::Postgres, |bed| async move {
        let other = crate::database::another(&bed).await;
        assert!(!other.has_keys().await.unwrap());
        let one = key(1, 0);
        assert_eq!(other.find_key(one.digest).await.unwrap(), None);
        let one = added(&bed, one).await;
        while other.find_key(one.digest).await.unwrap().is_none() || !other.has_keys().await.unwrap() {
            tokio::task::yield_now().await;
        }
        revoked(&bed, one.id, 7).await;
        while other.find_key(one.digest).await.unwrap().is_some_and(|key| key.revoked_at.is_none())
            || other.key(one.id).await.unwrap().is_some_and(|key| key.revoked_at.is_none())
        {
            tokio::task::yield_now().await;
        }
        faena::store::Store::close(&other).await.unwrap();
        tokio::task::spawn_blocking(move || drop(other)).await.unwrap();
    });
}

pub async fn alerts_and_keys_are_told(bed: Bed) {
    let secret = Secret::of(&[7; 32]);
    let by = Some("key:eva's".into());
    let new = NewKey { name: "ana's".into(), scopes: vec![Scope::JobsRead], by, ..NewKey::default() };
    let key = new.made(secret.digest(), at(1));
    bed.store().add_key(key.clone()).await.unwrap();
    bed.store().add_key(key.clone()).await.unwrap();
    bed.store().note_key_use(key.id, at(2)).await.unwrap();
    bed.store().revoke_key(key.id, Some("key:leo's".into()), at(3)).await.unwrap();
    bed.store().revoke_key(key.id, None, at(4)).await.unwrap();
    let told = events::all(&bed).await;
    assert_eq!(events::types(&told), ["key.created", "key.revoked"]);
    assert_eq!((told[0].event.occurred_at, told[1].event.occurred_at), (at(1), at(3)));
    assert!(told.iter().all(|told| told.user.is_none()));
    assert_eq!(
        [events::payload(&told[0])["by"].clone(), events::payload(&told[1])["by"].clone()],
        ["key:eva's", "key:leo's"]
    );
    let text = told.iter().map(|told| told.event.payload.to_string()).collect::<String>();
    assert!(text.contains("ana's") && !text.contains("digest"), "{text}");

    let fire = alerts::fire("deep", "work", 10);
    bed.store().step_alerts(vec![fire.clone()], at(10)).await.unwrap();
    bed.store().step_alerts(vec![fire.clone()], at(11)).await.unwrap();
    let faena::alert::Step::Fire(alert) = fire else { panic!("{fire:?}") };
    bed.store().step_alerts(vec![faena::alert::Step::Clear(alert.id)], at(12)).await.unwrap();
    bed.store().prune_alerts(at(100), 0, 10).await.unwrap();
    let told = events::after(&bed, told[1].place).await;
    assert_eq!(events::types(&told), ["alert.fired", "alert.cleared"]);
}
