//! Mail to an SMTP server of the test's own: what a letter looks like there, and what comes of what the server says.

use std::time::Duration;

use faena::clock::{Clock, Timestamp};
use faena::event::{Aggregate, Event, EventType, Heard};
use faena::publish::{Parcel, Publisher, Smtp, email::Letter};
use serde_json::json;

use crate::post_office::PostOffice;

const LETTER: Letter<'static> = Letter {
    to: "ops@example.com",
    subject: "[faena] el año falló\r\nBcc: everybody@example.com",
    text: "Schedule año failed.\n.\nIts last good run: none.\n",
    id: "letter.1",
};

#[tokio::test]
async fn a_letter_arrives_as_it_was_written_and_nothing_is_slipped_in() {
    let office = PostOffice::open().await;
    let smtp = Smtp::by(&office.url(), "faena <faena@jobs.example.com>").unwrap();
    let attempt = smtp.send(LETTER).await;
    assert_eq!(attempt.heard, Heard::Taken, "{attempt:?}");
    let taken = office.taken().remove(0);
    assert_eq!((taken.from.as_str(), taken.to.as_str()), ("faena@jobs.example.com", "ops@example.com"));
    assert_eq!(taken.header("Message-ID"), Some("<letter.1@jobs.example.com>"));
    assert_eq!(taken.header("Auto-Submitted"), Some("auto-generated"));
    assert_eq!(taken.header("To"), Some("ops@example.com"));
    assert_eq!(taken.header("Bcc"), None, "{taken:?}");
    assert_eq!(taken.text().trim_end(), LETTER.text.trim_end(), "{taken:?}");
    assert_eq!(taken.header("Content-Type"), Some("text/plain; charset=utf-8"));
}

#[tokio::test]
async fn what_the_server_says_is_told_as_it_is() {
    let office = PostOffice::open().await;
    let smtp = Smtp::by(&office.url(), "faena@localhost").unwrap();
    for (reply, status) in [("451 later", 451), ("550 nobody here", 550), ("421 too busy", 421)] {
        office.refuse([reply]);
        let attempt = smtp.send(LETTER).await;
        assert_eq!(attempt.heard, Heard::Answer { status, retry_after: None }, "{attempt:?}");
        assert!(attempt.said.contains(&reply[4..]), "{attempt:?}");
    }
    assert!(office.taken().is_empty());
    assert_eq!(smtp.send(LETTER).await.heard, Heard::Taken, "the next try begins anew");
    for to in ["nobody", "a b@example.com", "ops@example.com\r\nRCPT TO:<x@example.com>"] {
        let attempt = smtp.send(Letter { to, ..LETTER }).await;
        assert_eq!(attempt.heard, Heard::Answer { status: 553, retry_after: None }, "{to}: {attempt:?}");
    }
    assert_eq!(office.taken().len(), 1);
}

#[tokio::test]
async fn without_an_answer_it_says_why_and_keeps_the_password_to_itself() {
    let listener = tokio::net::TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
    let url = format!("smtp://me:hidden@{}", listener.local_addr().unwrap());
    let smtp = Smtp::by(&url, "faena@localhost").unwrap().within(Duration::from_millis(200));
    let attempt = smtp.send(LETTER).await;
    assert!(attempt.heard == Heard::Nothing && attempt.said == "the SMTP server took too long", "{attempt:?}");
    drop(listener);
    let attempt = smtp.send(LETTER).await;
    assert!(attempt.heard == Heard::Nothing && attempt.said.contains("cannot be reached"), "{attempt:?}");
    assert!(!attempt.said.contains("hidden"), "{attempt:?}");

    let office = PostOffice::for_user("me", "open sesame").await;
    let login = |password: &str| format!("smtp://me:{password}@{}", office.address);
    let attempt = Smtp::by(&login("hidden"), "faena@localhost").unwrap().send(LETTER).await;
    assert!(matches!(attempt.heard, Heard::Answer { status: 535, .. }), "{attempt:?}");
    assert!(!attempt.said.contains("hidden"), "{attempt:?}");
    let attempt = Smtp::by(&login("open%20sesame"), "faena@localhost").unwrap().send(LETTER).await;
    assert_eq!(attempt.heard, Heard::Taken, "{attempt:?}");
    // This one speaks no TLS, and nothing is told to it in the clear.
    let secret = format!("{}?tls=required", login("open%20sesame"));
    let attempt = Smtp::by(&secret, "faena@localhost").unwrap().send(LETTER).await;
    assert!(attempt.heard == Heard::Nothing && office.taken().len() == 1, "{attempt:?}");
}

#[tokio::test]
async fn an_event_can_be_mailed_as_it_is() {
    let office = PostOffice::open().await;
    let smtp = Smtp::by(&office.url(), "faena@localhost").unwrap();
    let aggregate = Aggregate { sort: "Order".into(), id: "17".into() };
    let kind = EventType::new("order.paid").unwrap();
    let event = Event::own(kind, aggregate, &json!({ "total": 20_000 }), Timestamp::from_millis(0)).unwrap();
    let parcel = Parcel { event: &event, to: "ops@example.com", secrets: &[] };
    assert_eq!(smtp.publish(parcel, Clock::System.now()).await.heard, Heard::Taken);
    let taken = office.after(1).await.remove(0);
    assert_eq!(taken.header("Subject"), Some("[faena] order.paid: Order 17"));
    assert_eq!(taken.header("Message-ID"), Some(format!("<{}@localhost>", event.id).as_str()));
    assert!(taken.text().contains("\"total\": 20000"), "{}", taken.text());
}

#[test]
fn what_is_no_server_is_refused_before_anybody_calls() {
    for (url, from, why) in [
        ("http://me:hidden@127.0.0.1", "faena@localhost", "smtp://"),
        ("me:hidden", "faena@localhost", "smtp://"),
        ("smtp://me:hidden@127.0.0.1", "nobody", "`nobody` is not an address"),
    ] {
        let refused = Smtp::by(url, from).err().unwrap();
        assert!(refused.contains(why) && !refused.contains("hidden"), "{refused}");
    }
}
