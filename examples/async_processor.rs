//! Work that waits instead of computing: hundreds of these share a few threads, and a cancel drops them where they wait.

use std::sync::Arc;
use std::time::Duration;

use faena::app::settings::StoreChoice;
use faena::app::{Faena, Settings};
use faena::job::{Job, Name, NewJob};
use faena::work::{AsyncProcessor, Completion, Context, Failure, NoPayload, Registry};
use tokio::sync::Barrier;

/// As many as wait at once.
const GUESTS: usize = 50;

/// Comes to dinner, and waits until everybody is there.
struct Dine(Arc<Barrier>);

impl AsyncProcessor for Dine {
    type Payload = NoPayload;

    async fn run(&self, _: NoPayload, ctx: Context) -> Result<Completion, Failure> {
        ctx.progress(50, "at the table");
        self.0.wait().await;
        Ok(Completion::Done)
    }
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let registry = Registry::new()
        .asynchronous("dine", Dine(Arc::new(Barrier::new(GUESTS))))
        .asynchronous("dine_alone", Dine(Arc::new(Barrier::new(2))));
    let settings = Settings { store: StoreChoice::Memory, io_slots: GUESTS + 1, ..Settings::default() };
    let faena = Faena::start(settings, registry).await?;
    let service = faena.service();

    let alone = service.enqueue(NewJob::new(Name::new("dine_alone")?, "{}")).await?.id;
    let mut guests = Vec::new();
    for _ in 0..GUESTS {
        guests.push(service.enqueue(NewJob::new(Name::new("dine")?, "{}")).await?.id);
    }
    let mut dined = 0;
    for guest in guests {
        let ended = service.wait_for_end(guest, Duration::from_secs(30)).await?;
        dined += usize::from(ended.status() == faena::job::Status::Completed);
    }
    println!("{dined} guests were at the table together");

    service.wait_until(alone, Duration::from_secs(30), |job: &Job| job.run().is_some()).await?;
    service.cancel(alone, "ana").await?;
    let ended = service.wait_for_end(alone, Duration::from_secs(30)).await?;
    println!("the one who waited for somebody is {}", ended.status());
    Ok(faena.stop().await?)
}
