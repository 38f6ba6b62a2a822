//! The shape of an event on the wire, and what an application may tell.

use std::collections::BTreeSet;

use faena::event::{Aggregate, Event, EventId, EventType, Kind};
use serde_json::json;

use crate::at;

fn payout() -> Aggregate {
    Aggregate { sort: "Payout".into(), id: "payout 17".into() }
}

#[test]
fn an_event_is_written_and_read_back() {
    let kind = EventType::new("PayoutCalculated").unwrap();
    let event = Event::own(kind, payout(), &json!({ "amount": "12.50", "to": "año" }), at(1_764_000_000_123)).unwrap();
    let text = serde_json::to_string(&event).unwrap();
    assert_eq!(
        text,
        format!(
            r#"{{"id":"{}","type":"PayoutCalculated","aggregateType":"Payout","aggregateId":"payout 17","payload":{{"amount":"12.50","to":"año"}},"occurredAt":"2025-11-24T16:00:00.123Z"}}"#,
            event.id
        )
    );
    assert_eq!(serde_json::from_str::<Event>(&text).unwrap(), event);
    assert!(serde_json::from_str::<Event>(&text.replace("evt_", "ev_")).is_err());
    assert!(serde_json::from_str::<Event>(&text.replace("2025-11-24T", "yesterday")).is_err());
}

#[test]
fn an_application_tells_what_is_its_own() {
    let own = |kind: EventType, aggregate: Aggregate, payload: &str| Event::own(kind, aggregate, &payload, at(0));
    let paid = EventType::new("order.paid").unwrap();
    assert!(own(paid.clone(), payout(), "x").is_ok());
    assert_ne!(own(paid.clone(), payout(), "x").unwrap().id, own(paid.clone(), payout(), "x").unwrap().id);
    assert!(own(Kind::JobDead.into(), payout(), "x").is_err());
    assert!(own(paid.clone(), Aggregate { sort: "job".into(), ..payout() }, "x").is_err());
    for id in ["", "a\0b", &"x".repeat(201)] {
        assert!(own(paid.clone(), Aggregate { id: id.into(), ..payout() }, "x").is_err(), "{id:?}");
    }
    assert!(own(paid, payout(), &"x".repeat(256 * 1024)).is_err());
}

#[test]
fn an_id_is_read_strictly() {
    assert!("evt_0aZ".parse::<EventId>().is_ok());
    for bad in ["", "evt_", "evt", "0aZ", "evt_a.b", "evt_a b", "evt_ñ", &format!("evt_{}", "a".repeat(61))] {
        assert!(bad.parse::<EventId>().is_err(), "{bad}");
    }
}

/// Ids are made of the places of the words; one that moved would give known events other ids.
#[test]
fn the_words_stay_at_their_places() {
    let words: Vec<_> = Kind::ALL.iter().map(|kind| kind.as_str()).collect();
    assert_eq!(words.iter().collect::<BTreeSet<_>>().len(), words.len());
    let first_release = [
        "job.queued",
        "job.started",
        "job.completed",
        "job.failed",
        "job.retrying",
        "job.cancelled",
        "job.dead",
        "schedule.created",
        "schedule.updated",
        "schedule.deleted",
        "schedule.fired",
        "schedule.missed",
        "alert.fired",
        "alert.cleared",
        "key.created",
        "key.revoked",
    ];
    assert_eq!(words[..first_release.len()], first_release);
}
