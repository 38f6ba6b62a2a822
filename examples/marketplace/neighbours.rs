//! The services around the marketplace, played by a server of its own on a free port: one that knows what vehicles are
//! worth, and three that say how they are. They have the faults that jobs must live with.

use std::collections::HashMap;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use actix_web::dev::ServerHandle;
use actix_web::{App, HttpResponse, HttpServer, web};
use serde_json::json;

/// The services that say how they are.
pub const SERVICES: [&str; 3] = ["vehiclessaleservice", "authservice", "gateway"];

/// The request for a price that is turned away: somebody is always busy.
const BUSY_AT: u32 = 15;

/// Running neighbours.
pub struct Neighbours {
    /// Where they listen.
    pub address: SocketAddr,
    handle: ServerHandle,
}

#[derive(Default)]
struct Asked {
    prices: AtomicU32,
    gateway: AtomicU32,
}

impl Neighbours {
    pub fn start() -> std::io::Result<Self> {
        let asked = Arc::new(Asked::default());
        let server = HttpServer::new(move || {
            App::new()
                .app_data(web::Data::from(asked.clone()))
                .route("/prices", web::get().to(price))
                .route("/{service}/health", web::get().to(health))
        })
        .workers(1)
        .disable_signals()
        .bind(("127.0.0.1", 0))?;
        let address = server.addrs()[0];
        let server = server.run();
        let handle = server.handle();
        tokio::spawn(server);
        Ok(Self { address, handle })
    }

    pub async fn stop(self) {
        self.handle.stop(false).await;
    }
}

/// `GET /prices?make=Kia&year=2015&mileage=80000`
async fn price(asked: web::Data<Asked>, query: web::Query<HashMap<String, String>>) -> HttpResponse {
    if asked.prices.fetch_add(1, Ordering::Relaxed) + 1 == BUSY_AT {
        return HttpResponse::ServiceUnavailable().finish();
    }
    let number = |name: &str| query.get(name).and_then(|text| text.parse::<u64>().ok()).unwrap_or_default();
    let new = match query.get("make").map(String::as_str) {
        Some("Toyota") => 2_400_000,
        Some("Honda") => 2_300_000,
        Some("Hyundai") => 2_700_000,
        Some("Kia") => 2_600_000,
        _ => return HttpResponse::NotFound().finish(),
    };
    let worn = number("mileage") * 5 + 2_026_u64.saturating_sub(number("year")) * 60_000;
    HttpResponse::Ok().json(json!({ "priceCents": new.max(worn + 100_000) - worn }))
}

/// `GET /gateway/health`: the gateway is down when it is asked for the first time, and well from then on.
async fn health(asked: web::Data<Asked>, service: web::Path<String>) -> HttpResponse {
    match service.as_str() {
        "gateway" if asked.gateway.fetch_add(1, Ordering::Relaxed) == 0 => HttpResponse::ServiceUnavailable().finish(),
        known if SERVICES.contains(&known) => HttpResponse::Ok().json(json!({ "status": "healthy" })),
        _ => HttpResponse::NotFound().finish(),
    }
}
