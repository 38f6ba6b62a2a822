//! Subscriptions: a row each, which is replaced by whoever knows its revision.

use std::sync::Arc;

use tokio_postgres::Row;
use tokio_postgres::types::Type;
use uuid::Uuid;

use super::place::Fault;
use super::rows::json;
use super::session::Session;
use super::{Postgres, sendings};
use crate::clock::Timestamp;
use crate::event::{Course, Progress, Sending, Subscription, SubscriptionId};
use crate::limits;
use crate::store::outbox::{Anew, Outbox, Relayed, Resubscribed, SendingFilter, Subscribed};
use crate::store::{Answer, PageOf};

/// Held while a transaction makes a subscription: the bytes of `subs`.
const ALONE: &str = "SELECT pg_advisory_xact_lock(1937072755)";
const COUNT: &str = "SELECT count(*) FROM faena.subscription";
const ADD: &str = "INSERT INTO faena.subscription (id, created_at, revision, subscription) VALUES ($1, $2, $3, $4)";
const ALL: &str = "SELECT subscription FROM faena.subscription ORDER BY created_at, id";
const FIND: &str = "SELECT subscription FROM faena.subscription WHERE id = $1";
const REPLACE: &str =
    "UPDATE faena.subscription SET revision = $2, subscription = $3 WHERE id = $1 AND revision = $4 RETURNING 1";
const REMOVE: &str = "WITH sendings AS (DELETE FROM faena.sending WHERE subscription = $1), \
     course AS (DELETE FROM faena.course WHERE id = $1) DELETE FROM faena.subscription WHERE id = $1 RETURNING 1";

impl Outbox for Postgres {
    fn subscribe(&self, subscription: Subscription, cursor: u64) -> Answer<'_, Subscribed> {
        self.errand(move |session| {
            let subscription = subscription.clone();
            Box::pin(subscribe(session, subscription, cursor))
        })
    }

    fn subscriptions(&self) -> Answer<'_, Vec<Arc<Subscription>>> {
        self.read(|session| Box::pin(all(session)))
    }

    fn subscription(&self, id: SubscriptionId) -> Answer<'_, Option<Arc<Subscription>>> {
        self.read(move |session| Box::pin(find(session, id)))
    }

    fn resubscribe(&self, subscription: Subscription, anew: Anew, now: Timestamp) -> Answer<'_, Resubscribed> {
        self.errand(move |session| {
            let subscription = subscription.clone();
            Box::pin(resubscribe(session, subscription, anew, now))
        })
    }

    fn unsubscribe(&self, id: SubscriptionId) -> Answer<'_, bool> {
        self.errand(move |session| Box::pin(unsubscribe(session, id)))
    }

    fn course(&self, id: SubscriptionId) -> Answer<'_, Option<Course>> {
        self.read(move |session| Box::pin(sendings::course(session, id)))
    }

    fn relay(&self, id: SubscriptionId, progress: Progress) -> Answer<'_, Relayed> {
        self.errand(move |session| {
            let progress = progress.clone();
            Box::pin(sendings::relay(session, id, progress))
        })
    }

    fn pending(&self, id: SubscriptionId) -> Answer<'_, Vec<Sending>> {
        self.read(move |session| Box::pin(sendings::pending(session, id)))
    }

    fn sendings(&self, filter: SendingFilter, limit: usize, offset: usize) -> Answer<'_, PageOf<Arc<Sending>>> {
        self.read(move |session| {
            let filter = filter.clone();
            Box::pin(async move { sendings::page(session, &filter, limit, offset).await })
        })
    }

    fn replay(&self, filter: SendingFilter, limit: usize, now: Timestamp) -> Answer<'_, u64> {
        self.errand(move |session| {
            let filter = filter.clone();
            Box::pin(async move { sendings::replay(session, &filter, limit, now).await })
        })
    }

    fn forget_sendings(&self, before: Timestamp, limit: usize) -> Answer<'_, u64> {
        self.chore(move |session| Box::pin(sendings::forget(session, before, limit)))
    }

    fn sending_counts(&self, id: SubscriptionId) -> Answer<'_, [u64; 3]> {
        self.read(move |session| Box::pin(sendings::counts(session, id)))
    }
}

/// Keeps a new subscription, if there is room.
async fn subscribe(session: &Session, new: Subscription, cursor: u64) -> Result<Subscribed, Fault> {
    session.query(ALONE, &[]).await?;
    if session.one(COUNT, &[]).await?.try_get::<_, i64>(0)? >= limits::SUBSCRIPTIONS_MAX as i64 {
        return Ok(Subscribed::Full);
    }
    let id = uuid(new.id);
    let revision = i64::from(new.revision);
    let params = [
        (&id as _, Type::UUID),
        (&new.created_at.as_millis() as _, Type::INT8),
        (&revision as _, Type::INT8),
        (&json(&new)? as _, Type::TEXT),
    ];
    session.query(ADD, &params).await?;
    sendings::begin(session, new.id, cursor).await?;
    Ok(Subscribed::Added(Arc::new(new)))
}

/// All subscriptions, in the order in which they were made.
async fn all(session: &Session) -> Result<Vec<Arc<Subscription>>, Fault> {
    session.query(ALL, &[]).await?.iter().map(read).collect()
}

/// A subscription, or none.
async fn find(session: &Session, id: SubscriptionId) -> Result<Option<Arc<Subscription>>, Fault> {
    session.query(FIND, &[(&uuid(id) as _, Type::UUID)]).await?.first().map(read).transpose()
}

/// Puts new terms in place of those before, and gives the endpoint a new beginning.
async fn resubscribe(session: &Session, new: Subscription, anew: Anew, now: Timestamp) -> Result<Resubscribed, Fault> {
    let revision = i64::from(new.revision);
    let params = [
        (&uuid(new.id) as _, Type::UUID),
        (&revision as _, Type::INT8),
        (&json(&new)? as _, Type::TEXT),
        (&(revision - 1) as _, Type::INT8),
    ];
    if session.query(REPLACE, &params).await?.is_empty() {
        return Ok(find(session, new.id).await?.map_or(Resubscribed::Absent, Resubscribed::Stale));
    }
    if anew == Anew::Yes {
        sendings::begin_anew(session, new.id, now).await?;
    }
    Ok(Resubscribed::Done(Arc::new(new)))
}

/// Forgets a subscription and all that belongs to it.
async fn unsubscribe(session: &Session, id: SubscriptionId) -> Result<bool, Fault> {
    // A step that is under way comes first, or finds nothing.
    sendings::lock_course(session, id).await?;
    Ok(!session.query(REMOVE, &[(&uuid(id) as _, Type::UUID)]).await?.is_empty())
}

fn read(row: &Row) -> Result<Arc<Subscription>, Fault> {
    serde_json::from_str(row.try_get(0)?).map(Arc::new).map_err(Fault::broken)
}

pub(super) fn uuid(id: SubscriptionId) -> Uuid {
    Uuid::from_bytes(*id.as_bytes())
}
