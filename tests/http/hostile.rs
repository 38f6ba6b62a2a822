//! Input that means harm, and clients that are slow or strange.

use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::server::{Choice, Server};

/// Sends text as it stands and reads until the server closes.
async fn raw(server: &Server, text: &[u8]) -> String {
    let mut socket = TcpStream::connect(server.address).await.unwrap();
    socket.write_all(text).await.unwrap();
    read_to_end(&mut socket).await
}

async fn read_to_end(socket: &mut TcpStream) -> String {
    let mut answer = Vec::new();
    let mut piece = [0; 4_096];
    // A connection that is reset after its answer has given its answer.
    while let Ok(count @ 1..) = socket.read(&mut piece).await {
        answer.extend_from_slice(&piece[..count]);
    }
    String::from_utf8_lossy(&answer).into_owned()
}

/// The code in the body of a raw answer.
fn code(answer: &str) -> String {
    let body = answer.split("\r\n\r\n").nth(1).unwrap_or_default();
    let body: serde_json::Value = serde_json::from_str(body).unwrap_or_else(|_| panic!("no envelope in {answer}"));
    body["code"].as_str().unwrap().to_owned()
}

#[actix_web::test]
async fn a_huge_body_is_refused_before_it_is_read() {
    let server = Server::start();
    let mut socket = TcpStream::connect(server.address).await.unwrap();
    let head = "POST /jobs HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: 52428800\r\n\r\n{";
    socket.write_all(head.as_bytes()).await.unwrap();
    // Not another byte is sent: the answer does not wait for what was announced.
    let answer = read_to_end(&mut socket).await;
    assert!(answer.starts_with("HTTP/1.1 413"), "{answer}");
    assert_eq!(code(&answer), "payload_too_large");
}

#[actix_web::test]
async fn a_body_that_grows_beyond_its_bound_is_refused_on_the_way() {
    let mut choice = Choice::default();
    choice.http.body_bytes_max = 10_000;
    let server = Server::with(choice);
    let mut socket = TcpStream::connect(server.address).await.unwrap();
    let head = "POST /jobs HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n";
    socket.write_all(head.as_bytes()).await.unwrap();
    for _ in 0..20 {
        let chunk = format!("400\r\n{}\r\n", " ".repeat(0x400));
        if socket.write_all(chunk.as_bytes()).await.is_err() {
            break;
        }
    }
    let answer = read_to_end(&mut socket).await;
    assert!(answer.starts_with("HTTP/1.1 413"), "{answer}");
    assert_eq!(code(&answer), "payload_too_large");
    let exact = format!("{{\"subType\": \"noop\", \"payload\": {{}}}}{}", " ".repeat(10_000 - 34));
    assert_eq!(exact.len(), 10_000);
    assert_eq!(server.post_text("/jobs", exact.clone()).await.status, 202, "the bound itself is allowed");
    assert_eq!(server.post_text("/jobs", exact + " ").await.error().0, 413);
}

#[actix_web::test]
async fn a_body_that_trickles_is_given_up() {
    let mut choice = Choice::default();
    choice.http.body_read_max = Duration::from_millis(50);
    let server = Server::with(choice);
    let head = "POST /jobs HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: 100\r\n\r\n{";
    let answer = raw(&server, head.as_bytes()).await;
    assert!(answer.starts_with("HTTP/1.1 408"), "{answer}");
    assert_eq!(code(&answer), "request_timeout");
}

#[actix_web::test]
async fn nesting_and_odd_text_are_refused() {
    let server = Server::start();
    let job = |payload: &str| format!("{{\"subType\": \"noop\", \"payload\": {payload}}}");
    let deep = |levels: usize| job(&format!("{{\"a\": {}{}}}", "[".repeat(levels), "]".repeat(levels)));
    assert_eq!(server.post_text("/jobs", deep(62)).await.status, 202);
    for levels in [63, 100_000] {
        assert_eq!(server.post_text("/jobs", deep(levels)).await.error(), (400, "invalid_request".to_owned()));
    }
    for bad in [job(r#"{"a": "\u0000"}"#), job(r#"{"\u0000": 1}"#), job("{\"a\": \"\0\"}"), job(r#"{"a": "\\\u0000"}"#)]
    {
        let answer = server.post_text("/jobs", bad).await;
        assert_eq!(answer.error().0, 400);
        assert!(answer.json()["error"].as_str().unwrap().contains("U+0000"), "{answer:?}");
    }
    assert_eq!(
        server.post_text("/jobs", job(r#"{"a": "\\u0000"}"#)).await.status,
        202,
        "an escaped backslash is harmless"
    );
    let mut latin = job(r#"{"a": "x"}"#).into_bytes();
    let x = latin.iter().rposition(|byte| *byte == b'x').unwrap();
    latin[x] = 0xe9;
    let answer = server.post_text("/jobs", latin).await;
    assert_eq!(answer.error().0, 400);
    assert!(answer.json()["error"].as_str().unwrap().contains("UTF-8"));
}

#[actix_web::test]
async fn long_addresses_and_headers_have_their_own_errors() {
    let server = Server::start();
    let long = format!("/jobs?q={}", "x".repeat(9_000));
    assert_eq!(server.get(&long).await.error(), (414, "uri_too_long".to_owned()));
    let header = server.client.get(server.url("/jobs")).header("x-note", "n".repeat(17_000));
    assert_eq!(server.send(header).await.error(), (431, "headers_too_large".to_owned()));
    let header = server.client.get(server.url("/nowhere")).header("x-note", "n".repeat(17_000));
    assert_eq!(server.send(header).await.error().0, 431, "wherever it goes");
}

#[actix_web::test]
async fn a_client_that_hangs_up_leaves_the_server_well() {
    let server = Server::start();
    for _ in 0..20 {
        let mut socket = TcpStream::connect(server.address).await.unwrap();
        let request = "POST /jobs HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nPrefer: wait=60\r\nContent-Length: 34\r\n\r\n{\"subType\": \"noop\", \"payload\": {}}";
        socket.write_all(request.as_bytes()).await.unwrap();
        drop(socket);
    }
    // Each is accepted or was never read; a later request is answered in any case.
    server.noop().await;
    assert!(server.get("/jobs").await.json()["pagination"]["total"].as_u64().unwrap() >= 1);
}
