//! What browsers are told: headers of every answer, of pages, and for pages of other origins.

use faena::http::Settings;
use serde_json::json;

use crate::server::{Answer, Choice, Server};

const APP: &str = "https://app.example.com";

fn letting_in(origins: &[&str]) -> Server {
    let cors_origins = origins.iter().map(|origin| (*origin).to_owned()).collect();
    let http = Settings { hosts: Some(Vec::new()), cors_origins, ..Settings::default() };
    Server::with(Choice { http, ..Choice::default() })
}

async fn preflight(server: &Server, path: &str, origin: &str) -> Answer {
    let request = server.client.request(reqwest::Method::OPTIONS, server.url(path)).header("origin", origin);
    server.send(request.header("access-control-request-method", "POST")).await
}

#[actix_web::test]
async fn every_answer_says_what_it_is_and_is_kept_by_nobody() {
    let server = Server::start();
    let id = server.noop().await;
    for path in ["/jobs", "/", "/health/live", "/nowhere", "/jobs/none", "/jobs/status", "/openapi.yaml", "/metrics"] {
        let answer = server.get(path).await;
        assert_eq!(answer.header("x-content-type-options"), Some("nosniff"), "{path}");
        assert_eq!(answer.header("cache-control"), Some("no-store"), "{path}");
    }
    let job = server.get(&format!("/jobs/{id}")).await;
    assert_eq!(job.header("cache-control"), Some("private, no-cache"), "its reader may ask whether it is still so");
    assert_eq!(job.header("access-control-allow-origin"), None);
}

#[cfg(feature = "docs")]
#[actix_web::test]
async fn pages_run_nothing_of_others_and_stand_in_nobodys_frame() {
    let server = letting_in(&[]);
    let index = server.get("/docs/").await;
    assert_eq!(index.status, 200);
    let policy = index.header("content-security-policy").unwrap();
    for part in ["default-src 'none'", "script-src 'self';", "frame-ancestors 'none'", "connect-src 'self'"] {
        assert!(policy.contains(part), "{policy}");
    }
    assert_eq!(index.header("referrer-policy"), Some("no-referrer"));
    assert_eq!(index.header("x-frame-options"), Some("DENY"));
    // What the policy forbids the page does not need: no script stands in it, and all that it loads is beside it.
    for script in index.text.split("<script").skip(1) {
        let (head, rest) = script.split_once('>').unwrap();
        assert!(head.contains("src=\"./") || head.contains("src=\"swagger"), "{head}");
        assert!(rest.trim_start().starts_with("</script>"), "{rest}");
    }
    assert!(!index.text.contains("//unpkg") && !index.text.contains("src=\"http"), "{}", index.text);
    let foreign = server.client.get(server.url("/docs/")).header("host", "evil.example");
    assert_eq!(server.send(foreign).await.error(), (403, "forbidden".to_owned()));
}

#[actix_web::test]
async fn no_page_is_let_in_unless_its_origin_is_listed() {
    let closed = letting_in(&[]);
    assert_eq!(preflight(&closed, "/jobs", APP).await.status, 405);
    assert_eq!(closed.get("/jobs").await.header("vary"), None);

    let server = letting_in(&[APP]);
    let asked = preflight(&server, "/jobs", APP).await;
    assert_eq!((asked.status, asked.header("access-control-allow-origin")), (204, Some(APP)), "{asked:?}");
    assert!(asked.header("access-control-allow-methods").unwrap().contains("DELETE"));
    for header in ["authorization", "content-type", "idempotency-key", "last-event-id"] {
        assert!(asked.header("access-control-allow-headers").unwrap().contains(header), "{header}");
    }
    assert_eq!(asked.header("access-control-allow-credentials"), None);
    for other in ["https://evil.example", "https://app.example.com.evil.example", "http://app.example.com", "null", "*"]
    {
        let refused = preflight(&server, "/jobs", other).await;
        assert_eq!(refused.header("access-control-allow-origin"), None, "{other}");
        assert_ne!(refused.status, 204, "{other}");
        assert_eq!(refused.header("vary"), Some("Origin"), "{other}");
    }
}

#[actix_web::test]
async fn a_page_of_a_listed_origin_reads_and_changes_and_others_do_not() {
    let server = letting_in(&[APP]);
    let post = async |origin: &str| {
        let request = server.client.post(server.url("/jobs")).header("origin", origin);
        server.send(request.json(&json!({ "subType": "noop", "payload": {} }))).await
    };
    let accepted = post(APP).await;
    assert_eq!((accepted.status, accepted.header("access-control-allow-origin")), (202, Some(APP)));
    assert!(accepted.header("access-control-expose-headers").unwrap().contains("location"));
    let refused = post("https://evil.example").await;
    assert_eq!(refused.error(), (403, "forbidden".to_owned()));
    assert_eq!(refused.header("access-control-allow-origin"), None);
    // An error is for whoever asked, too: a page that may not read it cannot say what is wrong.
    let wrong = server.client.get(server.url("/jobs/none")).header("origin", APP);
    let wrong = server.send(wrong).await;
    assert_eq!((wrong.status, wrong.header("access-control-allow-origin")), (404, Some(APP)));
    // The name that it asked under is looked at all the same.
    let foreign = server.client.get(server.url("/jobs")).header("origin", APP).header("host", "evil.example");
    assert_eq!(server.send(foreign).await.status, 403);
}
