//! Progress: `track` reports while it goes through the items, and anyone may watch.

use std::sync::mpsc;
use std::time::Duration;

use faena::app::settings::StoreChoice;
use faena::app::{Faena, Settings};
use faena::job::{Name, NewJob};
use faena::work::{Completion, Context, Failure, NoPayload, Processor, Registry};
use parking_lot::Mutex;

/// Resizes pictures, one whenever it is told to, so that whoever watches sees every step.
struct Resize(Mutex<mpsc::Receiver<()>>);

impl Processor for Resize {
    type Payload = NoPayload;

    fn run(&self, _: NoPayload, ctx: &Context) -> Result<Completion, Failure> {
        for picture in ctx.track(["cat.png", "dog.png", "sea.png", "sky.png"]) {
            let picture = picture?; // a failure if the job was cancelled
            self.0.lock().recv()?;
            ctx.log(format!("resized {picture}"));
        }
        Ok(Completion::Done)
    }
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let (next, told) = mpsc::channel();
    let registry = Registry::new().blocking("resize", Resize(Mutex::new(told)));
    let faena = Faena::start(Settings { store: StoreChoice::Memory, ..Settings::default() }, registry).await?;
    let service = faena.service();

    let id = service.enqueue(NewJob::new(Name::new("resize")?, "{}")).await?.id;
    for expected in [25, 50, 75] {
        next.send(())?;
        let enough = |job: &faena::job::Job| job.is_finished() || job.life.progress.percent >= expected;
        let job = service.wait_until(id, Duration::from_secs(30), enough).await?;
        let message = job.life.progress.message().unwrap_or_default();
        println!("{}: {} % ({message})", job.status(), job.life.progress.percent);
    }
    next.send(())?;
    let ended = service.wait_for_end(id, Duration::from_secs(30)).await?;
    println!("{}: {} %", ended.status(), ended.life.progress.percent);
    for line in service.log(id).await? {
        println!("  {}", line.text);
    }
    Ok(faena.stop().await?)
}
