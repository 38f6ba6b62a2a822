//! `http_request`, against a small server on a port of its own.

use std::net::SocketAddr;
use std::time::Duration;

use actix_web::http::StatusCode;
use actix_web::{App, HttpRequest as Incoming, HttpResponse, HttpServer, web};
use faena::processors::http_request::HttpRequest;
use faena::work::{AsyncProcessor, Completion, Context, Failure};
use serde_json::{Value, json};

use crate::{job, kind_of, payload, result_of};

/// Says what it was asked.
async fn echo(request: Incoming, body: String) -> HttpResponse {
    let header = |name: &str| request.headers().get(name).map(|value| value.to_str().unwrap().to_owned());
    HttpResponse::Ok().insert_header(("x-mark", "one")).append_header(("x-mark", "two")).json(json!({
        "method": request.method().as_str(),
        "query": request.query_string(),
        "contentType": header("content-type"),
        "mark": header("x-mark"),
        "idempotencyKey": header("idempotency-key"),
        "body": body,
    }))
}

async fn answer(path: web::Path<(u16, String)>) -> HttpResponse {
    let (status, pause) = path.into_inner();
    let mut answer = HttpResponse::build(StatusCode::from_u16(status).unwrap());
    if pause != "none" {
        answer.insert_header(("retry-after", pause));
    }
    answer.insert_header(("location", "/echo")).body("no luck")
}

async fn never() -> HttpResponse {
    std::future::pending().await
}

/// A server, gone with the runtime of its test.
async fn server() -> SocketAddr {
    let server = HttpServer::new(|| {
        App::new()
            .route("/echo", web::route().to(echo))
            .route("/answer/{status}/{pause}", web::get().to(answer))
            .route("/large", web::get().to(|| async { "é".repeat(50_000) }))
            .route("/binary", web::get().to(|| async { HttpResponse::Ok().body(vec![0u8, 255, 254]) }))
            .route("/never", web::get().to(never))
    });
    let server = server.workers(1).disable_signals().bind(("127.0.0.1", 0)).unwrap();
    let address = server.addrs()[0];
    tokio::spawn(server.run());
    address
}

async fn call(address: SocketAddr, mut told: Value) -> Result<Completion, Failure> {
    let path = told["url"].as_str().unwrap().to_owned();
    told["url"] = format!("http://{address}{path}").into();
    let processor = HttpRequest::new(&[address.to_string()]);
    processor.run(payload(&told), Context::detached(job(1))).await
}

#[tokio::test]
async fn an_answer_is_kept_with_status_headers_and_body() {
    let address = server().await;
    let told =
        json!({ "method": "POST", "url": "/echo?a=1", "headers": { "X-Mark": "7" }, "body": { "n": [1, null] } });
    let result = result_of(call(address, told).await.unwrap());
    assert_eq!((&result["status"], &result["bodyTruncated"]), (&json!(200), &json!(false)));
    assert_eq!(result["headers"]["x-mark"], "one, two");
    let heard: Value = serde_json::from_str(result["body"].as_str().unwrap()).unwrap();
    assert_eq!((&heard["method"], &heard["query"], &heard["mark"]), (&json!("POST"), &json!("a=1"), &json!("7")));
    assert_eq!((&heard["contentType"], &heard["body"]), (&json!("application/json"), &json!(r#"{"n":[1,null]}"#)));
    assert!(heard["idempotencyKey"].as_str().unwrap().len() == 36, "the job's id, the same in every try: {heard}");
}

#[tokio::test]
async fn a_text_is_sent_as_it_is_and_a_get_without_a_key() {
    let address = server().await;
    let told = json!({ "method": "PUT", "url": "/echo", "headers": { "content-type": "text/plain", "Idempotency-Key": "mine" }, "body": "just text" });
    let result = result_of(call(address, told).await.unwrap());
    let heard: Value = serde_json::from_str(result["body"].as_str().unwrap()).unwrap();
    assert_eq!(
        (&heard["contentType"], &heard["body"], &heard["idempotencyKey"]),
        (&json!("text/plain"), &json!("just text"), &json!("mine"))
    );
    let result = result_of(call(address, json!({ "url": "/echo" })).await.unwrap());
    let heard: Value = serde_json::from_str(result["body"].as_str().unwrap()).unwrap();
    assert_eq!((&heard["method"], &heard["idempotencyKey"], &heard["body"]), (&json!("GET"), &json!(null), &json!("")));
}

#[tokio::test]
async fn a_large_answer_is_cut_between_characters_and_a_binary_one_encoded() {
    let address = server().await;
    let result = result_of(call(address, json!({ "url": "/large" })).await.unwrap());
    assert_eq!((&result["bodyTruncated"], &result["bodyEncoding"]), (&json!(true), &json!("utf-8")));
    assert_eq!(result["body"].as_str().unwrap(), "é".repeat(32 * 1024));
    let result = result_of(call(address, json!({ "url": "/binary" })).await.unwrap());
    assert_eq!((&result["body"], &result["bodyEncoding"]), (&json!("AP/+"), &json!("base64")));
}

#[tokio::test]
async fn a_bad_status_is_tried_again_only_where_that_makes_sense() {
    let address = server().await;
    for (status, again) in
        [(500, true), (503, true), (429, true), (408, true), (400, false), (404, false), (302, false)]
    {
        let failure = call(address, json!({ "url": format!("/answer/{status}/none") })).await.unwrap_err();
        assert_eq!(failure.is_retryable(), again, "{status}");
        assert_eq!(kind_of(&failure), "unexpected_status");
        assert!(failure.message().contains(&status.to_string()), "{failure}");
    }
}

#[tokio::test]
async fn the_status_that_is_expected_is_the_good_one() {
    let address = server().await;
    let result = result_of(call(address, json!({ "url": "/answer/404/none", "expectStatus": 404 })).await.unwrap());
    assert_eq!((&result["status"], &result["body"]), (&json!(404), &json!("no luck")));
    let failure = call(address, json!({ "url": "/echo", "expectStatus": 201 })).await.unwrap_err();
    assert!(failure.message().contains("200") && !failure.is_retryable());
}

#[tokio::test]
async fn rule_24_a_service_that_asks_for_a_pause_gets_it() {
    let address = server().await;
    let failure = call(address, json!({ "url": "/answer/503/120" })).await.unwrap_err();
    assert_eq!(failure.pause(), Some(Duration::from_secs(120)));
    let failure = call(address, json!({ "url": "/answer/503/none" })).await.unwrap_err();
    assert_eq!(failure.pause(), None);
}

#[tokio::test]
async fn only_hosts_of_the_list_are_called() {
    let address = server().await;
    let port = address.port();
    let host = |hosts: &[&str]| HttpRequest::new(&hosts.iter().map(|host| (*host).to_owned()).collect::<Vec<_>>());
    let ask = async |processor: &HttpRequest, url: String| {
        processor.run(payload(&json!({ "url": url })), Context::detached(job(1))).await
    };
    let url = format!("http://127.0.0.1:{port}/echo");
    for hosts in [&[][..], &["127.0.0.1"], &["127.0.0.1:1"], &["localhost"], &["service.example"], &[""]] {
        let failure = ask(&host(hosts), url.clone()).await.unwrap_err();
        assert_eq!(kind_of(&failure), "host_not_allowed", "{hosts:?}");
        assert!(!failure.is_retryable());
    }
    let allowed = format!("127.0.0.1:{port}");
    assert!(ask(&host(&[&allowed]), url).await.is_ok());
    // Other spellings of the same host are still the same host; a longer name is not.
    assert!(ask(&host(&[&allowed]), format!("http://0x7f.1:{port}/echo")).await.is_ok());
    let failure = ask(&host(&[&allowed]), format!("http://127.0.0.1.example:{port}/echo")).await.unwrap_err();
    assert_eq!(kind_of(&failure), "host_not_allowed");
}

#[tokio::test]
async fn a_redirect_is_not_followed() {
    let address = server().await;
    let result = result_of(call(address, json!({ "url": "/answer/302/none", "expectStatus": 302 })).await.unwrap());
    assert_eq!((&result["status"], &result["headers"]["location"]), (&json!(302), &json!("/echo")));
}

#[tokio::test]
async fn a_service_that_does_not_answer_in_time_is_left() {
    let address = server().await;
    let failure = call(address, json!({ "url": "/never", "timeoutMs": 50 })).await.unwrap_err();
    assert_eq!(kind_of(&failure), "timeout");
    assert!(failure.is_retryable());
}

#[tokio::test]
async fn a_service_that_is_not_there_may_be_there_later() {
    let free = std::net::TcpListener::bind(("127.0.0.1", 0)).unwrap();
    let address = free.local_addr().unwrap();
    drop(free);
    let failure = call(address, json!({ "url": "/?token=secret" })).await.unwrap_err();
    assert_eq!(kind_of(&failure), "unreachable");
    assert!(failure.is_retryable());
    assert!(!failure.message().contains("secret"), "{failure}");
}
