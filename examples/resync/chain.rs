//! A chain, played by a server: so many blocks, each of them always the same, whoever asks however often.

use std::collections::HashMap;
use std::time::Duration;

use actix_web::dev::Server;
use actix_web::{App, HttpResponse, HttpServer, web};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

/// Blocks in one answer at most.
pub const BLOCKS_AN_ANSWER: u64 = 5;

/// A chain is not next door: what an answer takes at least.
const WAY: Duration = Duration::from_millis(5);

/// Every so many orders, somebody is not content.
const DISPUTED: u64 = 10;

/// One block.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Block {
    pub number: u64,
    pub hash: String,
    pub parent: String,
    pub events: Vec<Event>,
}

/// What happens to the money of an order.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Event {
    pub order: u64,
    pub kind: Kind,
    pub amount: u64,
}

/// What may happen to it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Kind {
    /// It is paid, and held.
    Funded,
    /// The seller gets it.
    Released,
    /// The buyer is not content; it stays where it is.
    Disputed,
}

impl Kind {
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Funded => "funded",
            Self::Released => "released",
            Self::Disputed => "disputed",
        }
    }
}

/// The block of a number: order N is paid in block N, and settled three blocks later.
pub fn block(number: u64) -> Block {
    let mut events = vec![Event { order: number, kind: Kind::Funded, amount: amount(number) }];
    if let Some(order) = number.checked_sub(3).filter(|order| *order > 0) {
        let kind = if order.is_multiple_of(DISPUTED) { Kind::Disputed } else { Kind::Released };
        events.push(Event { order, kind, amount: amount(order) });
    }
    Block { number, hash: hash(number), parent: hash(number.saturating_sub(1)), events }
}

const fn amount(order: u64) -> u64 {
    100 + order * 37 % 900
}

fn hash(number: u64) -> String {
    let digest = Sha256::digest(format!("block {number}"));
    digest.iter().take(8).map(|byte| format!("{byte:02x}")).collect()
}

/// Serves a chain of some height on a port; the address is told with it.
pub fn serve(height: u64, port: u16) -> std::io::Result<(String, Server)> {
    let server =
        HttpServer::new(move || App::new().app_data(web::Data::new(height)).route("/blocks", web::get().to(blocks)))
            .workers(1)
            .disable_signals()
            .bind(("127.0.0.1", port))?;
    let address = format!("http://{}", server.addrs()[0]);
    Ok((address, server.run()))
}

/// `GET /blocks?from=1`: some blocks from a number on; none when there are none yet.
async fn blocks(height: web::Data<u64>, query: web::Query<HashMap<String, u64>>) -> HttpResponse {
    let from = query.get("from").copied().unwrap_or(1).max(1);
    tokio::time::sleep(WAY).await;
    let last = (**height).min(from.saturating_add(BLOCKS_AN_ANSWER - 1));
    HttpResponse::Ok().json((from..=last).map(block).collect::<Vec<_>>())
}
