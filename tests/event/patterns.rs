//! Which types a subscriber wants.

use faena::event::{EventType, Kind, Pattern};

fn pattern(text: &str) -> Pattern {
    text.parse().unwrap_or_else(|error| panic!("{error}"))
}

fn kind(text: &str) -> EventType {
    EventType::new(text).unwrap_or_else(|error| panic!("{error}"))
}

#[test]
fn a_star_stands_for_all_that_follows() {
    for (text, wanted, unwanted) in [
        ("*", &["job.queued", "alert.fired", "PayoutCalculated", "order.line.added"][..], &[][..]),
        ("job.*", &["job.queued", "job.dead"], &["schedule.fired", "jobs", "jobs.queued"]),
        ("job.failed", &["job.failed"], &["job.dead", "job.failed_twice_is_ours.not"]),
        ("order.*", &["order.paid", "order.line.added"], &["order", "orders.paid", "Order.paid"]),
        ("order.line.*", &["order.line.added"], &["order.line", "order.paid"]),
        ("PayoutCalculated", &["PayoutCalculated"], &["PayoutCalculatedTwice", "payoutcalculated"]),
    ] {
        let pattern = pattern(text);
        for wanted in wanted {
            assert!(pattern.matches(&kind(wanted)), "{text} wants {wanted}");
        }
        for unwanted in unwanted.iter().filter_map(|unwanted| EventType::new(unwanted).ok()) {
            assert!(!pattern.matches(&unwanted), "{text} does not want {unwanted}");
        }
        assert_eq!(serde_json::to_string(&pattern).unwrap(), format!("{text:?}"));
        assert_eq!(serde_json::from_str::<Pattern>(&format!("{text:?}")).unwrap(), pattern);
    }
    assert_eq!(pattern("*"), Pattern::all());
    for kind in Kind::ALL {
        let family = kind.as_str().split('.').next().unwrap();
        assert!(Kind::FAMILIES.contains(&family) && pattern(&format!("{family}.*")).matches(&(*kind).into()));
    }
}

#[test]
fn a_pattern_that_could_never_match_is_a_mistake() {
    for text in
        ["", "**", "job*", "*.failed", "job.*.x", "job.fail*", ".*", "job..*", "job.failed.*", "a b", "job. *", "ñ.*"]
    {
        assert!(text.parse::<Pattern>().is_err(), "{text}");
    }
    let error = "job.finished".parse::<Pattern>().unwrap_err();
    assert!(error.contains("job.completed"), "{error}");
}

#[test]
fn types_keep_to_their_alphabet_and_leave_ours_alone() {
    for good in ["order.paid", "PayoutCalculationJobCompleted", "a", "a-b_c.9", &"a".repeat(128)] {
        assert_eq!(kind(good).kind(), None);
    }
    for bad in ["", "9a", ".a", "a b", "á", "a\0", "job", "job.mine", "alert.raised", &"a".repeat(129)] {
        assert!(EventType::new(bad).is_err(), "{bad}");
    }
    assert_eq!(kind("job.dead").kind(), Some(Kind::JobDead));
}
