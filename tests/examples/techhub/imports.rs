//! Imports: progress, users that cannot be stored, and lists that come twice.

use parking_lot::Mutex;
use reqwest::StatusCode;
use serde_json::{Value, json};

use super::{Shop, users};
use crate::served::{answered, decoded};

const IMPORT: &str = "/users/bulk-import";

#[tokio::test]
async fn an_import_tells_truthfully_how_far_it_is() {
    const USERS: usize = 30_000;
    let shop = Shop::open();
    let id = shop.app.accepted(IMPORT, &users(USERS)).await;
    let seen: Mutex<Vec<(u64, String)>> = Mutex::default();
    let ended = shop
        .app
        .job_once(&id, |job| {
            if job["status"] == "progress" {
                seen.lock().push((job["progress"].as_u64().unwrap(), job["message"].as_str().unwrap().to_owned()));
            }
            job["status"] == "completed"
        })
        .await;

    assert_eq!((&ended["progress"], &ended["message"]), (&json!(100), &json!("Importación completada")));
    let seen = seen.into_inner();
    assert!(seen.is_sorted_by_key(|(percent, _)| *percent), "it fell: {seen:?}");
    let counted: Vec<_> = seen.iter().filter(|(_, message)| message.starts_with("Procesados ")).collect();
    assert!(!counted.is_empty(), "nothing was told on the way: {seen:?}");
    for (percent, message) in counted {
        let done = message.strip_prefix("Procesados ").unwrap().strip_suffix(&format!("/{USERS} usuarios")).unwrap();
        let done: usize = done.parse().unwrap();
        assert_eq!((done % 100, *percent), (0, 5 + (done * 90 / USERS) as u64), "{message}");
    }
    let result = decoded(ended["resultUrl"].as_str().unwrap());
    assert_eq!(result, json!({ "summary": { "total": USERS, "success": USERS, "errors": 0, "created": USERS } }));
    assert_eq!(shop.look::<i64>("SELECT count(*) FROM users"), USERS as i64);
}

#[tokio::test]
async fn users_that_cannot_be_stored_are_counted_and_the_first_hundred_named() {
    let shop = Shop::open();
    let first = shop.app.accepted(IMPORT, &users(150)).await;
    shop.app.ended(&first, "completed").await;

    // The same addresses under other names, and among them somebody new.
    let mut list = users(151);
    for user in &mut list["users"].as_array_mut().unwrap()[..150] {
        user["name"] = json!("Impostor");
    }
    let second = shop.app.accepted(IMPORT, &list).await;
    let result = shop.app.result(&second).await;
    assert_eq!(result["summary"], json!({ "total": 151, "success": 1, "errors": 150, "created": 1 }));
    assert_eq!(result["errorCount"], 150);
    let named = result["errors"].as_array().unwrap();
    assert_eq!(named.len(), 100);
    let expected = json!({ "item": "user1@example.com", "message": "el correo ya pertenece a Usuario 1 (user)" });
    assert_eq!((&named[0], &named[99]["item"]), (&expected, &json!("user100@example.com")));
    assert_eq!(shop.look::<i64>("SELECT count(*) FROM users WHERE name = 'Impostor'"), 0);
    assert_eq!(shop.look::<i64>("SELECT count(*) FROM users"), 151);
}

#[tokio::test]
async fn a_list_that_comes_twice_is_stored_once_and_welcomed_once() {
    let shop = Shop::open();
    let mut list = users(250);
    list["notifyUsers"] = json!(true);
    for created in [250, 0] {
        let id = shop.app.accepted(IMPORT, &list).await;
        let result = shop.app.result(&id).await;
        assert_eq!(result["summary"], json!({ "total": 250, "success": 250, "errors": 0, "created": created }));
    }
    assert_eq!(shop.look::<i64>("SELECT count(*) FROM users"), 250);

    // One welcome follows the import that made the users, before everything that is less urgent.
    let jobs = answered(shop.app.get("/jobs?subType=send_welcome_mails"), StatusCode::OK).await;
    assert_eq!((&jobs["pagination"]["total"], &jobs["data"][0]["priority"]), (&json!(1), &json!("high")));
    let welcome = shop.app.result(jobs["data"][0]["jobId"].as_str().unwrap()).await;
    assert_eq!(welcome, json!({ "sent": 250 }));
    assert_eq!(shop.look::<i64>("SELECT count(*) FROM welcome_mails WHERE sent_at IS NOT NULL"), 250);
}

#[tokio::test]
async fn one_address_twice_in_a_list_is_one_user() {
    let shop = Shop::open();
    let mut list = users(2);
    let mut twin: Value = list["users"][0].clone();
    twin["email"] = json!("USER1@example.com");
    list["users"].as_array_mut().unwrap().push(twin);
    let id = shop.app.accepted(IMPORT, &list).await;
    assert_eq!(shop.app.result(&id).await["summary"]["created"], 2);
    assert_eq!(shop.look::<i64>("SELECT count(*) FROM users"), 2);
}
