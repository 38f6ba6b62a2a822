//! Downloading results, wherever they are.

use faena::job::ResultRef;
use faena::store::results::{Results, key};

use crate::server::Server;

async fn finished(server: &Server, result: Option<ResultRef>) -> String {
    let id = server.noop().await;
    server.claim(1).await;
    server.succeed(id, result).await;
    format!("/jobs/{id}/result")
}

#[actix_web::test]
async fn a_data_url_is_sent_as_its_bytes() {
    let server = Server::start();
    let url = "data:text/html;charset=utf-8;base64,PGgxPmhpPC9oMT4=";
    let path = finished(&server, Some(ResultRef::Url(url.into()))).await;
    let answer = server.get(&path).await;
    assert_eq!((answer.status, answer.text.as_str()), (200, "<h1>hi</h1>"));
    assert_eq!(answer.header("content-type"), Some("text/html;charset=utf-8"));
    assert_eq!(answer.header("x-content-type-options"), Some("nosniff"));
    assert!(answer.header("content-security-policy").unwrap().starts_with("sandbox; default-src 'none'"));
    let disposition = answer.header("content-disposition").unwrap();
    assert!(disposition.starts_with("inline; filename=\"") && disposition.ends_with(".html\""), "{disposition}");
}

#[actix_web::test]
async fn a_stored_result_is_sent_piece_by_piece() {
    let server = Server::start();
    let id = server.noop().await;
    server.claim(1).await;
    let name = key(id, 1);
    let bytes = vec![b'x'; 3_000_000];
    server.results.put(&name, "text/csv", bytes.clone().into()).await.unwrap();
    let stored = ResultRef::Stored { content_type: "text/csv".into(), size: bytes.len() as u64, key: name.clone() };
    server.succeed(id, Some(stored)).await;
    let job = server.get(&format!("/jobs/{id}")).await.json();
    assert_eq!(job["resultUrl"], format!("/jobs/{id}/result"));
    let answer = server.get(job["resultUrl"].as_str().unwrap()).await;
    assert_eq!((answer.status, answer.text.len()), (200, bytes.len()));
    assert_eq!((answer.header("content-type"), answer.header("content-length")), (Some("text/csv"), Some("3000000")));
    let head = server.send(server.client.head(server.url(&format!("/jobs/{id}/result")))).await;
    assert_eq!((head.status, head.text.as_str(), head.header("content-length")), (200, "", Some("3000000")));

    server.results.delete(&[name]).await.unwrap();
    assert_eq!(server.get(&format!("/jobs/{id}/result")).await.error(), (410, "gone".to_owned()));
}

#[actix_web::test]
async fn a_result_elsewhere_is_pointed_to() {
    let server = Server::start();
    let path = finished(&server, Some(ResultRef::Url("https://files.example.com/a.csv".into()))).await;
    let answer = server.get(&path).await;
    assert_eq!((answer.status, answer.header("location")), (302, Some("https://files.example.com/a.csv")));
    let path = finished(&server, Some(ResultRef::Url("javascript:alert(1)".into()))).await;
    assert_eq!(server.get(&path).await.error().0, 404, "it is no address that this server would send anybody to");
}

#[actix_web::test]
async fn without_a_result_there_is_nothing_to_send() {
    let server = Server::start();
    let waiting = server.noop().await;
    assert_eq!(server.get(&format!("/jobs/{waiting}/result")).await.error(), (404, "not_found".to_owned()));
    server.claim(1).await;
    server.succeed(waiting, None).await;
    assert_eq!(server.get(&format!("/jobs/{waiting}/result")).await.error(), (404, "not_found".to_owned()));
}
