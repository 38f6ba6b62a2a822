//! What is sent by a form: bounded, and refused where the API refuses it.

use faena::key::Scope;

use crate::server::Server;

#[tokio::test(flavor = "multi_thread")]
async fn rule_29_nobody_sends_a_form_of_millions_of_fields() {
    let server = Server::start().await;
    let post = |path: &str, body: String| {
        let request = server.client.post(server.url(path)).header("sec-fetch-site", "same-origin");
        request.header("content-type", "application/x-www-form-urlencoded").body(body).send()
    };
    for path in ["/dashboard/sign-in", "/dashboard/language"] {
        let answer = post(path, "a&".repeat(100_000)).await.unwrap();
        assert_eq!(answer.status(), 400, "{path}: by its bytes");
        let answer = post(path, "a&".repeat(2_000)).await.unwrap();
        assert_eq!(answer.status(), 400, "{path}: by its fields");
    }
    let long = format!("subType=noop&payload={{\"a\":\"{}\"}}", "x".repeat(200_000));
    assert_eq!(post("/dashboard/enqueue", long).await.unwrap().status(), 303, "a payload may be long");
    server.app.stop().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn rule_35_what_the_api_refuses_of_a_payload_is_refused_here() {
    let server = Server::start().await;
    let deep = format!("{}1{}", "[".repeat(100), "]".repeat(100));
    for (payload, status) in [(r#"{"a":"\u0000"}"#, 400), (&*format!(r#"{{"a":{deep}}}"#), 400), (r#"{"a":1}"#, 303)] {
        let form = url::form_urlencoded::Serializer::new(String::new())
            .extend_pairs([("subType", "noop"), ("payload", payload)])
            .finish();
        let request = server.client.post(server.url("/dashboard/enqueue")).header("sec-fetch-site", "same-origin");
        assert_eq!(request.body(form).send().await.unwrap().status(), status, "{payload}");
    }
    server.app.stop().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_may_only_ask_for_jobs_does_not_see_what_stands_in_one() {
    let server = Server::start().await;
    let id = server.enqueue("noop", r#"{"word": "open-sesame"}"#).await;
    let page = async |scopes: &[Scope]| {
        let session = server.sign_in(&server.key(scopes, None).await).await;
        let request = server.client.get(server.url(&format!("/dashboard/enqueue?as=json&from={id}")));
        let answer = request.header("cookie", session).send().await.unwrap();
        (answer.status().as_u16(), answer.text().await.unwrap().contains("open-sesame"))
    };
    assert_eq!(page(&[Scope::JobsWrite]).await, (403, false));
    assert_eq!(page(&[Scope::JobsWrite, Scope::JobsRead]).await, (200, true));
    server.app.stop().await.unwrap();
}
