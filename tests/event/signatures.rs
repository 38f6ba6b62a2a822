//! Signatures: ours are believed by the reference of Standard Webhooks and its are believed by us.

use std::time::Duration;

use faena::clock::{Clock, Timestamp};
use faena::event::signing::{self, ID_HEADER, SIGNATURE_HEADER, TIMESTAMP_HEADER};
use faena::event::{Received, Rejected, Secret, sign, verify};
use faena::limits;
use standardwebhooks::Webhook;

const BODY: &[u8] = r#"{"type":"job.completed","word":"año"}"#.as_bytes();

fn now() -> Timestamp {
    Clock::System.now()
}

fn secret() -> Secret {
    Secret::generate().unwrap()
}

/// Has a delivery of the body, signed at a moment, checked at another.
fn check(secrets: &[&Secret], signature: &str, sent: Timestamp, at: Timestamp) -> Result<(), Rejected> {
    let timestamp = (sent.as_millis() / 1_000).to_string();
    let received = Received { id: "evt_1", timestamp: &timestamp, signature, body: BODY };
    verify(secrets.iter().copied(), received, at)
}

#[test]
fn the_reference_believes_us() {
    let secret = secret();
    let reference = Webhook::new(&secret.reveal()).unwrap();
    let mut headers = http::HeaderMap::new();
    for (name, value) in signing::headers([&secret], "evt_1", now(), BODY) {
        headers.insert(name, value.parse().unwrap());
    }
    assert!(reference.verify(BODY, &headers).is_ok());
    assert!(reference.verify(b"another", &headers).is_err());
    // Also while the secret is being replaced, whichever of the two it knows.
    let newer = self::secret();
    for known in [&secret, &newer] {
        let both = sign([&newer, &secret], "evt_1", now(), BODY);
        headers.insert(SIGNATURE_HEADER, both.parse().unwrap());
        assert!(Webhook::new(&known.reveal()).unwrap().verify(BODY, &headers).is_ok());
    }
    assert_eq!((ID_HEADER, TIMESTAMP_HEADER), ("webhook-id", "webhook-timestamp"));
}

#[test]
fn we_believe_the_reference() {
    let secret = secret();
    let reference = Webhook::new(&secret.reveal()).unwrap();
    for seconds in [0, 1_764_000_000, 4_102_444_800] {
        let at = Timestamp::from_millis(seconds * 1_000);
        let theirs = reference.sign("evt_1", seconds, BODY).unwrap();
        assert_eq!(theirs, sign([&secret], "evt_1", at, BODY));
        assert_eq!(check(&[&secret], &theirs, at, at), Ok(()));
    }
}

/// The example that the specification itself gives.
#[test]
fn the_example_of_the_specification() {
    let secret: Secret = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw".parse().unwrap();
    let body = br#"{"test": 2432232314}"#;
    let signature = sign([&secret], "msg_p5jXN8AQM9LWM0D4loKWxJek", Timestamp::from_millis(1_614_265_330_999), body);
    assert_eq!(signature, "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=");
}

#[test]
fn one_of_several_is_enough_on_either_side() {
    let (old, new, other) = (secret(), secret(), secret());
    let at = now();
    let both = sign([&new, &old], "evt_1", at, BODY);
    assert_eq!(both.split(' ').count(), 2);
    for known in [&[&old][..], &[&new], &[&old, &new], &[&other, &new]] {
        assert_eq!(check(known, &both, at, at), Ok(()));
    }
    assert_eq!(check(&[&other], &both, at, at), Err(Rejected::WrongSignature));
    assert_eq!(check(&[], &both, at, at), Err(Rejected::WrongSignature));
    let among_others = format!("v1a,abcd v2,efgh nonsense v1,!!! {both}");
    assert_eq!(check(&[&old], &among_others, at, at), Ok(()));
}

#[test]
fn whatever_is_changed_it_no_longer_fits() {
    let (secret, at) = (secret(), now());
    let timestamp = (at.as_millis() / 1_000).to_string();
    let signature = sign([&secret], "evt_1", at, BODY);
    let whole = Received { id: "evt_1", timestamp: &timestamp, signature: &signature, body: BODY };
    assert_eq!(verify([&secret], whole, at), Ok(()));
    let second_before = (at.as_millis() / 1_000 - 1).to_string();
    let cut = &signature[..signature.len() - 5];
    for changed in [
        Received { id: "evt_2", ..whole },
        Received { timestamp: &second_before, ..whole },
        Received { body: b"{}", ..whole },
        Received { signature: "", ..whole },
        Received { signature: "v1,", ..whole },
        Received { signature: cut, ..whole },
        Received { signature: signature.trim_start_matches("v1,"), ..whole },
        // What belongs to the id cannot be moved into the time.
        Received { id: "evt_1.", ..whole },
    ] {
        assert_eq!(verify([&secret], changed, at), Err(Rejected::WrongSignature), "{changed:?}");
    }
    for timestamp in ["", "now", "-1", "+1", "1.5", " 1", "99999999999999999999"] {
        assert_eq!(verify([&secret], Received { timestamp, ..whole }, at), Err(Rejected::NoTimestamp), "{timestamp:?}");
    }
}

#[test]
fn five_minutes_are_fresh_and_a_second_more_is_not() {
    let (secret, at) = (secret(), Timestamp::from_millis(1_764_000_000_000));
    let tolerance = limits::WEBHOOK_TOLERANCE;
    let second = Duration::from_secs(1);
    assert_eq!(tolerance, Duration::from_secs(300));
    for (sent, expected) in [
        (at.minus(tolerance), Ok(())),
        (at.minus(tolerance + second), Err(Rejected::TooOld)),
        (at.plus(tolerance), Ok(())),
        (at.plus(tolerance + second), Err(Rejected::TooEarly)),
    ] {
        let signature = sign([&secret], "evt_1", sent, BODY);
        assert_eq!(check(&[&secret], &signature, sent, at), expected);
    }
}

#[test]
fn a_secret_shows_itself_only_when_asked() {
    let secret = secret();
    let revealed = secret.reveal();
    assert!(revealed.starts_with("whsec_") && revealed.len() == 6 + 44);
    assert_eq!(format!("{secret:?} {:?}", Some(&secret)), "Secret Some(Secret)");
    assert_eq!(revealed.parse::<Secret>().unwrap().reveal(), revealed);
    assert_ne!(self::secret().reveal(), revealed);
    for bad in ["", "whsec_", "whsec_short", &revealed[6..], &revealed.to_uppercase(), "whsec_!!!!"] {
        let complaint = bad.parse::<Secret>().unwrap_err();
        assert!(bad.len() < 7 || !complaint.contains(bad), "{complaint}");
    }
    let words = Secret::from_words("tu_secreto").unwrap();
    assert_eq!(words.reveal(), "whsec_dHVfc2VjcmV0bw==");
    assert!(Secret::from_words("").is_err() && Secret::from_words(&"x".repeat(65)).is_err());
}
