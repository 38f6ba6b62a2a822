//! Several nodes on one database: one of them at a time serves a subscription, and whichever goes, another one goes on.

use std::collections::HashMap;

use faena::event::SubscriptionId;
use faena::key::Caller;
use faena::store::Slug;
use faena::store::outbox::SendingFilter;

use crate::chance::{Chance, seed};
use crate::cluster::Database;
use crate::house::{Endpoint, Engine, Ground, House};
use crate::judge::Complaint;
use crate::scene::Scene;

const LIFE: [&str; 3] = ["job.queued", "job.started", "job.completed"];

/// The events of each job that an endpoint got, in the order in which they came.
fn lives(endpoint: &Endpoint) -> HashMap<String, Vec<String>> {
    let mut lives: HashMap<String, Vec<String>> = HashMap::new();
    for got in endpoint.got() {
        lives.entry(got.event.aggregate.id.to_string()).or_default().push(got.event.kind.to_string());
    }
    lives
}

#[tokio::test(flavor = "multi_thread")]
async fn what_happens_on_two_nodes_is_told_once_and_in_order() {
    const JOBS: usize = 100;
    let Some(ground) = Ground::of(Engine::Postgres) else { return };
    let endpoint = Endpoint::start();
    let nodes = [(); 2].map(|()| House::start(ground.settings(&[&endpoint])));
    let [one, two] = nodes;
    let (one, two) = (one.await, two.await);
    let made = one.subscribe(endpoint.url("/take"), &["job.*"]).await;
    let mut jobs = Vec::new();
    for _ in 0..JOBS / 2 {
        jobs.push(one.job(|_| {}).await.id.to_string());
        jobs.push(two.job(|_| {}).await.id.to_string());
    }
    let all = JOBS as u64 * 3;
    // Either of them tells how it stands.
    let standing = two.standing(&made, |standing| standing.course.delivered == all).await;
    assert_eq!((standing.course.failed, standing.counts[0], standing.counts[2]), (0, 0, 0));
    let lives = lives(&endpoint);
    assert_eq!(lives.len(), JOBS);
    for job in &jobs {
        assert_eq!(lives[job], LIFE, "{job}");
    }
    let filter = SendingFilter::of(made.terms.id);
    let page = one.faena.service().sendings(&Caller::Anybody, filter, 10, 0).await.unwrap();
    assert!(page.items.iter().all(|sending| sending.attempts == 1), "{page:?}");
    one.stop().await;
    two.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn who_stops_leaves_a_subscription_to_the_others_at_once() {
    let Some(ground) = Ground::of(Engine::Postgres) else { return };
    let endpoint = Endpoint::start();
    let mut house = House::start(ground.settings(&[&endpoint])).await;
    let made = house.subscribe(endpoint.url("/take"), &["job.*"]).await;
    house.job(|_| {}).await;
    house.standing(&made, |standing| standing.course.delivered == 3).await;
    let turn = Slug::new(format!("faena.relay.{}", made.terms.id)).unwrap();
    for round in 2..5 {
        let next = House::start(ground.settings(&[&endpoint])).await;
        let service = next.faena.service();
        let holder =
            service.store().locks().holder(&turn, service.now()).await.unwrap().expect("somebody has the turn");
        assert_eq!(holder.owner, house.faena.service().node().node, "it has the turn");
        house.stop().await;
        // Its term would have lasted for longer.
        let until = holder.until;
        next.job(|_| {}).await;
        next.standing(&made, |standing| standing.course.delivered == 3 * round).await;
        assert!(service.now() < until, "it was not left to it");
        house = next;
    }
    assert_eq!(endpoint.got().len(), 12, "and nothing twice");
    house.stop().await;
}

#[test]
fn rule_14_whichever_node_is_killed_another_one_sends_on() {
    const ROUNDS: usize = 2;
    let Some(database) = Database::fresh() else { return };
    let seed = seed();
    let mut chance = Chance::new(seed);
    let mut scene = Scene::on(Some(format!("{}?lease_ms=4000", database.url)));
    let mut nodes = [scene.serve(), scene.serve()];
    for round in 0..ROUNDS {
        // One after the other: at the latest the second one had the turn.
        let (dies, lives) = (round % 2, 1 - round % 2);
        let jobs = chance.between(5, 60);
        for index in 0..jobs {
            let asked = &nodes[index as usize % 2];
            scene.acknowledged.insert(asked.job().expect("it is acknowledged"));
        }
        nodes[dies].child.kill().unwrap();
        let job = nodes[lives].job().expect("the other one goes on");
        scene.witness.wait_for_end(&job);
        scene.acknowledged.insert(job);
        nodes[dies] = scene.serve();
    }
    let complaints = scene.verdict_by(&nodes[0]);
    assert!(complaints.is_empty(), "seed {seed}: {} jobs: {complaints:#?}", scene.acknowledged.len());

    // The control: what is said to be sent behind their backs is missed.
    let [one, other] = nodes;
    drop(other);
    for _ in 0..50 {
        scene.acknowledged.insert(one.job().expect("it is acknowledged"));
    }
    drop(one);
    database.tell(&format!(
        "UPDATE faena.course SET course = jsonb_set(course::jsonb, '{{cursor}}', to_jsonb(1::bigint << 60))::text \
         WHERE id = '{}'; DELETE FROM faena.lock",
        SubscriptionId::OUTBOX
    ));
    let complaints = scene.verdict();
    let is_lost = |complaint: &Complaint| matches!(complaint, Complaint::Lost(_));
    assert!(complaints.iter().any(is_lost), "seed {seed}: {complaints:#?}");
}
