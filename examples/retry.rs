//! Retries: a failure that another try may mend is tried again, with a growing pause; one that will happen again is not.

use std::time::Duration;

use faena::app::settings::StoreChoice;
use faena::app::{Faena, Settings};
use faena::job::{Name, NewJob, RetryPolicy};
use faena::work::{Completion, Context, Description, Failure, Processor, Registry};
use serde_json::json;

#[derive(serde::Deserialize, schemars::JsonSchema, validator::Validate)]
struct Letter {
    to: String,
}

struct SendLetter;

impl Processor for SendLetter {
    type Payload = Letter;

    fn describe(&self) -> Description {
        // After 10 and 20 ms. Left out, it is three retries after about 1, 2 and 4 seconds.
        let retry = RetryPolicy { max_retries: 2, delay_ms: 10, ..RetryPolicy::default() };
        Description { retry: Some(retry), timeout: Some(Duration::from_secs(10)), ..Description::default() }
    }

    fn run(&self, letter: Letter, ctx: &Context) -> Result<Completion, Failure> {
        if !letter.to.contains('@') {
            return Err(Failure::permanent("no such address").kind("bad_address"));
        }
        if ctx.attempt() < 3 {
            return Err(Failure::new("the post office is closed")); // any error with `?` is one of these
        }
        Ok(Completion::Done)
    }
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let settings = Settings { store: StoreChoice::Memory, ..Settings::default() };
    let faena = Faena::start(settings, Registry::new().blocking("send", SendLetter)).await?;
    for to in ["ana@example.com", "nobody"] {
        let job = NewJob::json(Name::new("send")?, &json!({ "to": to }))?;
        let id = faena.service().enqueue(job).await?.id;
        let job = faena.service().wait_for_end(id, Duration::from_secs(30)).await?;
        println!("to {to}: {}", job.status());
        for tried in faena.service().tries(id).await? {
            let outcome = tried.outcome().map_or("under way", |outcome| outcome.as_str());
            let reason = tried.error().map_or(String::new(), |error| format!(" ({}: {})", error.kind, error.message));
            println!("  {outcome}{reason}");
        }
    }
    Ok(faena.stop().await?)
}
