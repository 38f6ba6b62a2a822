//! Services are asked how they are. Somebody is told when one falls ill and when it is well again, and not every five
//! minutes in between: what was found the last time is a state that these jobs share.

use std::collections::BTreeMap;
use std::net::SocketAddr;

use faena::work::{AsyncProcessor, Completion, Context, Description, Failure, NoPayload};
use futures_util::future::join_all;
use reqwest::Client;
use serde_json::json;

use crate::Market;
use crate::data::{Base, Notice, stored};
use crate::neighbours::SERVICES;

pub const CHECK: &str = "health_check_monitoring";

/// Asks all services how they are.
pub struct HealthCheckMonitoring {
    pub market: Market,
    pub services: SocketAddr,
    pub client: Client,
}

impl AsyncProcessor for HealthCheckMonitoring {
    type Payload = NoPayload;

    fn describe(&self) -> Description {
        Description { kind: Some("monitoring"), summary: "Asks services how they are.", ..Description::default() }
    }

    async fn run(&self, _: NoPayload, ctx: Context) -> Result<Completion, Failure> {
        let moment = stored(self.market.days.moment_of(&ctx));
        let found: BTreeMap<_, _> = join_all(SERVICES.map(|service| self.look(service))).await.into_iter().collect();
        let state = ctx.shared_state("service-health")?;
        let before: BTreeMap<String, bool> = state.load().await?.unwrap_or_default();

        let mut alerts = Vec::new();
        for (service, healthy) in &found {
            if before.get(*service).copied().unwrap_or(true) != *healthy {
                let now = if *healthy { "healthy again" } else { "unhealthy" };
                alerts.push((format!("health/{service}/{now}/{moment}"), format!("Service {service} is {now}!")));
            }
        }
        let told: Vec<_> = alerts.iter().map(|(_, text)| text.clone()).collect();
        let job = ctx.job_id();
        self.market
            .data
            .write_aside(Base::Vehicles, move |transaction| {
                for (about, body) in alerts {
                    Notice { about, recipient: "operations@okla.example", subject: "Health", body }
                        .send(transaction, job)?;
                }
                Ok(())
            })
            .await?;
        // After the alerts: a try that dies in between tells them again, and the notices know that they are told.
        state.save(&found).await?;
        ctx.complete_json(&json!({ "healthy": found, "alerts": told }))
    }
}

impl HealthCheckMonitoring {
    async fn look(&self, service: &'static str) -> (&'static str, bool) {
        let answer = self.client.get(format!("http://{}/{service}/health", self.services)).send().await;
        (service, answer.is_ok_and(|answer| answer.status().is_success()))
    }
}
