//! The routes inside an application of somebody else, under a prefix, beside routes of its own.

use std::sync::Arc;

use actix_web::{App, HttpRequest, HttpResponse, test, web};
use faena::clock::Clock;
use faena::job::{Event, Name, NewJob, decide};
use faena::service::{Service, Settings};
use faena::store::embedded::Embedded;
use faena::store::results::Memory;
use serde_json::{Value, json};

use crate::server::{Mail, parts};

fn service() -> Arc<Service> {
    let store = Arc::new(Embedded::memory());
    Arc::new(Service::new(parts(store.clone(), store, Arc::default(), Clock::System, Settings::default())))
}

/// An endpoint of the application, which has checked its input already.
async fn welcome(req: HttpRequest, service: web::Data<Service>, copies: web::Path<u32>) -> HttpResponse {
    let payload = json!({ "to": "ana@example.com", "copies": *copies });
    let job = NewJob::json(Name::new("send_mail").unwrap(), &payload).unwrap().user("ana");
    faena::http::accepted(&service, &req, job, Some("Correo en camino. Use el jobId para consultar el progreso.")).await
}

macro_rules! app {
    ($service:expr) => {
        test::init_service(
            App::new()
                .app_data(web::Data::from($service.clone()))
                .route("/users/welcome/{copies}", web::post().to(welcome))
                .service(web::scope("/api/v1").configure(faena::http::routes($service.clone()))),
        )
        .await
    };
}

#[actix_web::test]
async fn addresses_have_the_prefix_of_the_application() {
    let service = service();
    let app = app!(service);
    let request = test::TestRequest::post().uri("/api/v1/jobs").set_json(json!({ "subType": "noop", "payload": {} }));
    let answer = test::call_service(&app, request.to_request()).await;
    assert_eq!(answer.status(), 202);
    let location = answer.headers().get("location").unwrap().to_str().unwrap().to_owned();
    let body: Value = test::read_body_json(answer).await;
    let id = body["data"]["jobId"].as_str().unwrap();
    assert_eq!(location, format!("/api/v1/jobs/{id}"));
    let found: Value = test::call_and_read_body_json(&app, test::TestRequest::get().uri(&location).to_request()).await;
    assert_eq!(found["jobId"], id);
    let index: Value = test::call_and_read_body_json(&app, test::TestRequest::get().uri("/api/v1/").to_request()).await;
    assert_eq!(index["links"]["jobs"], "/api/v1/jobs");
    let missing = test::call_service(&app, test::TestRequest::get().uri("/api/v1/nothing").to_request()).await;
    assert_eq!(missing.status(), 404);
    let body: Value = test::read_body_json(missing).await;
    assert_eq!(body["code"], "not_found");
}

#[actix_web::test]
async fn a_stored_result_has_the_prefix_too() {
    let service = service();
    let app = app!(service);
    let job = service.enqueue(NewJob::new(Name::new("noop").unwrap(), "{}")).await.unwrap();
    let now = service.now();
    let sub_types = [Name::new("noop").unwrap()].into();
    let claim = faena::store::Claim { holder: service.node().clone(), sub_types, max: 1, lease: None };
    let claimed = service.store().claim(claim, now).await.unwrap().jobs.remove(0);
    let result = faena::job::ResultRef::Stored { content_type: "text/csv".into(), size: 1, key: "k".into() };
    let done = Event::Succeeded { epoch: 1, result: Some(result), follow_ups: Vec::new() };
    service.store().commit(vec![decide(&claimed, done, now).unwrap()], now).await.unwrap();
    let path = format!("/api/v1/jobs/{}", job.id);
    let body: Value = test::call_and_read_body_json(&app, test::TestRequest::get().uri(&path).to_request()).await;
    assert_eq!(body["resultUrl"], format!("{path}/result"));
}

#[actix_web::test]
async fn an_endpoint_of_the_application_answers_the_same_202() {
    let service = service();
    let app = app!(service);
    let post = |copies: u32| {
        let request = test::TestRequest::post().uri(&format!("/users/welcome/{copies}"));
        request.insert_header(("Idempotency-Key", format!("welcome-{copies}"))).to_request()
    };
    let answer = test::call_service(&app, post(2)).await;
    assert_eq!(answer.status(), 202);
    let location = answer.headers().get("location").unwrap().to_str().unwrap().to_owned();
    assert!(answer.headers().contains_key("retry-after"));
    let body: Value = test::read_body_json(answer).await;
    let id = body["data"]["jobId"].as_str().unwrap();
    assert_eq!(location, format!("/api/v1/jobs/{id}"));
    assert_eq!(body["message"], "Correo en camino. Use el jobId para consultar el progreso.");
    assert_eq!((&body["data"]["type"], &body["data"]["status"]), (&json!("mail"), &json!("queued")));
    let again: Value = test::call_and_read_body_json(&app, post(2)).await;
    assert_eq!(again["data"], body["data"]);
    let payload = service.store().payload(id.parse().unwrap()).await.unwrap().unwrap();
    assert_eq!(serde_json::from_slice::<Mail>(&payload).unwrap().copies, 2);

    let refused = test::call_service(&app, post(11)).await;
    assert_eq!(refused.status(), 400);
    let body: Value = test::read_body_json(refused).await;
    assert_eq!((&body["code"], &body["details"][0]["field"]), (&json!("invalid_request"), &json!("payload.copies")));
}

#[actix_web::test]
async fn a_proxy_that_takes_a_prefix_away_is_told_about() {
    let service = service();
    let settings = faena::http::Settings { base_path: Some("/outside/".to_owned()), ..Default::default() };
    let app = test::init_service(App::new().configure(faena::http::routes_with(service, settings))).await;
    let request = test::TestRequest::post().uri("/jobs").set_json(json!({ "subType": "noop", "payload": {} }));
    let answer = test::call_service(&app, request.to_request()).await;
    assert!(answer.headers().get("location").unwrap().to_str().unwrap().starts_with("/outside/jobs/"));
}

#[actix_web::test]
async fn the_library_call_needs_no_wire() {
    let service = service();
    let job = service.enqueue(NewJob::new(Name::new("send_mail").unwrap(), r#"{"to": "a@b.co"}"#)).await.unwrap();
    assert_eq!(job.spec.kind.as_str(), "mail");
    let refused = service.enqueue(NewJob::new(Name::new("send_mail").unwrap(), r#"{"to": "b"}"#)).await.unwrap_err();
    assert_eq!(refused.code(), "invalid_request");
    let _: Arc<Memory> = Arc::default();
}
