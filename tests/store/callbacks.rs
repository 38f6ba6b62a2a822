//! Up to where the event log calls somebody back: most jobs name nobody, and whoever calls back reads no more than it must.

use faena::job::Outcome;

use crate::bed::*;

pub async fn nobody_reads_what_calls_nobody_back(bed: Bed) {
    let store = bed.store();
    let called = store.events().called();
    bed.ended(new_job(), Outcome::Success, at(0)).await;
    let quiet = store.events().end().await.unwrap();
    let mut asked = new_job();
    asked.options.callback_url = Some("https://example.org/done".into());
    bed.ended(asked, Outcome::Success, at(1)).await;
    let loud = store.events().end().await.unwrap();
    assert!((quiet + 1..=loud).contains(&*called.borrow()), "{quiet}, {}, {loud}", *called.borrow());
    bed.ended(new_job(), Outcome::Success, at(2)).await;
    let end = store.events().end().await.unwrap();
    assert!(*called.borrow() <= loud && loud < end);
}

pub async fn nobody_is_called_back_in_a_new_store(bed: Bed) {
    bed.ended(new_job(), Outcome::Success, at(0)).await;
    let end = bed.store().events().end().await.unwrap();
    let called = bed.store().events().called();
    assert!(*called.borrow() < end, "{} and {end}", *called.borrow());
}

pub async fn only_the_end_of_a_job_calls_back(bed: Bed) {
    let store = bed.store();
    let called = store.events().called();
    let at_first = *called.borrow();
    let mut asked = new_job();
    asked.options.callback_url = Some("https://example.org/done".into());
    let job = bed.accept(asked, at(0)).await;
    let running = bed.claim(1, at(1)).await.remove(0);
    assert_eq!(running.id, job.id);
    let begun = store.events().end().await.unwrap();
    assert_eq!(*called.borrow(), at_first, "neither its acceptance nor its start");
    bed.applied(&running, succeeded(1), at(2)).await;
    let end = store.events().end().await.unwrap();
    assert!((begun + 1..=end).contains(&*called.borrow()), "{begun}, {}, {end}", *called.borrow());
}
