//! An actix-web application with an endpoint of its own that answers 202, and the jobs API under `/api`.
//!
//! ```text
//! cargo run --example embed_in_actix
//! curl -i localhost:8080/greetings -H 'Content-Type: application/json' -d '{"name": "Ana"}'
//! ```

use actix_web::{App, HttpRequest, HttpResponse, HttpServer, web};
use faena::app::{Faena, Settings};
use faena::error::Error;
use faena::job::{Name, NewJob};
use faena::service::Service;
use faena::work::{Completion, Context, Failure, Processor, Registry};

#[derive(serde::Deserialize, schemars::JsonSchema, validator::Validate)]
struct Greeting {
    #[validate(length(min = 1, max = 100))]
    name: String,
}

struct Greet;

impl Processor for Greet {
    type Payload = Greeting;

    fn run(&self, greeting: Greeting, ctx: &Context) -> Result<Completion, Failure> {
        ctx.progress(50, "looking for words");
        ctx.complete_bytes("text/plain; charset=utf-8", format!("Hello, {}!", greeting.name))
    }
}

/// `POST /greetings`
async fn greet(req: HttpRequest, service: web::Data<Service>, body: web::Bytes) -> HttpResponse {
    match Name::new("greet") {
        Ok(name) => faena::http::accepted(&service, &req, NewJob::new(name, body), None).await,
        Err(error) => faena::http::refused(&req, Error::internal(error)),
    }
}

#[actix_web::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let variable = |name: &str, otherwise: &str| std::env::var(name).unwrap_or_else(|_| otherwise.to_owned());
    let registry = Registry::new().blocking("greet", Greet);
    let faena = Faena::start(Settings::in_folder(variable("DATA", "faena-data")), registry).await?;
    let service = faena.service().clone();
    let server = HttpServer::new(move || {
        App::new()
            .app_data(web::Data::from(service.clone()))
            .route("/greetings", web::post().to(greet))
            .service(web::scope("/api").configure(faena::http::routes(service.clone())))
    })
    .shutdown_timeout(2)
    .bind(("127.0.0.1", variable("PORT", "8080").parse()?))?;
    println!("listening on http://{}", server.addrs()[0]);
    server.run().await?;
    Ok(faena.stop().await?)
}
