//! Saved state: what a try leaves for the next one, so that a failure or a restart does not begin everything again.

use std::time::Duration;

use faena::app::settings::StoreChoice;
use faena::app::{Faena, Settings};
use faena::job::{Name, NewJob, RetryPolicy};
use faena::work::{Completion, Context, Failure, NoPayload, Processor, Registry};

/// Copies ten pages; the copier jams once, in the middle.
struct CopyPages;

impl Processor for CopyPages {
    type Payload = NoPayload;

    fn run(&self, _: NoPayload, ctx: &Context) -> Result<Completion, Failure> {
        let done: u32 = ctx.state()?.unwrap_or(0);
        ctx.log(format!("try {} begins after page {done}", ctx.attempt()));
        for page in done + 1..=10 {
            if page == 6 && ctx.attempt() == 1 {
                return Err(Failure::new("the copier is jammed"));
            }
            ctx.save_state(&page)?;
            ctx.progress(page * 10, format!("page {page} of 10"));
        }
        Ok(Completion::Done)
    }
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let settings = Settings { store: StoreChoice::Memory, ..Settings::default() };
    let faena = Faena::start(settings, Registry::new().blocking("copy_pages", CopyPages)).await?;
    let soon = RetryPolicy { delay_ms: 10, ..RetryPolicy::default() };
    let job = NewJob::new(Name::new("copy_pages")?, "{}").retry(soon);
    let id = faena.service().enqueue(job).await?.id;
    let ended = faena.service().wait_for_end(id, Duration::from_secs(30)).await?;
    for line in faena.service().log(id).await? {
        println!("{}", line.text);
    }
    println!("{} with try {}", ended.status(), ended.life.attempt);
    Ok(faena.stop().await?)
}
