//! The other side, in a process of its own: it believes what is signed, writes each event down once, and says so.

use actix_web::http::StatusCode;
use actix_web::{HttpRequest, HttpResponse, web};
use faena::clock::Clock;
use faena::event::signing::{ID_HEADER, SIGNATURE_HEADER, TIMESTAMP_HEADER};
use faena::event::{Event, Received, Secret, verify};

use crate::database::Database;

/// `POST /webhooks`
pub async fn receive(
    request: HttpRequest,
    body: web::Bytes,
    secret: web::Data<Secret>,
    database: web::Data<Database>,
) -> HttpResponse {
    let header = |name: &str| request.headers().get(name).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let received = Received {
        id: header(ID_HEADER),
        timestamp: header(TIMESTAMP_HEADER),
        signature: header(SIGNATURE_HEADER),
        body: &body,
    };
    if verify([&**secret], received, Clock::System.now()).is_err() {
        return HttpResponse::new(StatusCode::UNAUTHORIZED);
    }
    let Ok(event) = serde_json::from_slice::<Event>(&body) else { return HttpResponse::new(StatusCode::BAD_REQUEST) };
    // It answers once the event is in its books: one that it does not answer for comes again.
    match write_down(&database, &event) {
        Ok(times) => {
            if times == 1 {
                println!("{} {}", event.kind, event.aggregate.id);
            }
            HttpResponse::new(StatusCode::NO_CONTENT)
        }
        Err(error) => {
            eprintln!("{error}");
            HttpResponse::new(StatusCode::SERVICE_UNAVAILABLE)
        }
    }
}

/// Writes an event down; the answer is how often it has come.
fn write_down(database: &Database, event: &Event) -> rusqlite::Result<i64> {
    database.connect()?.query_row(
        "INSERT INTO received VALUES (?1, ?2, ?3, 1) ON CONFLICT (id) DO UPDATE SET times = times + 1 RETURNING times",
        (event.id.as_str(), event.kind.as_str(), format!("{}/{}", event.aggregate.sort, event.aggregate.id)),
        |row| row.get(0),
    )
}
