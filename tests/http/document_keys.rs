//! The part of the description that is about keys. It comes last: from the first key on nobody is answered without one.

use serde_json::json;

use crate::document::Drive;

pub async fn drive(drive: &mut Drive<'_>) {
    let server = drive.server;
    let id = server.get("/jobs?limit=1").await.json()["data"][0]["jobId"].as_str().unwrap().to_owned();
    let token = "/jobs/{id}/events/token";
    assert_eq!(drive.post(token, &format!("/jobs/{id}/events/token"), None).await.status, 201);
    drive.post("/keys", "/keys", Some(json!({ "scopes": ["jobs:read"] }))).await;
    let made = drive.post("/keys", "/keys", Some(json!({ "scopes": ["admin"] }))).await.json();
    let (id, secret) = (made["data"]["id"].as_str().unwrap(), made["data"]["key"].as_str().unwrap());
    drive.get("/keys", "/keys").await;
    let reader = server.client.post(server.url("/keys")).bearer_auth(secret).json(&json!({ "scopes": ["jobs:read"] }));
    let reader = drive.send("post", "/keys", reader).await.json();
    let reader = reader["data"]["key"].as_str().unwrap();
    for (key, status) in [(secret, 200), (reader, 403)] {
        let list = server.client.get(server.url("/keys")).bearer_auth(key);
        assert_eq!(drive.send("get", "/keys", list).await.status, status);
    }
    for (id, status) in [("17", 404), (id, 204), (id, 401)] {
        let revoke = server.client.delete(server.url(&format!("/keys/{id}"))).bearer_auth(secret);
        assert_eq!(drive.send("delete", "/keys/{id}", revoke).await.status, status);
    }
}
