//! What a store that encrypts promises besides all that a store does: nothing of it can be read in the files, whoever has the key
//! sees no difference, and a value whose key is missing is the problem of that value alone.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use faena::job::{Event, Job, Name, NewJob, Payload, ResultRef, SEALED_BYTES};
use faena::schedule::{Cron, NewSchedule, Spec, Timetable, Zone};
use faena::store::embedded::{Durability, Embedded, Open};
use faena::store::query::{Sort, Start};
use faena::store::results::{Folder, Results};
use faena::store::sealed::{EncryptionKey, Keyring, Part, SealedResults, SealedSchedules, SealedStore};
use faena::store::{
    Committed, Expected, Filter, Group, Inserted, Kept, Page, Put, Schedules, Slug, State, Store, StoreError,
};

use crate::bed::{at, block_on, claim, failed, retry_asked};

pub fn key(id: &str, byte: u8) -> EncryptionKey {
    format!("{id}:{}", STANDARD.encode([byte; 32])).parse().unwrap()
}

fn keyring(keys: &[EncryptionKey]) -> Arc<Keyring> {
    Arc::new(Keyring::new(keys).unwrap().unwrap())
}

/// A store on disk with these keys; without any it is as if nobody had heard of them.
pub struct House {
    pub store: Arc<dyn Store>,
    schedules: Arc<dyn Schedules>,
    results: Arc<dyn Results>,
}

impl House {
    pub fn open(folder: &Path, keys: &[EncryptionKey]) -> Self {
        let open = Open { path: folder.join("faena.db"), durability: Durability::Full };
        let engine = std::thread::spawn(move || Embedded::open(&open, at(0)).unwrap()).join().unwrap();
        let engine = Arc::new(engine);
        let results: Arc<dyn Results> = Arc::new(Folder::open(folder.join("results")).unwrap());
        match keys {
            [] => Self { store: engine.clone(), schedules: engine, results },
            keys => {
                let ring = keyring(keys);
                Self {
                    store: Arc::new(SealedStore::new(engine.clone(), ring.clone())),
                    schedules: Arc::new(SealedSchedules::new(engine, ring.clone())),
                    results: Arc::new(SealedResults::new(results, ring)),
                }
            }
        }
    }

    pub async fn accept(&self, payload: &str) -> Arc<Job> {
        let job = NewJob::new(Name::new("work").unwrap(), payload.to_owned());
        match self.store.insert(vec![job.into()], Group::Each, at(0)).await.unwrap().remove(0) {
            Inserted::Accepted(job) => job,
            other => panic!("{other:?}"),
        }
    }

    pub async fn claim(&self) -> Arc<Job> {
        self.store.claim(claim(1), at(0)).await.unwrap().jobs.remove(0)
    }

    pub async fn step(&self, job: &Job, event: Event) -> Arc<Job> {
        let step = faena::job::decide(job, event, at(0)).unwrap();
        match self.store.commit(vec![step], at(0)).await.unwrap().remove(0) {
            Committed::Applied { job, .. } => job,
            other => panic!("{other:?}"),
        }
    }

    async fn finish(&self, url: &str) -> Arc<Job> {
        let job = self.claim().await;
        let result = Some(ResultRef::Url(url.into()));
        self.step(&job, Event::Succeeded { epoch: job.life.epoch, result, follow_ups: Vec::new() }).await
    }

    async fn put(&self, name: &str, value: &str) -> Kept {
        let (name, value) = (Slug::new(name).unwrap(), value.into());
        let put = Put { name, value, ttl: Duration::from_secs(3_600), expected: Expected::Anything };
        self.store.states().put_state(put, at(0)).await.unwrap()
    }

    async fn state(&self, name: &str) -> Result<Option<Arc<State>>, StoreError> {
        self.store.states().state(&Slug::new(name).unwrap(), at(0)).await
    }

    async fn get(&self, job: &Job) -> Arc<Job> {
        self.store.get(job.id).await.unwrap().unwrap()
    }
}

fn result_of(job: &Job) -> &ResultRef {
    job.end().unwrap().result.as_ref().unwrap()
}

fn text_of(job: &Job) -> &str {
    std::str::from_utf8(job.payload.text().unwrap()).unwrap()
}

/// Every byte of every file in a folder.
fn bytes_in(folder: &Path) -> Vec<u8> {
    let mut all = Vec::new();
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        all.extend(if path.is_dir() { bytes_in(&path) } else { std::fs::read(path).unwrap() });
    }
    all
}

fn holds(bytes: &[u8], text: &str) -> bool {
    // In base64 the first and last characters depend on what stands around them.
    let encoded: Vec<String> = (0..3).map(|shift| STANDARD.encode(format!("{}{text}", "x".repeat(shift)))).collect();
    let inner = encoded.iter().map(|text| &text.as_bytes()[4..text.len() - 4]);
    let hex: String = text.bytes().map(|byte| format!("{byte:02x}")).collect();
    inner.chain([text.as_bytes(), hex.as_bytes()]).any(|needle| bytes.windows(needle.len()).any(|at| at == needle))
}

const SECRETS: [&str; 7] = [
    "the-payload-of-a-job",
    "the-payload-of-a-follow-up",
    "the-payload-of-a-schedule",
    "the-state-that-a-job-saved",
    "the-result-in-the-record",
    "the-result-in-the-folder",
    "the-value-of-a-shared-state",
];

/// Has a store keep something of each sort, in every state that it has on disk.
async fn live(house: &House) {
    let [payload, follow_up, planned, saved, result, large, shared] =
        SECRETS.map(|text| format!("{{\"a\":\"{text}\"}}"));
    house.accept(&payload).await;
    let job = house.claim().await;
    assert_eq!(text_of(&job), payload);
    let save = Event::StateSaved { epoch: job.life.epoch, state: Some(saved.as_str().into()) };
    let job = house.step(&job, save).await;
    let follow = NewJob::new(Name::new("work").unwrap(), follow_up.clone());
    let url = format!("data:application/json;base64,{}", STANDARD.encode(&result));
    let done = Event::Succeeded {
        epoch: job.life.epoch,
        result: Some(ResultRef::Url(url.as_str().into())),
        follow_ups: vec![follow],
    };
    let job = house.step(&job, done).await;
    assert_eq!(result_of(house.get(&job).await.as_ref()), &ResultRef::Url(url.into()));
    assert_eq!(house.store.payload(job.id).await.unwrap().as_deref(), Some(payload.as_bytes()));
    let job = house.claim().await;
    assert_eq!(text_of(&job), follow_up);
    let save = Event::StateSaved { epoch: job.life.epoch, state: Some(saved.as_str().into()) };
    let job = house.step(&job, save).await;
    house.step(&job, failed(job.life.epoch)).await;

    let cron = Timetable::new("0 2 * * *".parse::<Cron>().unwrap(), "UTC".parse::<Zone>().unwrap());
    let spec = Spec { payload: planned.as_str().into(), ..Spec::new("nightly", Name::new("work").unwrap(), cron) };
    house.schedules.add_schedule(NewSchedule::new(spec), at(0)).await.unwrap();
    let read = house.schedules.schedule(faena::store::schedules::Which::of("nightly")).await.unwrap().unwrap();
    assert_eq!(&*read.spec.payload, planned);

    let large = Bytes::from(large.repeat(50_000));
    house.results.put("job-1", "application/json", large.clone()).await.unwrap();
    assert_eq!(house.results.get("job-1").await.unwrap().unwrap().bytes().await.unwrap(), large);

    assert!(matches!(house.put("shared", &shared).await, Kept::Made(state) if *state.value == *shared));
    assert_eq!(&*house.state("shared").await.unwrap().unwrap().value, shared);
}

#[test]
fn nothing_of_it_can_be_read_in_the_files() {
    for keys in [vec![], vec![key("a", 1)]] {
        let folder = tempfile::tempdir().unwrap();
        let house = House::open(folder.path(), &keys);
        block_on(async {
            live(&house).await;
            house.store.close().await.unwrap();
        });
        let bytes = bytes_in(folder.path());
        for secret in SECRETS {
            assert_eq!(holds(&bytes, secret), keys.is_empty(), "{secret} with {} keys", keys.len());
        }
        assert!(holds(&bytes, "nightly"), "what things are found by is there");
    }
}

#[test]
fn a_key_is_replaced_by_putting_another_before_it() {
    let folder = tempfile::tempdir().unwrap();
    let (old, new) = (key("2025", 1), key("2026", 2));
    let (first, second) = block_on(async {
        let house = House::open(folder.path(), std::slice::from_ref(&old));
        let first = house.accept(r#"{"n":1}"#).await;
        house.finish("data:,first").await;
        house.put("s", "1").await;
        house.results.put("r-1", "text/plain", Bytes::from_static(b"first")).await.unwrap();
        house.store.close().await.unwrap();

        let house = House::open(folder.path(), &[new.clone(), old]);
        assert_eq!(result_of(house.get(&first).await.as_ref()), &ResultRef::Url("data:,first".into()));
        assert_eq!(&*house.state("s").await.unwrap().unwrap().value, "1");
        assert_eq!(house.results.get("r-1").await.unwrap().unwrap().bytes().await.unwrap(), "first");
        let second = house.accept(r#"{"n":2}"#).await;
        house.finish("data:,second").await;
        house.put("t", "2").await;
        house.store.close().await.unwrap();
        (first, second)
    });

    // Once the old one is gone, what it encrypted is closed, and nothing else is.
    let house = House::open(folder.path(), &[new]);
    block_on(async {
        assert_eq!(result_of(house.get(&second).await.as_ref()), &ResultRef::Url("data:,second".into()));
        assert_eq!(&*house.state("t").await.unwrap().unwrap().value, "2");
        assert!(matches!(result_of(house.get(&first).await.as_ref()), ResultRef::Sealed(_)));
        let told = "is encrypted with the key `2025`, which is not configured here; name it in encryption_keys";
        for refused in [
            house.state("s").await.map(drop),
            house.store.payload(first.id).await.map(drop),
            house.results.get("r-1").await.map(drop),
        ] {
            assert!(matches!(&refused, Err(StoreError::Unreadable(why)) if why.ends_with(told)), "{refused:?}");
        }
        assert!(matches!(house.put("s", "3").await, Kept::Replaced(_)), "a new value takes its place");
        house.store.close().await.unwrap();
    });
}

#[test]
fn a_job_that_cannot_be_read_says_why_and_stands_in_nobodys_way() {
    let folder = tempfile::tempdir().unwrap();
    block_on(async {
        let house = House::open(folder.path(), &[key("a", 1)]);
        let with_state = house.accept(r#"{"n":1}"#).await;
        let job = house.claim().await;
        let save = Event::StateSaved { epoch: job.life.epoch, state: Some(r#"{"page":7}"#.into()) };
        let job = house.step(&job, save).await;
        house.step(&job, Event::Released { epoch: job.life.epoch, reason: "shutdown".into() }).await;
        house.store.close().await.unwrap();

        // Another key of the same id, and no key at all.
        for (keys, told) in [(vec![key("a", 2)], "does not open"), (vec![], "no key is configured here")] {
            let house = House::open(folder.path(), &keys);
            let job = house.claim().await;
            assert_eq!(job.id, with_state.id);
            let why = job.unreadable().unwrap();
            assert!(why.starts_with("its payload") && why.contains(told), "{why}");
            house.step(&job, failed(job.life.epoch)).await;
            house.accept(r#"{"n":2}"#).await;
            let other = house.claim().await;
            assert_eq!((text_of(&other), other.unreadable()), (r#"{"n":2}"#, None));
            house.step(&other, Event::Released { epoch: other.life.epoch, reason: "shutdown".into() }).await;
            let other = house.finish("data:,x").await;
            assert!(other.is_finished());
            if let Some(waiting) = house.store.get(with_state.id).await.unwrap().filter(|job| !job.is_finished()) {
                house.step(&waiting, Event::CancelAsked { by: "ana".into() }).await;
            }
            let ended = house.get(&with_state).await;
            house.step(&ended, retry_asked()).await;
            house.store.close().await.unwrap();
        }

        // Whoever has the key again loses nothing: neither the payload, nor what was saved.
        let house = House::open(folder.path(), &[key("a", 1)]);
        let job = house.claim().await;
        assert_eq!((job.id, text_of(&job)), (with_state.id, r#"{"n":1}"#));
        assert_eq!(job.life.saved.as_deref(), Some(r#"{"page":7}"#));
        house.store.close().await.unwrap();
    });
}

#[test]
fn what_was_there_before_there_were_keys_stays_readable() {
    let folder = tempfile::tempdir().unwrap();
    block_on(async {
        let house = House::open(folder.path(), &[]);
        live(&house).await;
        house.accept(r#"{"n":1}"#).await;
        let done = house.accept(r#"{"n":2}"#).await;
        house.store.close().await.unwrap();
        let house = House::open(folder.path(), &[key("a", 1)]);
        assert_eq!(house.store.payload(done.id).await.unwrap().unwrap(), r#"{"n":2}"#);
        assert_eq!(text_of(house.claim().await.as_ref()), r#"{"n":1}"#);
        assert!(house.state("shared").await.unwrap().unwrap().value.contains(SECRETS[6]));
        let large = house.results.get("job-1").await.unwrap().unwrap();
        assert_eq!(large.size as usize, 50_000 * (SECRETS[5].len() + 8));
        assert!(large.bytes().await.unwrap().starts_with(b"{\"a\":\"the-result-in-the-folder\"}"));
        house.store.close().await.unwrap();
    });
}

#[test]
fn a_value_that_was_put_elsewhere_does_not_open() {
    let ring = keyring(&[key("a", 1)]);
    let inner = Arc::new(Embedded::memory());
    let store = SealedStore::new(inner.clone(), ring.clone());
    block_on(async {
        let mine = NewJob::new(Name::new("work").unwrap(), r#"{"n":1}"#);
        let stolen = ring.seal(Part::Payload, mine.id.as_bytes(), &mine.payload).unwrap();
        assert!(stolen.starts_with(SEALED_BYTES));
        let other = NewJob::new(Name::new("work").unwrap(), stolen);
        inner.insert(vec![other.into()], Group::Each, at(0)).await.unwrap();
        let job = store.claim(claim(1), at(0)).await.unwrap().jobs.remove(0);
        assert!(matches!(&job.payload, Payload::Unreadable(why) if why.contains("it was altered")), "{job:?}");
    });
    for (part, of) in [(Part::Payload, "b"), (Part::Result, "a"), (Part::Saved, "a"), (Part::State, "a")] {
        let sealed = ring.seal_text(Part::Payload, b"a", "plain").unwrap();
        assert!(ring.open_text(part, of.as_bytes(), &sealed).is_err(), "{part:?} {of}");
        assert_eq!(ring.open_text(Part::Payload, b"a", &sealed).unwrap().as_deref(), Some("plain"));
    }
    let twice = [(); 2].map(|()| ring.seal(Part::State, b"a", b"plain").unwrap());
    assert_ne!(twice[0], twice[1], "equal values do not look alike");
    let mut flipped = twice[0].clone();
    for index in 0..flipped.len() {
        flipped[index] ^= 1;
        assert_ne!(ring.open(Part::State, b"a", &flipped), Ok(Some(b"plain".to_vec())), "byte {index}");
        flipped[index] ^= 1;
    }
    assert!(ring.open(Part::State, b"a", &twice[0][..twice[0].len() - 1]).is_err());
}

#[test]
fn a_large_result_is_read_piece_by_piece_and_whole() {
    const PIECE: usize = 256 * 1024;
    let folder = tempfile::tempdir().unwrap();
    let plain: Arc<dyn Results> = Arc::new(Folder::open(folder.path().to_owned()).unwrap());
    let sealed = SealedResults::new(plain.clone(), keyring(&[key("a", 1)]));
    block_on(async {
        for size in [0, 1, PIECE - 1, PIECE, PIECE + 1, 3 * PIECE, 3 * PIECE + 17] {
            let bytes: Bytes = (0..size).map(|index| (index % 251) as u8).collect::<Vec<_>>().into();
            sealed.put("r", "x/y", bytes.clone()).await.unwrap();
            let found = sealed.get("r").await.unwrap().unwrap();
            assert_eq!(found.size, size as u64);
            assert_eq!(found.bytes().await.unwrap(), bytes, "{size}");
        }
        let kept = plain.get("r").await.unwrap().unwrap().bytes().await.unwrap();
        let refuses = async |key: &str, bytes: Vec<u8>| {
            plain.put(key, "x/y", bytes.into()).await.unwrap();
            let found = match sealed.get(key).await {
                Ok(found) => found.unwrap(),
                Err(error) => return matches!(error, StoreError::Unreadable(_)),
            };
            matches!(found.bytes().await, Err(StoreError::Unreadable(_)))
        };
        assert!(!refuses("r", kept.to_vec()).await, "the control");
        assert!(refuses("s", kept.to_vec()).await, "under another name");
        let head = kept.len() - (3 * (PIECE + 28) + 17 + 28);
        let (one, two) = (head + PIECE + 28, head + 2 * (PIECE + 28));
        assert!(refuses("r", kept[..one].to_vec()).await, "cut off between two pieces");
        assert!(refuses("r", [&kept[..head], &kept[one..]].concat()).await, "without its beginning");
        assert!(refuses("r", [&kept[..head], &kept[one..two], &kept[head..one], &kept[two..]].concat()).await);
        assert!(refuses("r", kept[..kept.len() - 1].to_vec()).await);
        sealed.delete(&["r".into(), "s".into()]).await.unwrap();
        assert!(sealed.get("r").await.unwrap().is_none());
    });
}

#[test]
fn a_list_opens_what_it_shows() {
    let store = SealedStore::new(Arc::new(Embedded::memory()), keyring(&[key("a", 1)]));
    let house = House {
        store: Arc::new(store),
        schedules: Arc::new(Embedded::memory()),
        results: Arc::new(faena::store::results::Memory::default()),
    };
    block_on(async {
        let urls = ["data:,small".to_owned(), format!("data:,{}", "x".repeat(20_000))];
        for url in &urls {
            house.accept("{}").await;
            house.finish(url).await;
        }
        let page = Page { sort: Sort::CreatedAscending, limit: 10, start: Start::Offset(0) };
        let found = house.store.list(Filter::default(), page, at(0)).await.unwrap().items;
        assert_eq!(result_of(&found[0]), &ResultRef::Url(urls[0].as_str().into()));
        assert!(matches!(result_of(&found[1]), ResultRef::Sealed(_)), "a list names the address of a long one");
        assert_eq!(result_of(house.get(&found[1]).await.as_ref()), &ResultRef::Url(urls[1].as_str().into()));
    });
}
