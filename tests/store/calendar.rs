//! Lists of schedules while others add some.

use faena::store::schedules::{ScheduleFilter, SchedulePage, ScheduleSort};

use crate::bed::*;
use crate::schedules::every_minute;

pub async fn rule_08_a_list_shows_what_was_acknowledged_before(bed: Bed) {
    let page = || SchedulePage { sort: ScheduleSort::default(), limit: 500, offset: 0 };
    let look = async || bed.store().schedules(ScheduleFilter::default(), page(), at(0)).await.unwrap();
    let looking = async || {
        let mut seen = 0;
        while seen < 60 {
            let found = look().await.items.len();
            assert!(found >= seen, "{seen} were there, and then {found}");
            seen = found;
            tokio::task::yield_now().await;
        }
    };
    let adding = async || {
        for number in 1..=60 {
            bed.schedule(every_minute(&format!("s{number}")), at(0)).await;
            assert_eq!(look().await.items.len(), number);
        }
    };
    tokio::join!(adding(), looking(), looking(), looking(), looking());
}
