//! Cancel: a job that waits ends at once, a job that runs as soon as it listens; and neither ever completes after it.

use std::time::Duration;

use faena::app::settings::StoreChoice;
use faena::app::{Faena, Settings};
use faena::job::{Job, Name, NewJob};
use faena::work::{Completion, Context, Failure, NoPayload, Processor, Registry};

/// Guards the door until somebody says that it is enough.
struct Guard;

impl Processor for Guard {
    type Payload = NoPayload;

    fn run(&self, _: NoPayload, ctx: &Context) -> Result<Completion, Failure> {
        loop {
            ctx.progress(1, "guarding");
            ctx.sleep(Duration::from_millis(50))?; // or `ctx.check()?` between steps, or `ctx.track(items)`
        }
    }
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    // One thread, so that the second job has to wait.
    let settings = Settings { store: StoreChoice::Memory, threads: 1, ..Settings::default() };
    let faena = Faena::start(settings, Registry::new().blocking("guard", Guard)).await?;
    let service = faena.service();
    let first = service.enqueue(NewJob::new(Name::new("guard")?, "{}")).await?.id;
    let second = service.enqueue(NewJob::new(Name::new("guard")?, "{}")).await?.id;
    service.wait_until(first, Duration::from_secs(30), |job: &Job| job.run().is_some()).await?;

    println!("the second was waiting, and is {}", service.cancel(second, "ana").await?.status());
    service.cancel(first, "ana").await?;
    let ended = service.wait_for_end(first, Duration::from_secs(30)).await?;
    println!("the first was running, and is {}", ended.status());

    if let Err(refusal) = service.cancel(first, "ana").await {
        println!("once more: {}", refusal.code());
    }
    Ok(faena.stop().await?)
}
