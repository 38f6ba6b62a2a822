//! Web pages of strangers: what a browser on this machine sends for them.

use faena::http::Settings;

use crate::server::{Answer, Choice, Server};

fn guarded(hosts: &[&str]) -> Server {
    let hosts = Some(hosts.iter().map(|host| (*host).to_owned()).collect());
    Server::with(Choice { http: Settings { hosts, ..Settings::default() }, ..Choice::default() })
}

async fn post(server: &Server, path: &str, headers: &[(&str, &str)]) -> Answer {
    let request = server.client.post(server.url(path));
    server.send(headers.iter().fold(request, |request, (name, value)| request.header(*name, *value))).await
}

#[tokio::test]
async fn a_page_cannot_send_a_post_without_a_body() {
    let server = guarded(&[]);
    server.schedule("nightly", serde_json::json!({})).await;
    let path = "/schedules/nightly/disable";
    for headers in [[("origin", "https://evil.example")], [("sec-fetch-site", "cross-site")], [("origin", "null")]] {
        let answer = post(&server, path, &headers).await;
        assert_eq!(answer.error(), (403, "forbidden".to_owned()));
        assert!(answer.json()["error"].as_str().unwrap().contains("may not change anything here"), "{answer:?}");
    }
    let schedule = server.get("/schedules/nightly").await.json();
    assert_eq!(schedule["status"], "enabled", "nothing was changed: {schedule}");
    let own = format!("http://{}", server.address);
    assert_eq!(post(&server, path, &[("origin", &own), ("sec-fetch-site", "same-origin")]).await.status, 200);
    assert_eq!(server.poke("/schedules/nightly/enable").await.status, 200, "a program is no page");
}

#[tokio::test]
async fn a_name_that_was_made_to_resolve_to_loopback_is_refused() {
    let server = guarded(&["jobs.example.com"]);
    let named = |host: &str| server.client.get(server.url("/jobs")).header("host", host);
    let answer = server.send(named("evil.example:7700")).await;
    assert_eq!(answer.error(), (403, "forbidden".to_owned()));
    let sentence = answer.json()["error"].as_str().unwrap().to_owned();
    assert!(sentence.starts_with("`evil.example:7700` is not a name of this server;"), "{sentence}");
    for host in ["localhost", "jobs.example.com"] {
        assert_eq!(server.send(named(host)).await.status, 200, "{host}");
    }
    let health = server.client.get(server.url("/health/ready")).header("host", "evil.example");
    assert_eq!(server.send(health).await.status, 403);
}

/// An application answers for its own pages.
#[tokio::test]
async fn an_application_that_mounts_the_routes_sees_to_it_itself() {
    let server = Server::start();
    let answer = post(&server, "/jobs/retry", &[("origin", "https://app.example"), ("host", "app.example")]).await;
    assert_ne!(answer.status, 403, "{answer:?}");
}
