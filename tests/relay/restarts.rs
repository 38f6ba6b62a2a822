//! What was not sent when a faena ended is sent by the one that comes after it.

use crate::house::{Endpoint, Engine, Ground, House};

async fn what_happened_while_nobody_sent_is_told_after_a_restart(ground: Ground) {
    let endpoint = Endpoint::start();
    let house = House::start(ground.settings(&[&endpoint])).await;
    let made = house.subscribe(endpoint.url("/status/503"), &["*"]).await;
    house.job(|_| {}).await;
    house.standing(&made, |standing| standing.counts[0] == 3).await;
    house.stop().await;
    endpoint.be_kind();
    let house = House::start(ground.settings(&[&endpoint])).await;
    house.job(|_| {}).await;
    let served = house.faena.service().process_outbox().await.unwrap();
    assert_eq!(served.failed, 0);
    house.standing(&made, |standing| standing.course.delivered == 6 && standing.counts[0] == 0).await;
    house.stop().await;
}

#[tokio::test]
async fn on_disk() {
    what_happened_while_nobody_sent_is_told_after_a_restart(Ground::of(Engine::Sqlite).unwrap()).await;
}

#[cfg(all(unix, feature = "postgres"))]
#[tokio::test]
async fn in_a_database() {
    let Some(ground) = Ground::of(Engine::Postgres) else { return };
    what_happened_while_nobody_sent_is_told_after_a_restart(ground).await;
}
