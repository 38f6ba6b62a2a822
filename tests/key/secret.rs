//! A secret is shown by nothing but `reveal`, and a pass is true for its key, its job and its time alone.

use faena::job::JobId;
use faena::key::{ApiKey, Digest, NewKey, Pass, Scope, Secret, Session};

use crate::{at, key};

#[test]
fn a_secret_shows_itself_to_nobody() {
    let secret = Secret::of(&[9; 32]);
    let made = key(&[Scope::Admin], None);
    let made = ApiKey { digest: secret.digest(), ..made };
    let bytes = format!("{:?}", made.digest.as_bytes());
    for shown in [format!("{secret:?}"), format!("{made:?}"), format!("{:?}", secret.digest())] {
        assert!(!shown.contains(secret.reveal()) && !shown.contains(&bytes), "{shown}");
    }
    let json = serde_json::to_string(&made).unwrap();
    assert!(!json.contains(secret.reveal()));
    assert_eq!(serde_json::from_str::<ApiKey>(&json).unwrap(), made);
}

#[test]
fn a_secret_is_known_by_its_digest_alone() {
    let (one, other) = (Secret::of(&[1; 32]), Secret::of(&[2; 32]));
    assert_eq!(one.digest(), Digest::of(one.reveal()));
    assert_ne!(one.digest(), other.digest());
    assert_eq!(one.reveal().len(), "fk_".len() + 43, "256 bits");
}

#[test]
fn a_chosen_secret_is_long_and_fits_a_header() {
    assert!(Secret::given("x".repeat(32)).is_ok());
    assert!(Secret::given(Secret::of(&[0; 32]).reveal()).is_ok());
    for bad in ["", "short", &"x".repeat(31), &"x".repeat(257), &format!("{} ", "x".repeat(40)), &"ä".repeat(32)] {
        assert!(Secret::given(bad).is_err(), "{bad}");
    }
}

#[test]
fn a_pass_is_true_for_its_key_its_job_and_its_time() {
    let (mine, job) = (key(&[Scope::JobsRead], None), JobId::new());
    let pass = Pass::new(&mine, job, at(1_000));
    let read = Pass::read(&pass.text()).unwrap();
    assert_eq!((read.key, read.job, read.expires_at), (mine.id, job, at(1_000)));
    assert!(read.is_signed_by(&mine, at(999)));
    assert!(!read.is_signed_by(&mine, at(1_000)), "its time is over");
    let other = NewKey { name: "b".into(), ..NewKey::default() }.made(Digest::of("other"), at(0));
    assert!(!read.is_signed_by(&other, at(0)));
    assert!(!read.is_signed_by(&ApiKey { id: mine.id, ..other }, at(0)), "an id is not enough");
    let changes: [fn(&mut Pass); 3] = [
        |pass| pass.job = JobId::new(),
        |pass| pass.expires_at = at(2_000),
        |pass| pass.key = faena::key::KeyId::new(),
    ];
    for change in changes {
        let mut changed = read.clone();
        change(&mut changed);
        assert!(!changed.is_signed_by(&mine, at(0)), "{changed:?}");
    }
}

#[test]
fn a_session_is_true_for_its_key_and_its_time_and_is_no_pass() {
    let mine = key(&[Scope::JobsRead], None);
    let session = Session::new(&mine, at(1_000));
    let read = Session::read(&session.text()).unwrap();
    assert_eq!((read.key, read.expires_at), (mine.id, at(1_000)));
    assert!(read.is_signed_by(&mine, at(999)));
    assert!(!read.is_signed_by(&mine, at(1_000)), "its time is over");
    let other = NewKey { name: "b".into(), ..NewKey::default() }.made(Digest::of("other"), at(0));
    assert!(!read.is_signed_by(&ApiKey { id: mine.id, ..other }, at(0)), "an id is not enough");
    let changes: [fn(&mut Session); 2] =
        [|session| session.expires_at = at(2_000), |session| session.key = faena::key::KeyId::new()];
    for change in changes {
        let mut changed = read.clone();
        change(&mut changed);
        assert!(!changed.is_signed_by(&mine, at(0)), "{changed:?}");
    }
    let text = session.text();
    assert_eq!(Pass::read(&text), None);
    for bad in ["", "fs_", "fs_****", &text[1..], &text[..text.len() - 1], &text.replace("fs_", "fp_")] {
        assert_eq!(Session::read(bad), None, "{bad}");
    }
}

#[test]
fn what_is_no_pass_says_nothing() {
    let text = Pass::new(&key(&[], None), JobId::new(), at(1)).text();
    for bad in ["", "fp_", "fp_****", &text[1..], &text[..text.len() - 1], &format!("{text}A"), "fk_AAAA"] {
        assert_eq!(Pass::read(bad), None, "{bad}");
    }
}
