//! Nodes that share a key for what they keep: the database knows nothing that they do not want it to, and a node hears from the
//! others in plain.
#![cfg(feature = "encryption")]

use std::time::Duration;

use bytes::Bytes;
use faena::app::settings::Settings;
use faena::app::{Encryption, Faena};
use faena::job::{Job, Name, NewJob, ResultRef};
use faena::store::{Expected, Group};
use faena::work::{Completion, Registry};

use crate::house::{Does, House, PATIENCE, task, until};

const KEY: &str = "a:yFxs1YQJ0vjmZzAk2Zb5mE9vB1n2LQ0o6m8yq3nXo1Y=";
const PAYLOAD: &str = "the-payload-of-a-job";
const RESULT: &str = "the-result-in-the-record";
const LARGE: &str = "the-result-in-pieces";
const SHARED: &str = "the-shared-value";

/// Fails unless some row of some table has a text in it, or unless none has.
fn check(house: &House, text: &str, is_there: bool) {
    let hex: String = text.bytes().map(|byte| format!("{byte:02x}")).collect();
    let op = if is_there { ">" } else { "=" };
    house.database.tell(&format!(
        "DO $$ DECLARE t record; n bigint; total bigint := 0; BEGIN \
         FOR t IN SELECT c.oid::regclass AS name FROM pg_class c JOIN pg_namespace s ON s.oid = c.relnamespace \
             WHERE s.nspname = 'faena' AND c.relkind = 'r' LOOP \
           EXECUTE format('SELECT count(*) FROM %s AS r WHERE r::text LIKE ''%%{text}%%'' OR r::text LIKE ''%%{hex}%%''', t.name) INTO n; \
           total := total + n; \
         END LOOP; ASSERT total {op} 0, format('%s rows with {text}', total); END $$"
    ));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_database_knows_nothing_and_a_node_hears_in_plain() {
    for key in [None, Some(KEY)] {
        let Some(house) = House::new() else { return };
        let encryption = Encryption { first: key.map(|key| key.parse().unwrap()), ..Encryption::default() };
        let settings = Settings { encryption, ..house.settings() };
        let registry = || {
            Registry::new().blocking(
                "task",
                Does(|ctx: &faena::work::Context| {
                    ctx.save_state(&"somewhere")?;
                    if ctx.job_id().to_string().ends_with('0') {
                        return Ok(Completion::bytes("text/plain", Bytes::from(LARGE.repeat(100_000))));
                    }
                    Ok(Completion::bytes("text/plain", RESULT))
                }),
            )
        };
        let desk = Faena::start(Settings { no_jobs: true, ..settings.clone() }, registry()).await.unwrap();
        // Somebody waits here for what happens there.
        let id = desk.service().enqueue(task()).await.unwrap().id;
        let waiting = desk.service().wait_for_end(id, PATIENCE);
        let worker = Faena::start(settings, registry()).await.unwrap();
        let job = waiting.await.unwrap();
        let result = job.end().unwrap().result.clone();
        match &result {
            Some(ResultRef::Url(url)) => assert!(url.starts_with("data:text/plain;base64,"), "{url}"),
            Some(ResultRef::Stored { .. }) => {}
            other => panic!("not in plain: {other:?}"),
        }
        let mut large = task();
        while !large.id.to_string().ends_with('0') {
            large = task();
        }
        let id = desk.service().enqueue(large).await.unwrap().id;
        until(&desk, id, Job::is_finished).await;
        let body = desk.service().result(id).await.unwrap();
        let faena::service::look::ResultBody::Stored { found, .. } = body else { panic!("kept elsewhere") };
        assert_eq!(found.bytes().await.unwrap(), LARGE.repeat(100_000));
        let value = format!("\"{SHARED}\"");
        let day = Some(Duration::from_secs(3_600));
        desk.service().put_state("s", &value, day, Expected::Anything).await.unwrap();
        assert_eq!(&*worker.service().state("s").await.unwrap().value, value);
        let other = NewJob::new(Name::new("other").unwrap(), format!("{{\"a\":\"{PAYLOAD}\"}}"));
        let id = other.id;
        let now = desk.service().now();
        desk.service().store().insert(vec![other.into()], Group::Each, now).await.unwrap();
        let read = worker.service().store().payload(id).await.unwrap().unwrap();
        assert!(read.ends_with(b"the-payload-of-a-job\"}"), "{read:?}");
        worker.stop().await.unwrap();
        desk.stop().await.unwrap();
        for text in [PAYLOAD, LARGE, SHARED] {
            check(&house, text, key.is_none());
        }
        check(&house, "task", true);
    }
}
