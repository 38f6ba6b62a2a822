//! From events to letters: who is told of what.

use std::collections::BTreeSet;
use std::sync::Arc;

use serde::Deserialize;

use super::Postman;
use crate::clock::Timestamp;
use crate::event::letters::{Full, Item, Letters, Topic};
use crate::event::{Event, Kind};
use crate::schedule::{Schedule, ScheduleId};
use crate::store::StoreError;

/// What a letter tells of a job that failed.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Failed {
    job_id: Box<str>,
    schedule_id: Option<Box<str>>,
    error: Option<Reason>,
    outcome: Option<Box<str>>,
}

#[derive(Deserialize)]
struct Reason {
    message: Box<str>,
}

/// What a letter tells of an alert.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Alerted {
    id: Box<str>,
    rule: Box<str>,
    subject: Box<str>,
    schedule_id: Option<Box<str>>,
    sub_type: Option<Box<str>>,
    subscription_id: Option<Box<str>>,
    message: Box<str>,
}

impl Postman {
    /// Adds what an event tells to the letters of those who are to hear of it. When there is no room for one of them nothing is
    /// added.
    pub(super) async fn note(
        &self,
        letters: &mut Letters,
        event: &Event,
        now: Timestamp,
    ) -> Result<Result<(), Full>, StoreError> {
        let (addresses, item) = match event.kind.kind() {
            Some(Kind::JobFailed) => self.failure(event).await?,
            Some(Kind::AlertFired | Kind::AlertCleared) => self.alert(event).await?,
            _ => None,
        }
        .unzip();
        let (Some(addresses), Some(item)) = (addresses, item) else { return Ok(Ok(())) };
        let mut more = letters.clone();
        for address in addresses {
            if let Err(full) = more.note(&address, item.clone(), now) {
                return Ok(Err(full));
            }
        }
        *letters = more;
        Ok(Ok(()))
    }

    /// Who hears of the failure of an execution, and what.
    async fn failure(&self, event: &Event) -> Result<Option<(BTreeSet<Box<str>>, Item)>, StoreError> {
        let Some(Failed { job_id, schedule_id: Some(schedule_id), error, outcome }) = read(event) else {
            return Ok(None);
        };
        let Some(schedule) = self.named(&schedule_id).await?.filter(|schedule| schedule.spec.notify_on_failure) else {
            return Ok(None);
        };
        let topic = Topic::Failures { schedule: schedule.id, name: (&*schedule.spec.name).into() };
        let error = error.map(|error| error.message).or(outcome).unwrap_or_default();
        let item = Item::failure(topic, event.occurred_at, &error, &format!("/executions/{job_id}"));
        Ok(Some((addresses(&schedule), item)))
    }

    /// Who hears of an alert, and what.
    async fn alert(&self, event: &Event) -> Result<Option<(BTreeSet<Box<str>>, Item)>, StoreError> {
        let Some(alerted) = read::<Alerted>(event) else { return Ok(None) };
        let Alerted { id, rule, subject, schedule_id, sub_type, subscription_id, message } = alerted;
        let mut to: BTreeSet<Box<str>> = self.parts.alert_emails.iter().map(|to| to.as_str().into()).collect();
        if let Some(schedule) = &schedule_id
            && let Some(schedule) = self.named(schedule).await?.filter(|schedule| schedule.spec.notify_on_failure)
        {
            to.extend(addresses(&schedule));
        }
        if to.is_empty() {
            return Ok(None);
        }
        let whose = schedule_id.or(sub_type).or(subscription_id).unwrap_or_default();
        let topic = Topic::Alert { rule, subject: format!("{subject}:{whose}").into() };
        let (at, path) = (event.occurred_at, format!("/alerts/{id}"));
        let item = match event.kind.kind() {
            Some(Kind::AlertCleared) => Item::cleared(topic, at, &message, &path),
            _ => Item::fired(topic, at, &message, &path),
        };
        Ok(Some((to, item)))
    }

    /// A schedule, unless it was removed meanwhile.
    async fn named(&self, id: &str) -> Result<Option<Arc<Schedule>>, StoreError> {
        match id.parse::<ScheduleId>() {
            Ok(id) => self.parts.schedules.schedule(id.into()).await,
            Err(_) => Ok(None),
        }
    }
}

fn addresses(schedule: &Schedule) -> BTreeSet<Box<str>> {
    schedule.spec.notification_emails.iter().cloned().collect()
}

/// What an event of this program says, as far as it is wanted here.
fn read<T: for<'a> Deserialize<'a>>(event: &Event) -> Option<T> {
    serde_json::from_str(&event.payload).inspect_err(|error| tracing::error!(id = %event.id, %error, "no letter")).ok()
}
