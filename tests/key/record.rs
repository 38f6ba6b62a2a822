//! What a key may be made with, and how it stands.

use faena::key::{NewKey, Quota, Scope, Standing};

use crate::{at, key, new};

fn faults(new: &NewKey, is_first: bool) -> Vec<&'static str> {
    new.complaints(is_first, at(10)).iter().map(|complaint| complaint.field).collect()
}

#[test]
fn a_key_is_made_with_its_scopes_once_and_in_order() {
    let made = key(&[Scope::Events, Scope::JobsRead, Scope::Events], None);
    assert_eq!(&*made.scopes, [Scope::JobsRead, Scope::Events]);
}

#[test]
fn every_fault_is_named() {
    let good = new(&[Scope::JobsRead], Some("ana"));
    assert_eq!(faults(&good, false), [""; 0]);
    assert_eq!(faults(&NewKey { name: "".into(), ..good.clone() }, false), ["name"]);
    assert_eq!(faults(&NewKey { name: "a\0".into(), ..good.clone() }, false), ["name"]);
    assert_eq!(faults(&NewKey { scopes: vec![], ..good.clone() }, false), ["scopes"]);
    assert_eq!(faults(&NewKey { user_id: Some("u".repeat(201).into()), ..good.clone() }, false), ["userId"]);
    assert_eq!(faults(&NewKey { expires_at: Some(at(10)), ..good.clone() }, false), ["expiresAt"]);
    for (rate, queued) in [(0, 1), (10_000_001, 1_000_001)] {
        let quota = Quota { requests_per_minute: Some(rate), queued_max: Some(queued) };
        let expected: &[_] = if queued == 1 { &["requestsPerMinute"] } else { &["requestsPerMinute", "queuedMax"] };
        assert_eq!(faults(&NewKey { quota, ..good.clone() }, false), expected);
    }
    assert_eq!(faults(&NewKey { expires_at: Some(at(11)), ..good }, false), [""; 0]);
}

#[test]
fn what_concerns_everybody_is_no_scope_for_one_user() {
    for scope in Scope::ALL {
        let complains = !faults(&new(&[*scope], Some("ana")), false).is_empty();
        assert_eq!(complains, matches!(scope, Scope::Workers | Scope::Admin), "{scope}");
        assert_eq!(faults(&new(&[*scope], None), false), [""; 0], "{scope}");
    }
}

#[test]
fn the_first_key_can_make_others() {
    assert_eq!(faults(&new(&[Scope::Admin], None), true), [""; 0]);
    assert_eq!(faults(&new(&[Scope::JobsRead], None), true), ["scopes"]);
    assert_eq!(faults(&NewKey { expires_at: Some(at(99)), ..new(&[Scope::Admin], None) }, true), ["expiresAt"]);
}

#[test]
fn a_key_stands_until_it_expires_or_is_revoked() {
    let made = NewKey { expires_at: Some(at(100)), ..new(&[Scope::Events], None) };
    let made = made.made(faena::key::Digest::of("s"), at(0));
    assert_eq!([made.standing(at(99)), made.standing(at(100))], [Standing::Valid, Standing::Expired]);
    let revoked = made.revoked(at(5));
    assert_eq!(revoked.standing(at(99)), Standing::Revoked);
    assert_eq!(revoked.revoked(at(9)).revoked_at, Some(at(5)), "what was taken back stays so");
}

#[test]
fn its_last_use_never_goes_back() {
    let made = key(&[Scope::Events], None).used(at(5)).unwrap();
    assert_eq!(made.last_used_at, Some(at(5)));
    assert!(made.used(at(5)).is_none() && made.used(at(4)).is_none());
}
