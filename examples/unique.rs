//! Once and no more: a unique key lets one job of a kind be under way, an idempotency key makes a repeated request harmless.

use std::time::Duration;

use faena::app::settings::StoreChoice;
use faena::app::{Faena, Settings};
use faena::job::{Name, NewJob, UniqueFor};
use faena::processors::noop::Noop;
use faena::service::enqueue::{Acceptance, Key};
use faena::work::Registry;

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let registry = Registry::new().asynchronous("noop", Noop);
    let faena = Faena::start(Settings { store: StoreChoice::Memory, ..Settings::default() }, registry).await?;
    let service = faena.service();

    // Unique: the key is free again when its job has ended, or after a window.
    let invoice = || Ok::<_, String>(NewJob::new(Name::new("noop")?, "{}").unique("invoice 17", UniqueFor::Active));
    let tomorrow = service.now().plus(Duration::from_secs(24 * 3600));
    let first = service.enqueue(invoice()?.run_at(tomorrow)).await?;
    match service.enqueue(invoice()?).await {
        Ok(_) => println!("unique: two"),
        Err(refusal) => println!("unique: {}", refusal.code()),
    }
    service.cancel(first.id, "ana").await?;
    println!("unique, once the first has ended: {}", service.enqueue(invoice()?).await?.status());

    // Idempotent: the same request is told what it was told before, and another one under that key is refused.
    for body in ["{\"n\": 1}", "{\"n\": 1}", "{\"n\": 2}"] {
        let key = Key::new("orders", "order 4711", body.as_bytes())?;
        let job = NewJob::new(Name::new("noop")?, body);
        match service.accept(job, Some(key)).await {
            Ok(Acceptance::New(_)) => println!("idempotent: accepted"),
            Ok(Acceptance::Replayed(_)) => println!("idempotent: the same job as before"),
            Err(refusal) => println!("idempotent: {}", refusal.code()),
        }
    }
    Ok(faena.stop().await?)
}
