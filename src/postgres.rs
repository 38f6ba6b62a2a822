//! For applications that keep their own tables in the database that the jobs are in: an order and its job commit together or
//! not at all. It takes no server in the process, only the application's own connection; jobs are in the schema `faena`, which
//! `faena migrate` or the first server makes.
//!
//! ```no_run
//! use faena::job::{Name, NewJob};
//! use faena::postgres::{enqueue_in, tokio_postgres};
//!
//! # async fn example(client: &mut tokio_postgres::Client) -> Result<(), Box<dyn std::error::Error>> {
//! let mut transaction = client.transaction().await?;
//! transaction.execute("INSERT INTO orders (id, item) VALUES (17, 'bread')", &[]).await?;
//! let job = NewJob::new(Name::new("send_invoice")?, r#"{"order": 17}"#);
//! let enqueued = enqueue_in(&mut transaction, job).await?;
//! transaction.commit().await?; // from here on both are there, and a worker hears of it
//! println!("job {} waits", enqueued.id());
//! # Ok(()) }
//! ```
//!
//! A request that may come again brings its key along: `enqueue_in(&mut transaction, key.on(job))` with a
//! [`Key`](crate::service::enqueue::Key). Where a server is in the process, [`Service::accept_in`] knows the processors and
//! checks payloads by them, and how many jobs may wait.
//!
//! Where the servers encrypt what they keep, `enqueue_encrypted_in` is handed their keys and does the same;
//! `enqueue_in` knows none, and its payloads are kept as they are.
//!
//! An event of the application's own is told in the same way, and is delivered to whoever subscribed to it:
//!
//! ```no_run
//! use faena::clock::Clock;
//! use faena::event::{Aggregate, Event, EventType};
//! use faena::postgres::{emit_in, tokio_postgres};
//!
//! # async fn example(client: &mut tokio_postgres::Client) -> Result<(), Box<dyn std::error::Error>> {
//! let mut transaction = client.transaction().await?;
//! transaction.execute("UPDATE orders SET paid = true WHERE id = 17", &[]).await?;
//! let order = Aggregate { sort: "Order".into(), id: "17".into() };
//! let amount = serde_json::json!({"amount": 12});
//! let paid = Event::own(EventType::new("order.paid")?, order, &amount, Clock::System.now())?;
//! emit_in(&mut transaction, paid).await?;
//! transaction.commit().await?; // only from here on anybody hears of it
//! # Ok(()) }
//! ```
//!
//! # What the user of the database must be allowed to do
//!
//! ```sql
//! GRANT USAGE ON SCHEMA faena TO shop;
//! GRANT SELECT ON faena.schema_version TO shop;
//! GRANT SELECT, INSERT ON faena.live, faena.tally TO shop;
//! GRANT SELECT, INSERT, UPDATE ON faena.request, faena.unique_key TO shop;
//! GRANT INSERT ON faena.event_batch TO shop;
//! GRANT USAGE ON SEQUENCE faena.job_seq, faena.event_n TO shop;
//! ```
//!
//! # Transactions that are long, or strict
//!
//! - Until the transaction ends, whoever wants a unique or idempotency key that it has taken waits for it. A server puts such
//!   requests aside for some seconds, while all others go on, and then answers 503.
//! - With `REPEATABLE READ` or `SERIALIZABLE` a key that somebody else took since the transaction began is refused with
//!   [`Error::Unavailable`](crate::error::Error::Unavailable) and the database's code 40001; begin the whole transaction anew, as
//!   for any such failure.
//! - The hint to the workers goes with the commit, and commits that notify wait for each other. Whoever commits thousands of them a
//!   second says `SET LOCAL faena.hints = off`: the jobs are found within a second or so all the same.
//!
//! [`Service::accept_in`]: crate::service::Service::accept_in

#[cfg(feature = "encryption")]
pub use crate::service::within::enqueue_encrypted_in;
pub use crate::service::within::{Enqueued, emit_in, enqueue_all_in, enqueue_in};
pub use crate::store::postgres::{Migrated, SCHEMA_VERSION, migrate, tokio_postgres, version};
