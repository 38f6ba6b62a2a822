//! A faena in this process, and endpoints that take what it sends as their mood is.

use std::collections::HashMap;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use actix_web::http::StatusCode;
use actix_web::{App, HttpRequest, HttpResponse, HttpServer, web};
use faena::app::settings::StoreChoice;
use faena::app::{Faena, Settings};
use faena::event::Event;
use faena::job::{Job, Name, NewJob};
use faena::key::Caller;
use faena::service::subscriptions::{NewSubscription, Standing};
use faena::work::{Completion, Context, Failure, NoPayload, Processor, Registry};
use parking_lot::Mutex;
use tempfile::TempDir;
use tokio::sync::watch;

/// How long a test waits for what must come.
pub const LONG: Duration = Duration::from_secs(30);

/// A post that an endpoint got.
#[derive(Clone)]
pub struct Got {
    pub path: String,
    pub headers: HashMap<String, String>,
    pub body: Vec<u8>,
    pub event: Event,
}

/// An endpoint: `/take` takes everything, `/status/N` answers N until it is told to take everything, `/never` does not answer.
pub struct Endpoint {
    pub address: SocketAddr,
    shared: Arc<Shared>,
}

struct Shared {
    got: Mutex<Vec<Got>>,
    grown: watch::Sender<usize>,
    kind: watch::Sender<bool>,
}

async fn receive(request: HttpRequest, body: web::Bytes, shared: web::Data<Arc<Shared>>) -> HttpResponse {
    let headers = request.headers().iter().map(|(name, value)| (name.to_string(), value.to_str().unwrap().to_owned()));
    let path = request.path().to_owned();
    let got = Got {
        headers: headers.collect(),
        event: serde_json::from_slice(&body).unwrap(),
        body: body.to_vec(),
        path: path.clone(),
    };
    let count = {
        let mut all = shared.got.lock();
        all.push(got);
        all.len()
    };
    shared.grown.send_replace(count);
    if path.starts_with("/never") {
        std::future::pending::<()>().await;
    }
    let status = path.strip_prefix("/status/").filter(|_| !*shared.kind.borrow());
    let status = status.map_or(204, |status| status.split('/').next().unwrap().parse().unwrap());
    HttpResponse::build(StatusCode::from_u16(status).unwrap()).body("so it is")
}

impl Endpoint {
    pub fn start() -> Self {
        let shared =
            Arc::new(Shared { got: Mutex::default(), grown: watch::Sender::new(0), kind: watch::Sender::new(false) });
        let data = web::Data::new(shared.clone());
        let server =
            HttpServer::new(move || App::new().app_data(data.clone()).default_service(web::post().to(receive)));
        let server = server.workers(1).disable_signals().bind(("127.0.0.1", 0)).unwrap();
        let address = server.addrs()[0];
        tokio::spawn(server.run());
        Self { address, shared }
    }

    pub fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.address)
    }

    /// From now on everything is taken.
    pub fn be_kind(&self) {
        self.shared.kind.send_replace(true);
    }

    pub fn got(&self) -> Vec<Got> {
        self.shared.got.lock().clone()
    }

    /// The types of the events that it got at an address, in order.
    pub fn types(&self, path: &str) -> Vec<String> {
        let got = self.got().into_iter().filter(|got| got.path == path);
        got.map(|got| got.event.kind.to_string()).collect()
    }

    /// Waits until that holds of what it got.
    pub async fn wait(&self, holds: impl Fn(&[Got]) -> bool) -> Vec<Got> {
        let mut grown = self.shared.grown.subscribe();
        let waiting = async {
            loop {
                let got = self.got();
                if holds(&got) {
                    return got;
                }
                grown.changed().await.unwrap();
            }
        };
        tokio::time::timeout(LONG, waiting).await.unwrap_or_else(|_| {
            let got: Vec<_> = self.got().iter().map(|got| (got.path.clone(), got.event.kind.to_string())).collect();
            panic!("it did not come: {got:?}")
        })
    }
}

/// A faena whose jobs of the subtype `work` end at once.
pub struct House {
    pub faena: Faena,
}

struct Work;

impl Processor for Work {
    type Payload = NoPayload;

    fn run(&self, _: NoPayload, ctx: &Context) -> Result<Completion, Failure> {
        ctx.complete_json(&"done")
    }
}

/// Which engine a faena keeps what it is told with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Engine {
    Memory,
    Sqlite,
    #[cfg(all(unix, feature = "postgres"))]
    Postgres,
}

/// Where it keeps that.
pub struct Ground {
    store: StoreChoice,
    folder: TempDir,
    #[cfg(all(unix, feature = "postgres"))]
    _database: Option<crate::cluster::Database>,
}

impl Ground {
    /// A place of its own; none when this machine does not have what it needs.
    pub fn of(engine: Engine) -> Option<Self> {
        let folder = tempfile::tempdir().unwrap();
        #[cfg(all(unix, feature = "postgres"))]
        if engine == Engine::Postgres {
            let database = crate::cluster::Database::fresh()?;
            return Some(Self {
                store: StoreChoice::Postgres(database.url.as_str().into()),
                folder,
                _database: Some(database),
            });
        }
        Some(Self {
            store: if engine == Engine::Memory { StoreChoice::Memory } else { StoreChoice::Sqlite(None) },
            folder,
            #[cfg(all(unix, feature = "postgres"))]
            _database: None,
        })
    }

    /// A faena there which may call these.
    pub fn settings(&self, endpoints: &[&Endpoint]) -> Settings {
        Settings {
            store: self.store.clone(),
            data: self.folder.path().to_owned(),
            webhook_allow: endpoints.iter().map(|endpoint| endpoint.address.to_string()).collect(),
            threads: 2,
            ..Settings::default()
        }
    }
}

impl House {
    pub async fn start(settings: Settings) -> Self {
        let registry = Registry::new().blocking("work", Work);
        Self { faena: Faena::start(settings, registry).await.unwrap() }
    }

    pub async fn job(&self, change: impl FnOnce(&mut NewJob)) -> Arc<Job> {
        let mut job = NewJob::new(Name::new("work").unwrap(), "{}");
        change(&mut job);
        self.faena.service().enqueue(job).await.unwrap()
    }

    pub async fn subscribe(&self, url: String, events: &[&str]) -> Standing {
        self.subscribe_as(&Caller::Anybody, url, events).await
    }

    pub async fn subscribe_as(&self, caller: &Caller, url: String, events: &[&str]) -> Standing {
        let events = events.iter().map(|pattern| pattern.parse().unwrap()).collect();
        self.faena
            .service()
            .subscribe(caller, NewSubscription { url, events, ..NewSubscription::default() })
            .await
            .unwrap()
    }

    /// Waits until that holds of a subscription.
    pub async fn standing(&self, of: &Standing, holds: impl Fn(&Standing) -> bool) -> Standing {
        let waiting = async {
            loop {
                let standing = self.faena.service().subscription(&Caller::Anybody, of.terms.id).await.unwrap();
                if holds(&standing) {
                    return standing;
                }
                tokio::task::yield_now().await;
            }
        };
        tokio::time::timeout(LONG, waiting).await.expect("it never stands so")
    }

    pub async fn stop(self) {
        self.faena.stop().await.unwrap();
    }
}
