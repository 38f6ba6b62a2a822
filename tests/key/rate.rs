//! Buckets of requests, and quotas.

use std::time::Duration;

use faena::key::rate::{Bucket, Quota};
use proptest::prelude::*;

use crate::at;

#[test]
fn a_full_bucket_holds_the_requests_of_a_minute() {
    let mut bucket = Bucket::FULL;
    for _ in 0..60 {
        assert_eq!(bucket.take(60, at(0)), Ok(()));
    }
    assert_eq!(bucket.take(60, at(0)), Err(Duration::from_secs(1)), "and says when there is one again");
    assert_eq!(bucket.take(60, at(600)), Err(Duration::from_millis(400)), "a refusal takes nothing");
    assert_eq!(bucket.take(60, at(1_000)), Ok(()));
    assert!(bucket.take(60, at(1_000)).is_err());
    assert!(!bucket.is_full(at(60_000)));
    assert!(bucket.is_full(at(61_000)));
}

#[test]
fn a_clock_that_was_set_back_locks_nobody_out() {
    let mut bucket = Bucket::FULL;
    assert_eq!(bucket.take(1, at(3_600_000)), Ok(()));
    assert_eq!(bucket.take(1, at(0)), Err(Duration::from_secs(60)), "an hour back, and no hour to wait");
}

#[test]
fn the_extremes_count_too() {
    let mut bucket = Bucket::FULL;
    assert_eq!(bucket.take(u32::MAX, at(i64::MAX)), Ok(()));
    let mut fresh = Bucket::FULL;
    assert_eq!(fresh.take(0, at(i64::MIN)), Ok(()), "none a minute is no rate; it is read as one");
}

#[test]
fn what_a_key_does_not_say_the_default_says() {
    let default = Quota { requests_per_minute: Some(100), queued_max: Some(7) };
    let own = Quota { requests_per_minute: Some(3), queued_max: None };
    assert_eq!(own.or(default), Quota { requests_per_minute: Some(3), queued_max: Some(7) });
    assert_eq!(Quota::default().or(Quota::default()), Quota::default());
}

proptest! {
    /// Whatever the moments of the requests: in no span are more let through than a bucket holds and what fills it meanwhile.
    #[test]
    fn never_more_than_a_bucket_and_what_fills_it(per_minute in 1_u32..2_000, gaps in prop::collection::vec(0_i64..2_000, 1..400)) {
        let mut bucket = Bucket::FULL;
        let (mut now, mut let_through) = (0_i64, Vec::new());
        for gap in gaps {
            now += gap;
            match bucket.take(per_minute, at(now)) {
                Ok(()) => let_through.push(now),
                // Who comes back when it is told is let in.
                Err(wait) => {
                    let then = now + i64::try_from(wait.as_micros().div_ceil(1_000)).unwrap();
                    prop_assert_eq!({ bucket }.take(per_minute, at(then)), Ok(()));
                }
            }
        }
        for (first, from) in let_through.iter().enumerate() {
            for (last, to) in let_through.iter().enumerate().skip(first) {
                let most = f64::from(per_minute) * (1.0 + (to - from) as f64 / 60_000.0) * 1.001 + 1.0;
                prop_assert!(((last - first + 1) as f64) <= most, "{} from {} to {}", last - first + 1, from, to);
            }
        }
    }
}
