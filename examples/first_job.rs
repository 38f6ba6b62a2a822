//! A first job: what it needs, what it does, what came of it.

use std::time::Duration;

use faena::app::settings::StoreChoice;
use faena::app::{Faena, Settings};
use faena::job::{Name, NewJob};
use faena::service::look::ResultBody;
use faena::work::{Completion, Context, Failure, Processor, Registry};
use serde_json::json;

#[derive(serde::Deserialize, schemars::JsonSchema, validator::Validate)]
struct Text {
    #[validate(length(min = 1))]
    text: String,
}

struct CountWords;

impl Processor for CountWords {
    type Payload = Text;

    fn run(&self, payload: Text, ctx: &Context) -> Result<Completion, Failure> {
        ctx.complete_json(&json!({ "words": payload.text.split_whitespace().count() }))
    }
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let settings = Settings { store: StoreChoice::Memory, ..Settings::default() };
    let faena = Faena::start(settings, Registry::new().blocking("count_words", CountWords)).await?;

    let job = NewJob::json(Name::new("count_words")?, &json!({ "text": "one job at a time" }))?;
    let accepted = faena.service().enqueue(job).await?;
    println!("accepted as {}", accepted.status());

    let ended = faena.service().wait_for_end(accepted.id, Duration::from_secs(30)).await?;
    println!("ended as {}", ended.status());
    if let ResultBody::Inline { content_type, bytes } = faena.service().result(accepted.id).await? {
        println!("{content_type}: {}", String::from_utf8_lossy(&bytes));
    }

    // A payload that breaks a rule is refused before anything is stored.
    let empty = NewJob::json(Name::new("count_words")?, &json!({ "text": "" }))?;
    if let Err(refusal) = faena.service().enqueue(empty).await {
        println!("{}: {refusal}", refusal.code());
    }
    Ok(faena.stop().await?)
}
