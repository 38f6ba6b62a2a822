//! What people do to a schedule: enable, disable, pause, resume, edit. What was due until then is let go.

use std::sync::Arc;

use faena::schedule::{Event, Refusal, Schedule, Standing};

use crate::factory::{after, applied, at, due, fired, refused, schedule, timetable};

fn hourly() -> Schedule {
    schedule("0 * * * *", "UTC", "2026-11-24T09:30:00Z", |_| {})
}

#[test]
fn a_disabled_schedule_does_not_fire_and_an_enabled_one_does_not_make_up_for_it() {
    let off = after(&hourly(), Event::Disabled, "2026-11-24T09:40:00Z");
    assert_eq!((off.standing(at("2026-11-24T09:40:00Z")), off.due_at()), (Standing::Disabled, None));
    assert_eq!(refused(&off, due(), "2026-11-24T12:00:00Z"), Refusal::NotDue);
    assert_eq!(refused(&off, Event::Disabled, "2026-11-24T12:00:00Z"), Refusal::NothingToDo);
    let on = after(&off, Event::Enabled, "2026-11-24T13:30:00Z");
    assert_eq!(
        (on.standing(at("2026-11-24T13:30:00Z")), on.due_at()),
        (Standing::Enabled, Some(at("2026-11-24T14:00:00Z")))
    );
    assert_eq!(refused(&on, Event::Enabled, "2026-11-24T13:31:00Z"), Refusal::NothingToDo);
    assert_eq!(on.life.edition, 2);
    assert_eq!(on.life.edited_at, at("2026-11-24T13:30:00Z"));
}

#[test]
fn a_pause_without_an_end_lasts_until_it_is_resumed() {
    let paused = after(&hourly(), Event::Paused { until: None }, "2026-11-24T09:40:00Z");
    assert_eq!((paused.standing(at("2036-01-01T00:00:00Z")), paused.due_at()), (Standing::Paused, None));
    let resumed = after(&paused, Event::Resumed, "2026-11-24T12:10:00Z");
    assert_eq!(resumed.due_at(), Some(at("2026-11-24T13:00:00Z")));
    assert_eq!(refused(&resumed, Event::Resumed, "2026-11-24T12:11:00Z"), Refusal::NothingToDo);
}

#[test]
fn a_pause_with_an_end_ends_by_itself() {
    let until = Some(at("2026-11-24T12:00:00Z"));
    let paused = after(&hourly(), Event::Paused { until }, "2026-11-24T09:40:00Z");
    assert_eq!(paused.due_at(), until, "a tick at the very end counts");
    assert_eq!(paused.standing(at("2026-11-24T11:59:59.999Z")), Standing::Paused);
    assert_eq!(paused.standing(at("2026-11-24T12:00:00Z")), Standing::Enabled);
    assert_eq!(refused(&paused, due(), "2026-11-24T11:00:00Z"), Refusal::NotDue);
    let step = applied(&paused, due(), "2026-11-24T12:00:00Z");
    assert_eq!((fired(&step), step.firing.missed), (vec!["12:00:00".to_owned()], 0));
    assert_eq!(step.next.pause, None, "what has ended is forgotten");
    assert_eq!(step.next.edition, 1, "nobody edited it");
}

#[test]
fn ticks_missed_after_a_pause_are_missed() {
    let until = Some(at("2026-11-24T12:30:00Z"));
    let paused = after(&hourly(), Event::Paused { until }, "2026-11-24T09:40:00Z");
    // Resuming what has ended by itself would let them go.
    assert_eq!(refused(&paused, Event::Resumed, "2026-11-24T14:30:00Z"), Refusal::NothingToDo);
    let step = applied(&paused, due(), "2026-11-24T14:30:00Z");
    assert_eq!((fired(&step), step.firing.missed), (vec!["14:00:00".to_owned()], 2));
}

#[test]
fn a_pause_must_end_in_the_future() {
    let now = "2026-11-24T09:40:00Z";
    let until = Some(at(now));
    assert_eq!(refused(&hourly(), Event::Paused { until }, now), Refusal::EndsInThePast);
    let paused = after(&hourly(), Event::Paused { until: None }, now);
    assert_eq!(refused(&paused, Event::Paused { until: None }, now), Refusal::NothingToDo);
    let longer = Event::Paused { until: Some(at("2026-11-25T00:00:00Z")) };
    assert_eq!(after(&paused, longer, now).due_at(), Some(at("2026-11-25T00:00:00Z")), "a pause may be changed");
}

#[test]
fn a_paused_schedule_that_is_disabled_stays_so_when_the_pause_ends() {
    let until = Some(at("2026-11-24T12:00:00Z"));
    let paused = after(&hourly(), Event::Paused { until }, "2026-11-24T09:40:00Z");
    let off = after(&paused, Event::Disabled, "2026-11-24T09:41:00Z");
    assert_eq!((off.due_at(), off.standing(at("2026-11-24T13:00:00Z"))), (None, Standing::Disabled));
    let on = after(&off, Event::Enabled, "2026-11-24T09:42:00Z");
    assert_eq!(on.due_at(), until, "the pause is still there");
}

#[test]
fn other_times_are_planned_anew_and_other_terms_leave_what_is_due() {
    let before = hourly();
    let mut spec = (*before.spec).clone();
    spec.description = Some("every hour".into());
    // The tick of 10:00 is due and not decided when somebody edits the description.
    let described = applied(&before, Event::Edited { spec: Arc::new(spec.clone()) }, "2026-11-24T10:00:05Z");
    assert_eq!(described.next.next_tick, Some(at("2026-11-24T10:00:00Z")));
    assert_eq!(described.spec.as_deref(), Some(&spec));
    assert_eq!((described.next.edition, described.next.edited_at), (1, at("2026-11-24T10:00:05Z")));
    spec.timetable = timetable("30 * * * *", "UTC");
    let moved = after(&before, Event::Edited { spec: Arc::new(spec.clone()) }, "2026-11-24T10:00:05Z");
    assert_eq!(moved.due_at(), Some(at("2026-11-24T10:30:00Z")));
    assert_eq!(refused(&moved, Event::Edited { spec: Arc::new(spec) }, "2026-11-24T10:00:06Z"), Refusal::NothingToDo);
}

#[test]
fn rule_21_an_edit_brings_no_tick_back() {
    let fired = after(&hourly(), due(), "2026-11-24T10:00:00Z");
    let mut spec = (*fired.spec).clone();
    spec.timetable = timetable("*/10 * * * *", "UTC");
    // By a clock that goes a minute behind, 10:00 is yet to come; but it was decided.
    let edited = after(&fired, Event::Edited { spec: Arc::new(spec) }, "2026-11-24T09:59:00Z");
    assert_eq!(edited.due_at(), Some(at("2026-11-24T10:10:00Z")));
}

#[test]
fn start_and_end_bound_the_ticks() {
    let schedule = schedule("0 * * * *", "UTC", "2026-11-24T09:30:00Z", |spec| {
        spec.start_at = Some(at("2026-11-25T00:00:00Z"));
        spec.end_at = Some(at("2026-11-25T01:00:00Z"));
    });
    assert_eq!(schedule.due_at(), Some(at("2026-11-25T00:00:00Z")), "a tick at the very start counts");
    let once = after(&schedule, due(), "2026-11-25T00:00:00Z");
    assert_eq!(once.due_at(), Some(at("2026-11-25T01:00:00Z")), "and one at the very end");
    let twice = after(&once, due(), "2026-11-25T01:00:00Z");
    assert_eq!(twice.due_at(), None);
}
