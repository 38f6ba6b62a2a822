//! Background jobs: a request asks for work and is answered 202 once the job is on disk; processors do it, report
//! progress and leave a result; anyone may poll, watch or cancel. The program `faena` is a server of its own; this
//! library puts the same thing into your application.
//!
//! # A first 202
//!
//! An actix-web application with one endpoint of its own and the jobs API beside it. It needs `actix-web`, `serde`,
//! `schemars`, `validator` and this crate (with `default-features = false` it comes without the command line).
//!
//! ```no_run
//! use actix_web::{App, HttpRequest, HttpResponse, HttpServer, web};
//! use faena::app::{Faena, Settings};
//! use faena::job::{Name, NewJob};
//! use faena::service::Service;
//! use faena::work::{Completion, Context, Failure, Processor, Registry};
//!
//! #[derive(serde::Deserialize, schemars::JsonSchema, validator::Validate)]
//! struct Import {
//!     #[validate(length(min = 1))]
//!     users: Vec<String>,
//! }
//! struct ImportUsers;
//! impl Processor for ImportUsers {
//!     type Payload = Import; // checked before the 202, and again before it runs
//!     fn run(&self, import: Import, ctx: &Context) -> Result<Completion, Failure> {
//!         for user in ctx.track(&import.users) {
//!             println!("importing {}", user?); // `track` reports progress; `?` stops on a cancel
//!         }
//!         ctx.complete_json(&import.users.len())
//!     }
//! }
//! async fn bulk_import(req: HttpRequest, service: web::Data<Service>, body: web::Bytes) -> HttpResponse {
//!     let job = NewJob::new(Name::new("import_users").unwrap(), body);
//!     faena::http::accepted(&service, &req, job, None).await // 202, or 400 with the fields at fault
//! }
//! #[actix_web::main]
//! async fn main() -> Result<(), Box<dyn std::error::Error>> {
//!     let registry = Registry::new().blocking("import_users", ImportUsers);
//!     let faena = Faena::start(Settings::in_folder("data"), registry).await?;
//!     let service = faena.service().clone();
//!     let app = move || {
//!         let app = App::new().app_data(web::Data::from(service.clone()));
//!         let app = app.route("/users/bulk-import", web::post().to(bulk_import));
//!         app.configure(faena::http::routes(service.clone()))
//!     };
//!     HttpServer::new(app).bind("127.0.0.1:8080")?.run().await?;
//!     Ok(faena.stop().await?)
//! }
//! ```
//!
//! ```text
//! curl -i localhost:8080/users/bulk-import -d '{"users": ["ana", "eva"]}'
//! curl localhost:8080/jobs/JOB_ID?wait=30        the job, once it has ended
//! curl -X DELETE localhost:8080/jobs/JOB_ID      cancels it
//! ```
//!
//! # What else there is
//!
//! | to … | look at | example |
//! | --- | --- | --- |
//! | do work that computes | [`work::Processor`] | `first_job` |
//! | do work that waits | [`work::AsyncProcessor`] | `async_processor` |
//! | say how far it is | [`Context::progress`](work::Context::progress), [`track`](work::Context::track), [`log`](work::Context::log) | `progress` |
//! | stop when asked to | [`Context::check`](work::Context::check), [`sleep`](work::Context::sleep), [`Service::cancel`](service::Service::cancel) | `cancel` |
//! | fail, and be tried again or not | [`work::Failure`], [`job::RetryPolicy`], [`work::Description`] | `retry` |
//! | go on where an earlier try was | [`Context::save_state`](work::Context::save_state), [`state`](work::Context::state) | `saved_state` |
//! | write elsewhere without doing it twice | [`Context::fencing_token`](work::Context::fencing_token) | `techhub` |
//! | let single items fail | [`Context::partial_error`](work::Context::partial_error) | `techhub` |
//! | have something done afterwards | [`Context::enqueue`](work::Context::enqueue) | `follow_up` |
//! | leave a result, small or large | [`work::Completion`], [`store::results`] | `techhub` |
//! | put off, hurry, bound or mark a job | [`job::NewJob`] | `unique` |
//! | have something done by the clock | [`Service::create_schedule`](service::Service::create_schedule), [`schedule::Spec`] | `marketplace` |
//! | do something alone | [`Context::lock`](work::Context::lock), [`Hold::fencing_token`](store::Hold::fencing_token) | `resync` |
//! | leave something for other jobs | [`Context::shared_state`](work::Context::shared_state) | `marketplace`, `resync` |
//! | have one job and no more | [`NewJob::unique`](job::NewJob::unique), [`Service::accept`](service::Service::accept) | `unique` |
//! | have a job commit with what it is about, on PostgreSQL | [`postgres::enqueue_in`], [`Service::accept_in`](service::Service::accept_in) | `order_and_job` |
//! | ask, look and wait without HTTP | [`service::Service`] | all of them |
//! | answer from your own endpoint | [`http::accepted`], [`http::refused`] | `techhub` |
//! | mount the jobs API | [`http::routes`], [`http::Settings`] | `embed_in_actix` |
//! | call a server | [`client::Client`] | |
//! | test a processor by itself | [`Context::overheard`](work::Context::overheard), [`Context::detached`](work::Context::detached) | |
//! | use what comes with the program | [`processors::bundled`] | |
//! | choose the store, threads and bounds | [`app::Settings`], [`limits`] | |
//!
//! The examples are in `examples/`; `cargo run --example techhub` is a whole application with a database of its own.
//!
//! # What you may rely on
//!
//! - A job that was accepted is on disk, and is done **at least once**. It may be done again after a crash: the
//!   [fencing token](work::Context::fencing_token), saved state and keys are there to make that harmless.
//! - What a reader sees is committed. An ending that was seen is never taken back.
//! - A cancelled job never completes after it. Who comes too late is told.
//! - Only a failure uses up a retry; a restart does not.
//!
//! # How it is built
//!
//! Modules know only those above them in this list:
//! [`error`], [`clock`], [`limits`] · [`egress`] (whom this machine may call) · [`job`], [`schedule`], [`alert`], [`key`] and [`event`] (the domain, pure) · [`watch`] (who is told of changes) · [`store`] (the
//! port and its engine) · [`work`] and [`upkeep`] · [`processors`] · [`service`] (the use cases) · [`http`],
//! [`client`] · [`app`].
//!
//! # Features
//!
//! | feature | brings | default |
//! | --- | --- | --- |
//! | `cli` | the program `faena` | yes |
//! | `docs` | an API browser at `/docs`, offline | yes |
//! | `http-client` | [`client`], and the processor `http_request` | yes |
//! | `mimalloc` | another allocator for the program | yes |
//! | `postgres` | the store that many machines share, and [`postgres`] | yes |
//! | `object-store` | large results in S3, Azure Blob Storage or Google Cloud Storage | no |
#![warn(missing_docs)]

pub mod alert;
pub mod app;
#[cfg(feature = "http-client")]
pub mod client;
pub mod clock;
#[cfg(feature = "dashboard")]
pub mod dashboard;
pub mod egress;
pub mod error;
pub mod event;
pub mod http;
pub mod job;
pub mod key;
pub mod limits;
#[cfg(feature = "postgres")]
pub mod postgres;
pub mod processors;
pub mod publish;
pub mod schedule;
pub mod service;
pub mod store;
pub mod upkeep;
pub mod watch;
pub mod work;

/// The Rust code of the README compiles.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;

/// And that of the guide runs.
#[cfg(doctest)]
#[doc = include_str!("../docs/guide.md")]
struct Guide;
