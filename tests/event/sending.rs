//! Webhooks on the wire: what an endpoint gets, and what comes of what it does.

use std::io::{self, Write};
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use actix_web::http::StatusCode;
use actix_web::{App, HttpRequest, HttpResponse, HttpServer, web};
use faena::clock::{Clock, Timestamp};
use faena::egress::{Caller, Policy};
use faena::event::{Aggregate, Event, EventType, Heard, Received, Secret, verify};
use faena::publish::{Attempt, Console, Parcel, Publisher, Webhooks};
use parking_lot::Mutex;
use serde_json::json;

/// What an endpoint got.
#[derive(Default)]
struct Got(Mutex<Vec<Post>>);

/// One request: its headers by name, and the body.
struct Post {
    headers: Vec<(String, String)>,
    body: Vec<u8>,
}

async fn take(request: HttpRequest, body: web::Bytes, got: web::Data<Got>) -> HttpResponse {
    let headers = request.headers().iter().map(|(name, value)| (name.to_string(), value.to_str().unwrap().to_owned()));
    got.0.lock().push(Post { headers: headers.collect(), body: body.to_vec() });
    HttpResponse::NoContent().finish()
}

async fn answer(path: web::Path<u16>) -> HttpResponse {
    let mut answer = HttpResponse::build(StatusCode::from_u16(*path).unwrap());
    answer.insert_header(("retry-after", "90")).insert_header(("location", "/take")).body("no\u{0} luck\u{1b}[31m\n")
}

async fn never() -> HttpResponse {
    std::future::pending().await
}

/// An endpoint, gone with the runtime of its test, and what it got.
async fn endpoint() -> (SocketAddr, Arc<Got>) {
    let got = web::Data::new(Got::default());
    let kept = got.clone().into_inner();
    let server = HttpServer::new(move || {
        App::new()
            .app_data(got.clone())
            .route("/take", web::post().to(take))
            .route("/answer/{status}", web::post().to(answer))
            .route("/large", web::post().to(|| async { "é".repeat(50_000) }))
            .route("/never", web::post().to(never))
    });
    let server = server.workers(1).disable_signals().bind(("127.0.0.1", 0)).unwrap();
    let address = server.addrs()[0];
    tokio::spawn(server.run());
    (address, kept)
}

fn paid() -> Event {
    let aggregate = Aggregate { sort: "Order".into(), id: "17".into() };
    Event::own(EventType::new("order.paid").unwrap(), aggregate, &json!({ "to": "año" }), Timestamp::from_millis(5))
        .unwrap()
}

fn secret() -> Secret {
    Secret::generate().unwrap()
}

fn webhooks(vouched: SocketAddr) -> Webhooks {
    let entry = vouched.to_string().parse().unwrap();
    Webhooks::by(Caller::new(Policy::public_and("webhook_allow", [entry])))
}

async fn deliver(address: SocketAddr, path: &str) -> Attempt {
    send(&webhooks(address), &format!("http://{address}{path}")).await
}

async fn send(webhooks: &Webhooks, to: &str) -> Attempt {
    let (event, secrets) = (paid(), [secret()]);
    webhooks.publish(Parcel { event: &event, to, secrets: &secrets }, Clock::System.now()).await
}

#[tokio::test]
async fn an_endpoint_gets_the_event_signed_and_the_same_in_each_try() {
    let (address, got) = endpoint().await;
    let (event, secrets) = (paid(), [secret(), secret()]);
    let (webhooks, url) = (webhooks(address), format!("http://{address}/take?token=mine"));
    let first = Timestamp::from_millis(1_764_000_000_000);
    let later = first.plus(Duration::from_secs(3_600));
    for now in [first, later] {
        let parcel = Parcel { event: &event, to: &url, secrets: &secrets };
        let attempt = webhooks.publish(parcel, now).await;
        assert_eq!(attempt.heard, Heard::Answer { status: 204, retry_after: None }, "{attempt:?}");
    }
    let got = got.0.lock();
    assert_eq!(got.len(), 2);
    for (Post { headers, body }, now) in got.iter().zip([first, later]) {
        let header = |name: &str| &headers.iter().find(|header| header.0 == name).unwrap().1;
        let received = Received {
            id: header("webhook-id"),
            timestamp: header("webhook-timestamp"),
            signature: header("webhook-signature"),
            body,
        };
        for secret in &secrets {
            assert_eq!(verify([secret], received, now), Ok(()));
        }
        assert_eq!(header("webhook-id"), event.id.as_str());
        assert_eq!(header("content-type"), "application/json");
        assert_eq!(serde_json::from_slice::<Event>(body).unwrap(), event);
    }
}

#[tokio::test]
async fn every_answer_is_told_as_it_is() {
    let (address, got) = endpoint().await;
    for status in [200, 302, 307, 400, 410, 429, 500, 503] {
        let attempt = deliver(address, &format!("/answer/{status}")).await;
        let expected = Heard::Answer { status, retry_after: Some(Duration::from_secs(90)) };
        assert_eq!((attempt.heard, attempt.said.as_str()), (expected, "no  luck [31m\n"));
    }
    assert!(got.0.lock().is_empty(), "a redirect is not followed");
    let large = deliver(address, "/large").await;
    assert_eq!(large.heard, Heard::Answer { status: 200, retry_after: None });
    assert!(large.said.len() <= 1_024 && large.said.starts_with("éé"), "{}", large.said.len());
}

#[tokio::test]
async fn without_an_answer_it_says_why_and_keeps_the_address_to_itself() {
    let (address, _got) = endpoint().await;
    let slow = webhooks(address).within(Duration::from_millis(50));
    let url = |path: &str| format!("http://{address}{path}?token=hidden");
    let attempt = send(&slow, &url("/never")).await;
    assert!(attempt.heard == Heard::Nothing && attempt.said.starts_with("the endpoint took too long"), "{attempt:?}");
    assert!(!attempt.said.contains("hidden"), "{attempt:?}");

    let free = std::net::TcpListener::bind(("127.0.0.1", 0)).unwrap().local_addr().unwrap();
    let attempt = deliver(free, "/?token=hidden").await;
    assert!(
        attempt.heard == Heard::Nothing && attempt.said.starts_with("the endpoint cannot be reached"),
        "{attempt:?}"
    );
    assert!(!attempt.said.contains("hidden"), "{attempt:?}");
}

#[tokio::test]
async fn what_may_not_be_called_is_not_and_the_setting_is_named() {
    let (address, got) = endpoint().await;
    let guarded = Webhooks::by(Caller::new(Policy::public_and("webhook_allow", [])));
    let port = address.port();
    for (url, why) in [
        (format!("http://{address}/take"), "127.0.0.1:"),
        (format!("http://localhost:{port}/take"), "webhook_allow"),
        (format!("http://[::ffff:127.0.0.1]:{port}/take"), "webhook_allow"),
        (format!("ftp://{address}/take"), "http:// or https://"),
        ("http://169.254.169.254/latest".to_owned(), "metadata"),
    ] {
        let attempt = send(&guarded, &url).await;
        assert!(attempt.heard == Heard::Nothing && attempt.said.contains(why), "{url}: {attempt:?}");
    }
    assert!(got.0.lock().is_empty());
}

/// What was written, for whoever looks.
#[derive(Clone, Default)]
struct Lines(Arc<Mutex<Vec<u8>>>);

impl Write for Lines {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Takes nothing.
struct Full;

impl Write for Full {
    fn write(&mut self, _bytes: &[u8]) -> io::Result<usize> {
        Err(io::ErrorKind::StorageFull.into())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[tokio::test]
async fn the_console_gets_a_line_an_event_and_is_heard_when_it_takes_none() {
    let (lines, event) = (Lines::default(), paid());
    let console = Console::to(lines.clone());
    let parcel = Parcel { event: &event, to: "", secrets: &[] };
    for _ in 0..2 {
        assert_eq!(console.publish(parcel, Clock::System.now()).await.heard, Heard::Taken);
    }
    let written = String::from_utf8(lines.0.lock().clone()).unwrap();
    let told: Vec<Event> = written.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(told, [event.clone(), event.clone()]);

    let attempt = Console::to(Full).publish(parcel, Clock::System.now()).await;
    assert_eq!(attempt.heard, Heard::Nothing);
    assert!(attempt.said.starts_with("the output takes nothing: "), "{attempt:?}");
}
