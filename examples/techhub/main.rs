//! TechHub: a shop's backend whose long work is done in the background. It has a SQLite database of its own, three
//! endpoints that answer 202 at once, and the jobs API mounted beside them.
//!
//! ```text
//! cargo run --example techhub -- --port 8080
//! curl -i localhost:8080/models/train -H 'Content-Type: application/json' -d '{"name": "stock", "epochs": 200}'
//! curl localhost:8080/jobs/JOB_ID
//! ```
//!
//! | file | holds |
//! | --- | --- |
//! | `place` | where it listens and where it keeps things |
//! | `database` | the shop's own tables, and the fence around what a job writes |
//! | `door` | from a request to a checked job |
//! | `users`, `products`, `models` | an endpoint each, and the processor behind it |

mod database;
mod door;
mod models;
mod place;
mod products;
mod users;

use std::error::Error;
use std::time::Duration;

use actix_web::{App, HttpServer, web};
use faena::app::{Faena, Settings};
use faena::work::Registry;

use database::Database;
use place::Place;

#[actix_web::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let place = Place::from(std::env::args().skip(1), |name| std::env::var(name).ok())?;
    let database = Database::open(&place.data)?;

    // What can be done in the background.
    let registry = Registry::new()
        .blocking(users::IMPORT, users::BulkImport { database: database.clone() })
        .blocking(users::WELCOME, users::Welcome { database: database.clone() })
        .blocking(products::REPORT, products::InventoryReport { database: database.clone() })
        .blocking(models::TRAIN, models::Train { database: database.clone() });

    // Where jobs are kept, and who does them. After SIGTERM a running job has two seconds; its next try goes on from there.
    let settings = Settings { grace: Duration::from_secs(2), ..Settings::in_folder(place.data.join("jobs")) };
    let faena = Faena::start(settings, registry).await?;

    let service = faena.service().clone();
    let server = HttpServer::new(move || {
        App::new()
            .app_data(web::Data::from(service.clone()))
            .app_data(web::Data::new(database.clone()))
            .route("/users/bulk-import", web::post().to(users::bulk_import))
            .route("/products/inventory-report", web::post().to(products::inventory_report))
            .route("/models/train", web::post().to(models::train))
            .configure(faena::http::routes(service.clone()))
    })
    .shutdown_timeout(2)
    .bind(("127.0.0.1", place.port))?;
    for address in server.addrs() {
        println!("listening on http://{address}");
    }

    // actix-web hears SIGTERM and Ctrl-C. First nobody asks any more, then nobody works any more.
    server.run().await?;
    faena.stop().await?;
    println!("stopped");
    Ok(())
}
