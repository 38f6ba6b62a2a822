//! `/alerts` and `/alerts/rules`: what is watched, what went wrong, and every way to ask wrongly.

use faena::upkeep::Sentinel;
use faena::upkeep::alert::Judged;
use serde_json::{Value, json};

use crate::server::{Answer, Server};

/// Looks at what rules watch, as the running program does.
pub async fn look(server: &Server) -> Judged {
    let (service, clock) = (&server.service, faena::clock::Clock::System);
    let doubted = service.hub().doubted().clone();
    let sentinel = Sentinel::new(service.store().clone(), server.schedules.clone(), clock, doubted);
    sentinel.look().await.unwrap()
}

/// Has a schedule of its own fail twice, and an alert fire of that.
pub async fn fire(server: &Server) {
    server.schedule("failing", json!({})).await;
    for _ in 0..2 {
        run(server, false).await;
    }
    assert_eq!(look(server).await.fired, 1);
}

/// Runs that schedule by hand to an end.
async fn run(server: &Server, well: bool) {
    let made = server.poke("/schedules/failing/execute").await.json();
    let id = made["data"]["jobId"].as_str().unwrap().parse().unwrap();
    let claimed = server.claim(usize::MAX).await;
    assert!(claimed.iter().any(|job| job.id == id), "{claimed:?}");
    if well {
        server.succeed(id, None).await
    } else {
        server.fail(id, "no luck").await
    };
}

async fn put(server: &Server, name: &str, body: Value) -> Answer {
    server.put(&format!("/alerts/rules/{name}"), body).await
}

#[actix_web::test]
async fn failures_in_a_row_are_listed_and_counted_until_a_success() {
    let server = Server::start();
    let firing = async || {
        let metrics = server.get("/metrics").await.text;
        let line = metrics.lines().find(|line| line.starts_with("faena_alerts_firing ")).unwrap().to_owned();
        (server.get("/dashboard/data").await.json()["alertsFiring"].as_u64().unwrap(), line)
    };
    assert_eq!(firing().await, (0, "faena_alerts_firing 0".to_owned()));
    assert_eq!(server.get("/alerts").await.json()["data"], json!([]));
    fire(&server).await;
    assert_eq!(firing().await, (1, "faena_alerts_firing 1".to_owned()));
    let listed = server.get("/alerts").await.json();
    assert_eq!((&listed["pagination"]["total"], &listed["message"]), (&json!(1), &json!("1 of 1 alerts.")));
    let alert = &listed["data"][0];
    for (field, value) in [
        ("rule", json!("failures-in-a-row")),
        ("kind", json!("failures_in_a_row")),
        ("status", json!("firing")),
        ("subject", json!("schedule")),
        ("scheduleId", server.get("/schedules/failing").await.json()["id"].clone()),
        ("scheduleName", json!("failing")),
        ("subType", json!("noop")),
        ("value", json!(2)),
        ("bound", json!(2)),
        ("unit", json!("count")),
        ("count", json!(1)),
        ("subscriptionId", Value::Null),
        ("clearedAt", Value::Null),
        ("message", json!("the last 2 executions of schedule `failing` have failed; 2 in a row are reported")),
    ] {
        assert_eq!(alert[field], value, "{field}");
    }
    let path = format!("/alerts/{}", alert["id"].as_str().unwrap());
    assert_eq!(server.get(&path).await.json(), *alert);
    assert_eq!(server.get("/health/ready").await.status, 200, "an alert is no reason to send nobody here");
    run(&server, true).await;
    assert_eq!(look(&server).await.cleared, 1);
    assert_eq!(firing().await.0, 0);
    let cleared = server.get(&path).await.json();
    assert_eq!(cleared["status"], "cleared");
    assert!(cleared["clearedAt"].is_string());
}

#[actix_web::test]
async fn a_list_of_alerts_is_filtered_and_paged() {
    let server = Server::start();
    fire(&server).await;
    put(&server, "deep", json!({ "kind": "queue_depth", "jobs": 1, "subType": "send_mail" })).await;
    for _ in 0..2 {
        server.job(json!({ "subType": "send_mail", "payload": { "to": "a@b.co" } })).await;
    }
    assert_eq!(look(&server).await.fired, 1);
    run(&server, true).await;
    look(&server).await;
    for (query, rules) in [
        ("", vec!["deep", "failures-in-a-row"]),
        ("?status=firing", vec![]),
        ("?status=cleared", vec!["deep", "failures-in-a-row"]),
        ("?rule=deep", vec!["deep"]),
        ("?schedule=failing", vec!["failures-in-a-row"]),
        ("?subType=send_mail", vec!["deep"]),
        ("?rule=deep&subType=noop", vec![]),
        ("?limit=1", vec!["deep"]),
        ("?limit=1&offset=1", vec!["failures-in-a-row"]),
    ] {
        let listed = server.get(&format!("/alerts{query}")).await.json();
        let found: Vec<_> =
            listed["data"].as_array().unwrap().iter().map(|alert| alert["rule"].as_str().unwrap()).collect();
        assert_eq!(found, rules, "{query}");
    }
    let page = server.get("/alerts?limit=1").await.json();
    assert_eq!((&page["pagination"]["total"], &page["pagination"]["hasMore"]), (&json!(2), &json!(true)));
}

#[actix_web::test]
async fn a_rule_is_made_changed_under_a_condition_and_removed() {
    let server = Server::start();
    let rules = async || {
        let listed = server.get("/alerts/rules").await.json();
        listed["data"]
            .as_array()
            .unwrap()
            .iter()
            .map(|rule| rule["name"].as_str().unwrap().to_owned())
            .collect::<Vec<_>>()
    };
    assert_eq!(rules().await, ["endpoint-off", "failures-in-a-row"]);
    server.schedule("nightly", json!({})).await;
    let made = put(&server, "slow", json!({ "kind": "execution_longer", "seconds": 60, "schedule": "nightly" })).await;
    assert_eq!(made.status, 201, "{made:?}");
    let rule = made.json()["data"].clone();
    let expected = json!({
        "name": "slow", "kind": "execution_longer", "count": null, "seconds": 60, "jobs": null, "subType": null,
        "schedule": "nightly", "enabled": true, "revision": rule["revision"],
    });
    assert_eq!(rule, expected);
    let tag = made.header("etag").unwrap().to_owned();
    let read = server.get("/alerts/rules/slow").await;
    assert_eq!((read.header("etag"), read.json()), (Some(tag.as_str()), rule));
    let change = |tag: &str, seconds: u32| {
        let request = server.client.put(server.url("/alerts/rules/slow")).header("If-Match", tag);
        server.send(request.json(&json!({ "kind": "execution_longer", "seconds": seconds })))
    };
    let changed = change(&tag, 90).await;
    assert_eq!((changed.status, &changed.json()["data"]["seconds"]), (200, &json!(90)));
    assert_eq!(change(&tag, 120).await.error(), (412, "precondition_failed".to_owned()));
    let late = server.client.delete(server.url("/alerts/rules/slow")).header("If-Match", &tag);
    assert_eq!(server.send(late).await.status, 412);
    let new = server.client.put(server.url("/alerts/rules/slow")).header("If-None-Match", "*");
    assert_eq!(server.send(new.json(&json!({ "kind": "failures_in_a_row" }))).await.status, 412);
    assert_eq!(put(&server, "often", json!({ "kind": "failures_in_a_row" })).await.json()["data"]["count"], 2);
    let off = json!({ "kind": "endpoint_off", "count": 5, "enabled": false });
    let off = put(&server, "endpoint-off", off).await;
    assert_eq!((off.status, &off.json()["data"]["count"]), (200, &json!(5)));
    assert_eq!(rules().await, ["endpoint-off", "failures-in-a-row", "often", "slow"]);
    for name in ["endpoint-off", "failures-in-a-row", "slow"] {
        assert_eq!(server.delete(&format!("/alerts/rules/{name}")).await.status, 204);
        assert_eq!(server.delete(&format!("/alerts/rules/{name}")).await.error(), (404, "not_found".to_owned()));
    }
    assert_eq!(rules().await, ["often"]);
}

#[actix_web::test]
async fn a_rule_that_breaks_one_names_the_field_and_changes_nothing() {
    let server = Server::start();
    for (body, field, part) in [
        (json!({}), "kind", "is required"),
        (json!({ "kind": "sunspots" }), "kind", "is not one of failures_in_a_row, execution_longer"),
        (json!({ "kind": 3 }), "kind", "must be a string"),
        (json!({ "kind": "queue_depth" }), "jobs", "is required"),
        (json!({ "kind": "execution_longer" }), "seconds", "is required"),
        (json!({ "kind": "queue_depth", "jobs": 0 }), "jobs", "must be between 1 and 1000000000"),
        (json!({ "kind": "failures_in_a_row", "count": 1_001 }), "count", "must be between 1 and 1000"),
        (json!({ "kind": "no_execution", "seconds": 31_622_401 }), "seconds", "must be between 1 and 31622400"),
        (json!({ "kind": "no_execution", "seconds": -1 }), "seconds", "must be a whole number"),
        (json!({ "kind": "no_execution", "seconds": 1.5 }), "seconds", "must be a whole number"),
        (json!({ "kind": "queue_depth", "jobs": 1, "seconds": 5 }), "seconds", "its bound is `jobs`"),
        (json!({ "kind": "queue_depth", "jobs": 1, "subType": "A" }), "subType", "`A`"),
        (json!({ "kind": "queue_depth", "jobs": 1, "schedule": "x" }), "schedule", "is nothing that a queue has"),
        (json!({ "kind": "endpoint_off", "schedule": "x" }), "schedule", "is nothing that an endpoint has"),
        (json!({ "kind": "endpoint_off", "subType": "x" }), "subType", "is nothing that an endpoint has"),
        (json!({ "kind": "endpoint_off", "seconds": 5 }), "seconds", "its bound is `count`"),
        (json!({ "kind": "failures_in_a_row", "schedule": "nobody" }), "schedule", "there is no schedule"),
        (json!({ "kind": "failures_in_a_row", "enabled": "yes" }), "enabled", "must be true or false"),
        (json!({ "kind": "failures_in_a_row", "treshold": 5 }), "treshold", "is not a field"),
    ] {
        let refused = put(&server, "r", body.clone()).await;
        assert_eq!(refused.error(), (400, "invalid_request".to_owned()), "{body}");
        let details = refused.json()["details"].clone();
        let complaint = details.as_array().unwrap().iter().find(|detail| detail["field"] == field);
        let complaint = complaint.unwrap_or_else(|| panic!("{body}: {details}"));
        assert!(complaint["message"].as_str().unwrap().contains(part), "{body}: {complaint}");
    }
    assert_eq!(put(&server, "No!", json!({ "kind": "failures_in_a_row" })).await.json()["details"][0]["field"], "name");
    for path in ["/alerts?status=x", "/alerts?limit=0", "/alerts?limit=501", "/alerts?cursor=x", "/alerts/rules?x=1"] {
        assert_eq!(server.get(path).await.error(), (400, "invalid_request".to_owned()), "{path}");
    }
    for path in ["/alerts/17", "/alerts/019a9f5e-7a30-7c6e-9d21-3f0f5d1c2b4a", "/alerts/rules/none"] {
        assert_eq!(server.get(path).await.error(), (404, "not_found".to_owned()), "{path}");
    }
    assert_eq!(server.get("/alerts/rules").await.json()["data"].as_array().unwrap().len(), 2);
}

#[actix_web::test]
async fn there_are_no_more_rules_than_may_be() {
    let server = Server::start();
    for number in 2..faena::limits::ALERT_RULES_MAX {
        assert_eq!(
            put(&server, &format!("r{number}"), json!({ "kind": "queue_wait", "seconds": 9 })).await.status,
            201
        );
    }
    let full = put(&server, "more", json!({ "kind": "queue_wait", "seconds": 9 })).await;
    assert_eq!(full.error(), (429, "limit_reached".to_owned()));
}
