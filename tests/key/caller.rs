//! What a caller may do, and whose things they see.

use std::sync::Arc;

use faena::key::{Caller, Need, Refusal, Scope};

use crate::key;

fn caller(scopes: &[Scope], user: Option<&str>) -> Caller {
    Caller::Key(Arc::new(key(scopes, user)))
}

#[test]
fn a_scope_opens_what_needs_it_and_nothing_else() {
    for held in Scope::ALL {
        for needed in Scope::ALL {
            let opens = held == needed || *held == Scope::Admin;
            let expected = if opens { Ok(()) } else { Err(Refusal::Lacks(*needed)) };
            assert_eq!(caller(&[*held], None).may(Need::Scope(*needed)), expected, "{held} {needed}");
            assert_eq!(caller(&[*held], None).may(Need::Whole(*needed)), expected, "{held} {needed}");
        }
        assert_eq!(caller(&[*held], None).may(Need::Nothing), Ok(()));
    }
}

#[test]
fn what_belongs_to_all_is_not_for_a_key_of_one() {
    let ana = caller(&[Scope::JobsRead], Some("ana"));
    assert_eq!(ana.may(Need::Scope(Scope::JobsRead)), Ok(()));
    assert_eq!(ana.may(Need::Whole(Scope::JobsRead)), Err(Refusal::Bound("ana".into())));
    assert_eq!(ana.may(Need::Whole(Scope::Events)), Err(Refusal::Lacks(Scope::Events)));
}

#[test]
fn without_keys_everybody_may_everything() {
    for scope in Scope::ALL {
        assert_eq!(Caller::Anybody.may(Need::Whole(*scope)), Ok(()));
    }
    assert!(Caller::Anybody.sees(None) && Caller::Anybody.sees(Some("ana")));
    assert_eq!(Caller::Anybody.owner(Some("ana")), Ok(Some("ana")));
    assert_eq!(&*Caller::Anybody.called(), "api");
}

#[test]
fn a_key_of_one_sees_and_makes_what_is_of_that_one() {
    let ana = caller(&[Scope::JobsWrite], Some("ana"));
    assert!(ana.sees(Some("ana")) && !ana.sees(Some("bo")) && !ana.sees(None));
    assert_eq!(ana.owner(None), Ok(Some("ana")));
    assert_eq!(ana.owner(Some("ana")), Ok(Some("ana")));
    assert_eq!(ana.owner(Some("bo")), Err(Refusal::ForAnother("ana".into())));
    let free = caller(&[Scope::JobsWrite], None);
    assert!(free.sees(None) && free.sees(Some("bo")));
    assert_eq!(free.owner(Some("bo")), Ok(Some("bo")));
    assert_eq!(&*free.called(), "key:a");
}
