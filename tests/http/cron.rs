//! `POST /schedules/validate/cron`: what an expression means, when it comes, and every way to ask wrongly.

use faena::clock::{Clock, Timestamp};
use serde_json::{Value, json};

use crate::server::{Choice, Server};

const PATH: &str = "/schedules/validate/cron";

#[actix_web::test]
async fn rule_22_the_times_that_a_clock_change_moves_are_marked() {
    let server = Server::start();
    let ask = async |after: &str| {
        let question =
            json!({ "cronExpression": "30 2 * * *", "timezone": "Europe/Berlin", "after": after, "count": 2 });
        let answer = server.post(PATH, question).await;
        assert_eq!(answer.status, 200, "{answer:?}");
        answer.json()
    };
    let spring = ask("2026-03-28T12:00:00Z").await;
    assert_eq!((&spring["success"], &spring["data"]["valid"]), (&json!(true), &json!(true)));
    assert_eq!(spring["data"]["description"], "At 02:30 every day.");
    let shifted = [
        json!({ "at": "2026-03-29T01:00:00.000Z", "local": "2026-03-29T03:00:00+02:00", "clockChange": "gap" }),
        json!({ "at": "2026-03-30T00:30:00.000Z", "local": "2026-03-30T02:30:00+02:00", "clockChange": null }),
    ];
    assert_eq!(spring["data"]["nextExecutions"], json!(shifted));
    let autumn = ask("2026-10-24T12:00:00Z").await;
    let repeated =
        json!({ "at": "2026-10-25T00:30:00.000Z", "local": "2026-10-25T02:30:00+02:00", "clockChange": "fold" });
    assert_eq!(autumn["data"]["nextExecutions"][0], repeated);
}

#[actix_web::test]
async fn what_is_left_out_is_utc_from_now_on_five_times() {
    let clock = Clock::manual("2026-11-24T12:00:00Z".parse::<Timestamp>().unwrap());
    let server = Server::with(Choice { clock, ..Choice::default() });
    let answer = server.post(PATH, json!({ "cronExpression": " @daily " })).await.json();
    let times = answer["data"]["nextExecutions"].as_array().unwrap();
    assert_eq!((times.len(), &times[0]["local"]), (5, &json!("2026-11-25T00:00:00+00:00")));
    for ended in ["9990-01-01T00:00:00Z", "9998-12-31T00:00:00Z"] {
        let question = json!({ "cronExpression": "0 0 29 2 *", "after": ended, "timezone": null, "count": null });
        let answer = server.post(PATH, question).await.json();
        let left = if ended.starts_with("9990") { 2 } else { 0 };
        assert_eq!(answer["data"]["nextExecutions"].as_array().unwrap().len(), left, "{answer}");
    }
}

#[actix_web::test]
async fn what_is_wrong_is_named() {
    let server = Server::start();
    let with = |field: &str, value: Value| {
        let mut body = json!({ "cronExpression": "0 2 * * *" });
        body[field] = value;
        body
    };
    let long = "1,".repeat(200);
    for (body, field, said) in [
        (json!({}), "cronExpression", "is required"),
        (with("cronExpression", json!(null)), "cronExpression", "is required"),
        (with("cronExpression", json!(5)), "cronExpression", "must be a string"),
        (with("cronExpression", json!("")), "cronExpression", "is empty"),
        (with("cronExpression", json!("* * * *")), "cronExpression", "has 4 fields"),
        (with("cronExpression", json!("61 * * * *")), "cronExpression", "minute: `61` is outside 0-59"),
        (with("cronExpression", json!("* * * * FOO")), "cronExpression", "day of week: `FOO`"),
        (with("cronExpression", json!("0 0 30 2 *")), "cronExpression", "never comes"),
        (with("cronExpression", json!("0 0 31 4,6,9,11 *")), "cronExpression", "never comes"),
        (with("cronExpression", json!("@often")), "cronExpression", "is not one of @hourly"),
        (with("cronExpression", json!(long)), "cronExpression", "longer than"),
        (with("timezone", json!("Europe/Berlyn")), "timezone", "did you mean `Europe/Berlin`?"),
        (with("timezone", json!("")), "timezone", "is not an IANA time zone"),
        (with("after", json!("tomorrow")), "after", "is not a time such as"),
        (with("count", json!(0)), "count", "between 1 and 1000"),
        (with("count", json!(1_001)), "count", "between 1 and 1000"),
        (with("count", json!(-1)), "count", "must be a whole number"),
        (with("zone", json!("UTC")), "zone", "is not a field; there are: cronExpression, timezone, after, count"),
    ] {
        let answer = server.post(PATH, body.clone()).await;
        assert_eq!(answer.error(), (400, "invalid_request".to_owned()), "{body}");
        assert_eq!(answer.fields(), [field], "{body}");
        let message = answer.json()["details"][0]["message"].as_str().unwrap().to_owned();
        assert!(message.contains(said), "{body}: {message}");
    }
    let all = json!({ "cronExpression": "x", "timezone": "x", "after": "x", "count": 0 });
    assert_eq!(server.post(PATH, all).await.fields(), ["cronExpression", "timezone", "after", "count"]);
    for body in ["null", "[]", "{", "\"0 2 * * *\""] {
        assert_eq!(server.post_text(PATH, body).await.error().0, 400, "{body}");
    }
    assert_eq!(server.get(PATH).await.status, 405);
}
