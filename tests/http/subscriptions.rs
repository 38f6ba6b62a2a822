//! `/subscriptions` and `/outbox`: made, listed, changed, removed; secrets shown once; deliveries listed and replayed.

use faena::clock::Timestamp;
use faena::event::{Aggregate, Course, Event, EventType, Progress, Sending, SendingState, SubscriptionId};
use serde_json::{Value, json};

use crate::document::Drive;
use crate::server::Server;

async fn made(server: &Server) -> Value {
    let body = json!({ "url": "https://example.com/hook", "events": ["job.*", "order.paid"], "description": "mine" });
    let answer = server.post("/subscriptions", body).await;
    assert_eq!(answer.status, 201, "{answer:?}");
    assert_eq!(answer.header("cache-control"), Some("no-store"));
    let data = answer.json()["data"].clone();
    assert!(answer.header("location").unwrap().ends_with(data["id"].as_str().unwrap()));
    data
}

/// Gives a subscription two records, of an event that was not taken and of one that was.
async fn settled(server: &Server, id: &str) -> [String; 2] {
    let id: SubscriptionId = id.parse().unwrap();
    let sending = |place: u64, state| {
        let aggregate = Aggregate { sort: "Order".into(), id: "1".into() };
        let at = Timestamp::from_millis(place as i64);
        let event = Event::own(EventType::new("order.paid").unwrap(), aggregate, &json!({}), at).unwrap();
        Sending { state, attempts: 1, ..Sending::new(place, event, "".into(), at) }
    };
    let sendings = vec![sending(1_000, SendingState::Dead), sending(2_000, SendingState::Delivered)];
    let ids = [0, 1].map(|index: usize| sendings[index].event.id.to_string());
    let outbox = server.service.store().outbox();
    let course = outbox.course(id).await.unwrap().unwrap();
    let progress =
        Progress { expected: course.revision, course: Course { revision: course.revision + 1, ..course }, sendings };
    outbox.relay(id, progress).await.unwrap();
    ids
}

#[actix_web::test]
async fn a_subscription_is_made_shown_changed_and_removed() {
    let server = Server::start();
    let data = made(&server).await;
    assert!(data["secret"].as_str().unwrap().starts_with("whsec_"));
    assert_eq!((&data["status"], &data["secrets"], &data["enabled"]), (&json!("active"), &json!(1), &json!(true)));
    let path = format!("/subscriptions/{}", data["id"].as_str().unwrap());
    let shown = server.get(&path).await.json();
    assert_eq!(shown["events"], json!(["job.*", "order.paid"]));
    assert!(shown.get("secret").is_none(), "{shown}");
    assert!(!server.get("/subscriptions").await.text.contains("whsec_"));
    let changed = server.patch(&path, json!({ "events": ["*"], "enabled": false })).await;
    assert_eq!((changed.status, &changed.json()["data"]["status"]), (200, &json!("disabled")));
    let changed = server.patch(&path, json!({ "enabled": true, "url": "https://example.com/other" })).await.json();
    assert_eq!(changed["data"]["url"], "https://example.com/other");
    let rotated = server.post(&format!("{path}/secret"), json!({ "overlapSeconds": 60 })).await.json();
    assert_ne!(rotated["data"]["secret"], data["secret"]);
    assert_eq!(rotated["data"]["secrets"], 2);
    assert_eq!(server.delete(&path).await.status, 204);
    for answer in [server.get(&path).await, server.delete(&path).await, server.get("/subscriptions/17").await] {
        assert_eq!(answer.error(), (404, "not_found".to_owned()));
    }
}

#[actix_web::test]
async fn what_makes_no_sense_is_refused_by_its_field() {
    let server = Server::start();
    let url = "https://example.com/";
    for (body, field) in [
        (json!({ "events": ["*"] }), "url"),
        (json!({ "url": url }), "events"),
        (json!({ "url": url, "events": [] }), "events"),
        (json!({ "url": url, "events": ["job.nonsense"] }), "events[0]"),
        (json!({ "url": url, "events": ["*", "*.*"] }), "events[1]"),
        (json!({ "url": "http://127.0.0.1:1/", "events": ["*"] }), "url"),
        (json!({ "url": url, "events": ["*"], "secret": "short" }), "secret"),
        (json!({ "url": url, "events": ["*"], "user": "ana" }), "user"),
    ] {
        let answer = server.post("/subscriptions", body.clone()).await;
        assert_eq!(answer.error(), (400, "invalid_request".to_owned()), "{body}");
        assert_eq!(answer.fields(), [field], "{body}");
    }
    let job = json!({ "subType": "noop", "payload": {}, "callbackUrl": "http://10.1.2.3/" });
    assert_eq!(server.post("/jobs", job).await.fields(), ["callbackUrl"]);
}

#[actix_web::test]
async fn deliveries_are_listed_and_replayed() {
    let server = Server::start();
    let data = made(&server).await;
    let id = data["id"].as_str().unwrap();
    let [dead, taken] = settled(&server, id).await;
    let path = format!("/subscriptions/{id}/deliveries");
    let all = server.get(&path).await.json();
    assert_eq!(all["pagination"]["total"], 2);
    assert_eq!(all["data"][0]["eventId"], json!(taken));
    assert_eq!(all["data"][1]["event"]["type"], "order.paid");
    let listed = server.get(&format!("{path}?state=dead&since=1970-01-01T00:00:00.500Z")).await.json();
    assert_eq!((&listed["pagination"]["total"], &listed["data"][0]["eventId"]), (&json!(1), &json!(dead)));
    let later = json!({ "since": "1970-01-01T00:00:01.001Z" });
    assert_eq!(server.post(&format!("{path}/replay"), later).await.json()["data"]["replayed"], 0);
    assert_eq!(server.poke(&format!("{path}/replay")).await.json()["data"]["replayed"], 1);
    let again = server.poke(&format!("{path}/{dead}/replay")).await;
    assert_eq!(again.error(), (409, "conflict".to_owned()), "it is on its way");
    assert_eq!(server.poke(&format!("{path}/{taken}/replay")).await.status, 200);
    for wrong in ["evt_0", "17"] {
        assert_eq!(server.poke(&format!("{path}/{wrong}/replay")).await.error().0, 404);
    }
    assert_eq!(server.get("/subscriptions/callbacks/deliveries").await.json()["pagination"]["total"], 0);
}

#[actix_web::test]
async fn the_outbox_has_figures_and_is_cleaned() {
    let server = Server::start();
    let data = made(&server).await;
    settled(&server, data["id"].as_str().unwrap()).await;
    let figures = server.get("/outbox/stats").await.json()["data"].clone();
    assert_eq!((&figures["subscriptions"], &figures["dead"], &figures["pending"]), (&json!(2), &json!(1), &json!(0)));
    assert_eq!(server.poke("/outbox/cleanup").await.json()["data"]["forgotten"], 2);
    assert_eq!(server.post("/outbox/cleanup", json!({ "days": 1 })).await.json()["data"]["forgotten"], 0);
    let nobody = server.poke("/outbox/process").await;
    assert_eq!(nobody.error(), (409, "conflict".to_owned()), "this server has nobody who sends");
}

/// The part of the description that is about them.
pub async fn drive(drive: &mut Drive<'_>) {
    let body = json!({ "url": "https://example.com/", "events": ["job.*"] });
    let made = drive.post("/subscriptions", "/subscriptions", Some(body)).await.json();
    drive.post("/subscriptions", "/subscriptions", Some(json!({}))).await;
    drive.get("/subscriptions", "/subscriptions").await;
    let id = made["data"]["id"].as_str().unwrap();
    let (one, path) = ("/subscriptions/{id}", format!("/subscriptions/{id}"));
    drive.get(one, &path).await;
    drive.patch(one, &path, json!({ "enabled": true })).await;
    drive.post("/subscriptions/{id}/secret", &format!("{path}/secret"), None).await;
    drive.post("/subscriptions/{id}/test", &format!("{path}/test"), None).await;
    let [_, taken] = settled(drive.server, id).await;
    let deliveries = format!("{path}/deliveries");
    drive.get("/subscriptions/{id}/deliveries", &deliveries).await;
    drive.post("/subscriptions/{id}/deliveries/replay", &format!("{deliveries}/replay"), None).await;
    let one_delivery = "/subscriptions/{id}/deliveries/{eventId}/replay";
    drive.post(one_delivery, &format!("{deliveries}/{taken}/replay"), None).await;
    drive.get("/outbox/stats", "/outbox/stats").await;
    drive.post("/outbox/process", "/outbox/process", None).await;
    drive.post("/outbox/cleanup", "/outbox/cleanup", Some(json!({ "days": 30 }))).await;
    assert_eq!(drive.delete(one, &path).await.status, 204);
    assert_eq!(drive.get(one, &path).await.status, 404);
}
