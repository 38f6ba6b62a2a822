//! The bare server: what actix-web and serde do with the same bytes when nothing is kept. It parses the same job into
//! a struct and answers 202, or shows a struct of the same size; sizes are given, so that both write as much.

use std::time::Duration;

use actix_web::http::KeepAlive;
use actix_web::{App, HttpResponse, HttpServer, web};
use anyhow::{Context, Result};
use serde::{Deserialize, Serialize};

/// The argument that makes this executable the bare server.
pub const ROLE: &str = "bare";

/// Bytes of the bodies of its answers.
#[derive(Debug, Clone, Copy)]
pub struct Sizes {
    /// The 202 of a POST.
    pub post: usize,
    /// The 200 of a GET.
    pub get: usize,
}

/// What is posted: the request that the program gets.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Order {
    sub_type: String,
    payload: Letter,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Letter {
    customer: String,
    document: String,
    lines: Vec<u32>,
    note: String,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Accepted {
    success: bool,
    data: AcceptedData,
    message: String,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct AcceptedData {
    job_id: &'static str,
    status: &'static str,
    #[serde(rename = "type")]
    kind: &'static str,
    sub_type: String,
    priority: &'static str,
    created_at: &'static str,
    estimated_duration: Option<String>,
    progress: u32,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Shown {
    job_id: String,
    status: &'static str,
    #[serde(rename = "type")]
    kind: &'static str,
    sub_type: &'static str,
    priority: &'static str,
    progress: u32,
    created_at: &'static str,
    started_at: &'static str,
    completed_at: &'static str,
    attempt: u32,
    max_attempts: u32,
    duration_ms: u64,
    process_id: u32,
    tags: Vec<String>,
    message: String,
}

const ID: &str = "01920000-0000-7000-8000-000000000000";
const TIME: &str = "2026-01-01T00:00:00.000Z";

/// Plays the bare server until it is killed. The two arguments are the sizes of its answers.
pub fn serve(arguments: &[String]) -> Result<()> {
    let size = |index: usize| -> Result<usize> { Ok(arguments.get(index).context("a size is missing")?.parse()?) };
    let sizes = Sizes { post: size(0)?, get: size(1)? };
    let fill = |size: usize, empty: Vec<u8>| "x".repeat(size.saturating_sub(empty.len()));
    let accepted = fill(sizes.post, serde_json::to_vec(&accepted("noop".to_owned(), String::new()))?);
    let shown = fill(sizes.get, serde_json::to_vec(&shown(ID.to_owned(), String::new()))?);
    actix_web::rt::System::new().block_on(async move {
        let server = HttpServer::new(move || {
            let (accepted, shown) = (accepted.clone(), shown.clone());
            App::new()
                .route("/jobs", web::post().to(move |order: web::Json<Order>| post(order, accepted.clone())))
                .route("/jobs/{id}", web::get().to(move |id: web::Path<String>| get(id, shown.clone())))
        })
        .keep_alive(KeepAlive::Timeout(Duration::from_secs(75)))
        .tcp_nodelay(true)
        .bind("127.0.0.1:0")?;
        println!("listening on http://{}", server.addrs().first().context("the bare server has no address")?);
        Ok(server.run().await?)
    })
}

async fn post(order: web::Json<Order>, message: String) -> HttpResponse {
    let Order { sub_type, payload } = order.into_inner();
    // Read, as whoever parses a thing would; otherwise the compiler might leave it out.
    std::hint::black_box((payload.customer, payload.document, payload.lines, payload.note));
    HttpResponse::Accepted().json(accepted(sub_type, message))
}

async fn get(id: web::Path<String>, message: String) -> HttpResponse {
    HttpResponse::Ok().json(shown(id.into_inner(), message))
}

fn accepted(sub_type: String, message: String) -> Accepted {
    let data = AcceptedData {
        job_id: ID,
        status: "queued",
        kind: "diagnostics",
        sub_type,
        priority: "normal",
        created_at: TIME,
        estimated_duration: None,
        progress: 0,
    };
    Accepted { success: true, data, message }
}

fn shown(job_id: String, message: String) -> Shown {
    Shown {
        job_id,
        status: "completed",
        kind: "diagnostics",
        sub_type: "noop",
        priority: "normal",
        progress: 100,
        created_at: TIME,
        started_at: TIME,
        completed_at: TIME,
        attempt: 1,
        max_attempts: 4,
        duration_ms: 0,
        process_id: 1_000,
        tags: Vec::new(),
        message,
    }
}
