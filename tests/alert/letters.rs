//! Letters of failures and alerts, from the event log to an SMTP server of the test's own: once, whoever dies in between.

use std::time::Duration;

use faena::alert::Kind;
use faena::clock::{Clock, Timestamp};
use faena::event::Endpoint;
use faena::event::delivery::{Off, PAUSES};
use faena::event::letters::GATHERED;
use faena::publish::Smtp;
use faena::schedule::{NewSchedule, Spec, Timetable, Zone};
use faena::upkeep::Postman;
use faena::upkeep::mail::{NAME, Parts, Posted};

use crate::house::{House, name, rule};
use crate::post_office::{PostOffice, Taken};

fn postman(house: &House, office: &PostOffice) -> Postman {
    Postman::new(Parts {
        store: house.store.clone(),
        schedules: house.schedules.clone(),
        clock: house.clock.clone(),
        smtp: Smtp::by(&office.url(), "faena <faena@jobs.example.com>").unwrap(),
        base: "https://jobs.example.com".to_owned(),
        alert_emails: vec!["ops@example.com".to_owned()],
        node: "n".into(),
    })
}

/// A schedule that tells these of its failures.
async fn schedule(house: &House, called: &str, to: &[&str]) {
    let timetable = Timetable::new("@yearly".parse().unwrap(), Zone::utc());
    let spec = Spec {
        notify_on_failure: !to.is_empty(),
        notification_emails: to.iter().map(|to| (*to).into()).collect(),
        ..Spec::new(called, name("task"), timetable)
    };
    house.schedules.add_schedule(NewSchedule::new(spec), house.clock.now()).await.unwrap();
}

/// A house whose rule of new stores is out of the way, and a postman who has looked once.
async fn begun(house: &House, office: &PostOffice) -> Postman {
    house.remove_rule("failures-in-a-row").await;
    let mut postman = postman(house, office);
    assert_eq!(postman.look().await.unwrap(), Posted::default());
    postman
}

/// Those that it has taken after the first `count`, by address: letters of one look are sent at once.
fn taken(office: &PostOffice, count: usize) -> Vec<Taken> {
    let mut taken = office.taken().split_off(count);
    taken.sort_by(|one, other| one.to.cmp(&other.to));
    taken
}

fn to(letters: &[Taken]) -> Vec<&str> {
    letters.iter().map(|letter| letter.to.as_str()).collect()
}

pub async fn a_storm_of_failures_is_one_letter_to_each_address_with_the_last_good_run(house: House) {
    let office = PostOffice::open().await;
    schedule(&house, "nightly", &["dev@example.com", "pm@example.com"]).await;
    schedule(&house, "silent", &[]).await;
    let mut postman = begun(&house, &office).await;
    house.pass(3_600);
    house.run("nightly", true).await;
    house.pass(3_600);
    for _ in 0..40 {
        house.run("nightly", false).await;
        house.run("silent", false).await;
    }
    let posted = postman.look().await.unwrap();
    assert_eq!(posted, Posted { next: Some(house.clock.now().plus(GATHERED[0])), ..Posted::default() });
    house.pass(5);
    assert_eq!(postman.look().await.unwrap(), Posted { sent: 2, ..Posted::default() });
    let taken = taken(&office, 0);
    assert_eq!(to(&taken), ["dev@example.com", "pm@example.com"]);
    for letter in &taken {
        assert_eq!(letter.header("Subject"), Some("[faena] nightly failed 40 times"));
        let text = letter.text();
        for part in [
            "  no luck\n",
            "Its last good run ended at 1970-01-01T01:00:00.000Z.",
            "https://jobs.example.com/executions/",
        ] {
            assert!(text.contains(part), "{part} is not in {text}");
        }
    }
    house.pass(100_000);
    assert_eq!(postman.look().await.unwrap(), Posted::default(), "nothing is told twice");
}

#[tokio::test]
async fn an_alert_is_told_once_when_it_fires_and_once_when_it_clears() {
    let (house, office) = (House::new(), PostOffice::open().await);
    schedule(&house, "nightly", &["dev@example.com"]).await;
    let mut postman = begun(&house, &office).await;
    house.rule(rule("twice", Kind::FailuresInARow, 1)).await;
    house.run("nightly", false).await;
    assert_eq!(house.look().await, (1, 0));
    postman.look().await.unwrap();
    house.pass(5);
    assert_eq!(postman.look().await.unwrap().sent, 2);
    let first = taken(&office, 0);
    assert_eq!(to(&first), ["dev@example.com", "ops@example.com"]);
    assert_eq!(first[0].header("Subject"), Some("[faena] 1 failure of 1 schedule, 1 alert fired"));
    assert_eq!(first[1].header("Subject"), Some("[faena] alert twice fired"));
    assert!(first[1].text().contains("the last 1 executions of schedule `nightly` have failed"), "{first:?}");

    house.run("nightly", true).await;
    assert_eq!(house.look().await, (0, 1));
    postman.look().await.unwrap();
    house.pass(30);
    assert_eq!(postman.look().await.unwrap().sent, 2);
    let then = taken(&office, 2);
    assert_eq!(to(&then), ["dev@example.com", "ops@example.com"]);
    for letter in &then {
        assert_eq!(letter.header("Subject"), Some("[faena] alert twice cleared"));
    }
}

#[tokio::test]
async fn who_hears_of_every_alert_hears_of_endpoints_without_setting_up_a_rule() {
    let (house, office) = (House::new(), PostOffice::open().await);
    let mut postman = begun(&house, &office).await;
    let (one, other) = (house.subscribe("https://a.example").await, house.subscribe("https://b.example").await);
    let gone = Endpoint { failures_in_a_row: 1, failing_since: Some(house.clock.now()), off: Some(Off::Gone) };
    house.endpoint(one.id, gone).await;
    assert_eq!(house.look().await, (1, 0));
    postman.look().await.unwrap();
    house.endpoint(other.id, gone).await;
    assert_eq!(house.look().await, (1, 0));
    postman.look().await.unwrap();
    house.pass(5);
    assert_eq!(postman.look().await.unwrap().sent, 1);
    let taken = taken(&office, 0);
    assert_eq!(to(&taken), ["ops@example.com"]);
    assert_eq!(taken[0].header("Subject"), Some("[faena] 2 alerts fired"), "one letter, and both are named in it");
    for id in [one.id, other.id] {
        let said = format!("the endpoint of subscription {id} (");
        assert!(taken[0].text().contains(&said), "{said} is not in {}", taken[0].text());
    }
}

#[tokio::test]
async fn whoever_dies_between_reading_and_sending_leaves_the_letter_to_the_next() {
    let folder = tempfile::tempdir().unwrap();
    let office = PostOffice::open().await;
    let clock = Clock::manual(Timestamp::from_millis(0));
    let house = House::in_folder(folder.path(), clock.clone());
    schedule(&house, "nightly", &["dev@example.com"]).await;
    let mut postman = begun(&house, &office).await;
    house.run("nightly", false).await;
    postman.look().await.unwrap();
    // Read, and not sent; and another failure that nobody has read.
    house.run("nightly", false).await;
    drop(postman);
    house.store.close().await.unwrap();
    drop(house);

    let house = House::in_folder(folder.path(), clock);
    house.pass(5);
    let mut postman = self::postman(&house, &office);
    assert_eq!(postman.look().await.unwrap().sent, 1);
    assert_eq!(office.taken()[0].header("Subject"), Some("[faena] nightly failed 2 times"));
    drop(postman);
    house.pass(3_600);
    assert_eq!(self::postman(&house, &office).look().await.unwrap(), Posted::default());
}

#[tokio::test]
async fn what_is_not_taken_is_tried_again_and_what_never_will_be_is_given_up() {
    let (house, office) = (House::new(), PostOffice::open().await);
    schedule(&house, "nightly", &["dev@example.com"]).await;
    let mut postman = begun(&house, &office).await;
    house.run("nightly", false).await;
    postman.look().await.unwrap();
    house.pass(5);
    for pause in &PAUSES[..3] {
        office.refuse(["451 later"]);
        let posted = postman.look().await.unwrap();
        assert_eq!(posted, Posted { failed: 1, next: Some(house.clock.now().plus(*pause)), ..Posted::default() });
        house.clock.advance(*pause);
    }
    assert_eq!(postman.look().await.unwrap().sent, 1);
    let id = |letter: &Taken| letter.header("Message-ID").unwrap().to_owned();
    assert_eq!(office.taken().len(), 1);

    house.pass(7_200);
    house.run("nightly", false).await;
    postman.look().await.unwrap();
    house.pass(5);
    office.refuse(["550 nobody of that name"]);
    assert_eq!(postman.look().await.unwrap(), Posted { failed: 1, given_up: 1, ..Posted::default() });
    house.run("nightly", false).await;
    postman.look().await.unwrap();
    house.pass(5);
    assert_eq!(postman.look().await.unwrap().sent, 1);
    let taken = office.taken();
    assert_ne!(id(&taken[0]), id(&taken[1]));
}

pub async fn of_two_who_send_one_is_told_that_the_other_was_first(house: House) {
    let (office, next_door) = (PostOffice::open().await, house.neighbour());
    schedule(&house, "nightly", &["dev@example.com"]).await;
    let mut one = begun(&house, &office).await;
    let mut other = postman(&next_door, &office);
    other.look().await.unwrap();
    for _ in 0..10 {
        house.run("nightly", false).await;
        next_door.run("nightly", false).await;
    }
    one.look().await.unwrap();
    assert!(other.look().await.is_err(), "it has seen the same failures, and the first has written them down");
    house.pass(5);
    assert_eq!(one.look().await.unwrap().sent, 1);
    assert_eq!(other.look().await.unwrap(), Posted::default());
    let taken = office.taken();
    assert_eq!((taken.len(), taken[0].header("Subject")), (1, Some("[faena] nightly failed 20 times")));

    // And the other way round.
    house.run("nightly", false).await;
    other.look().await.unwrap();
    assert!(one.look().await.is_err());
    house.pass(30);
    assert_eq!((other.look().await.unwrap().sent, one.look().await.unwrap().sent), (1, 0));
    assert_eq!(office.taken().len(), 2);
}

/// What happens while nobody looks, for instance because the only process that may send was away, is told afterwards.
#[tokio::test]
async fn the_log_is_read_on_where_it_was_left() {
    let (house, office) = (House::new(), PostOffice::open().await);
    schedule(&house, "nightly", &["dev@example.com"]).await;
    drop(begun(&house, &office).await);
    house.run("nightly", false).await;
    house.pass(86_400);
    house.run("nightly", false).await;
    let mut postman = postman(&house, &office);
    postman.look().await.unwrap();
    house.pass(5);
    postman.look().await.unwrap();
    assert_eq!(office.taken()[0].header("Subject"), Some("[faena] nightly failed 2 times"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_whole_program_sends_letters_by_itself_and_keeps_its_state_to_itself() {
    use faena::app::settings::{Settings, StoreChoice};
    use faena::app::{Faena, Mail};
    use faena::error::Error;
    use faena::work::{Context, Failure, NoPayload, Processor, Registry};

    struct Fails;
    impl Processor for Fails {
        type Payload = NoPayload;
        fn run(&self, _: NoPayload, _: &Context) -> Result<faena::work::Completion, Failure> {
            Err(Failure::permanent("no luck"))
        }
    }

    let office = PostOffice::open().await;
    let mail = Mail { smtp: Some(office.url().as_str().into()), ..Mail::default() };
    let (store, grace) = (StoreChoice::Memory, Duration::ZERO);
    let settings = Settings { store, mail, threads: 1, grace, ..Settings::default() };
    let faena = Faena::start(settings, Registry::new().blocking("task", Fails)).await.unwrap();
    let service = faena.service();
    let timetable = Timetable::new("@yearly".parse().unwrap(), Zone::utc());
    let spec = Spec {
        notify_on_failure: true,
        notification_emails: vec!["dev@example.com".into()],
        ..Spec::new("nightly", name("task"), timetable)
    };
    service.create_schedule(NewSchedule::new(spec)).await.unwrap();
    // It tells of what happens once it has begun.
    let state = || service.store().states().state(&NAME.parse().unwrap(), service.now());
    let begun = async {
        while state().await.unwrap().is_none() {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(Duration::from_secs(30), begun).await.unwrap();
    service.run_schedule("nightly", None).await.unwrap();
    let letter = office.after(1).await.remove(0);
    assert_eq!((letter.to.as_str(), letter.header("Subject")), ("dev@example.com", Some("[faena] nightly failed")));
    assert!(letter.text().contains("http://127.0.0.1:7700/executions/"), "{}", letter.text());

    let refused = [
        service.state(NAME).await.err(),
        service.put_state(NAME, "{}", None, faena::store::Expected::Anything).await.err(),
    ];
    assert!(refused.iter().all(|error| matches!(error, Some(Error::Invalid { .. }))), "{refused:?}");
    faena.stop().await.unwrap();
}
