//! Subscriptions as people see them: made, changed, looked at, tried out; and what came of the events that went to them. A caller who
//! is kept to one user's things finds the subscriptions of that user, and no others.

use std::sync::Arc;
use std::time::Duration;

use serde_json::json;

use super::Service;
use crate::egress::Target;
use crate::error::{Error, FieldError};
use crate::event::sending::LastTry;
use crate::event::subscription::SharedSecret;
use crate::event::{
    Aggregate, Course, Event, EventId, EventType, Pattern, Secret, Sending, SendingState, Subscription, SubscriptionId,
    Via,
};
use crate::key::Caller;
use crate::limits;
use crate::publish::Parcel;
use crate::store::PageOf;
use crate::store::outbox::{Anew, Resubscribed, SendingFilter, Subscribed};

/// A subscription to make.
#[derive(Debug, Clone, Default)]
pub struct NewSubscription {
    /// Where events go.
    pub url: String,
    /// Which types.
    pub events: Vec<Pattern>,
    /// Of whose jobs and schedules; of everybody's when there is none.
    pub user_id: Option<Box<str>>,
    /// What they are signed with; made when left out.
    pub secret: Option<Secret>,
    /// What it is for.
    pub description: Option<Box<str>>,
}

/// What to change of a subscription.
#[derive(Debug, Clone, Default)]
pub struct SubscriptionChange {
    /// Where events go.
    pub url: Option<String>,
    /// Which types.
    pub events: Option<Vec<Pattern>>,
    /// What it is for.
    pub description: Option<Box<str>>,
    /// Whether anything is sent. Switching it on gives its endpoint a new beginning.
    pub enabled: Option<bool>,
}

/// A subscription, how far it is, and how many sendings it has of each state.
#[derive(Debug, Clone)]
pub struct Standing {
    /// Its terms.
    pub terms: Arc<Subscription>,
    /// How far it is.
    pub course: Course,
    /// Sendings that are pending, delivered and dead, as far as they are remembered.
    pub counts: [u64; 3],
}

/// What came of an event that was sent to try an endpoint out.
#[derive(Debug, Clone)]
pub struct Tried {
    /// The event.
    pub event: EventId,
    /// Whether it was taken.
    pub taken: bool,
    /// What came of it.
    pub last: LastTry,
}

/// The type of an event that is sent to try an endpoint out.
const TEST: &str = "subscription.test";

impl Service {
    /// Makes a subscription to what happens from now on. Its secret is in the answer.
    ///
    /// # Errors
    /// [`Error::Invalid`] for an address that may not be called or no events, [`Error::Full`].
    pub async fn subscribe(&self, caller: &Caller, new: NewSubscription) -> Result<Standing, Error> {
        let mut faults = self.faults_of_url(&new.url);
        faults.extend(faults_of_events(&new.events));
        faults.extend(faults_of_description(new.description.as_deref()));
        if !faults.is_empty() {
            return Err(Error::fields(faults));
        }
        let user_id = caller.owner(new.user_id.as_deref())?.map(Into::into);
        let secret = match new.secret {
            Some(secret) => secret,
            None => Secret::generate().map_err(Error::internal)?,
        };
        let subscription = Subscription {
            id: SubscriptionId::new(),
            via: Via::Webhook,
            to: new.url.into(),
            events: new.events,
            user_id,
            secrets: vec![SharedSecret { secret, until: None }],
            description: new.description,
            enabled: true,
            created_at: self.now(),
            revision: 1,
        };
        let end = self.store().events().end().await?;
        match self.store().outbox().subscribe(subscription, end).await? {
            Subscribed::Added(terms) => {
                self.hub().subscribed().notify_one();
                Ok(Standing { terms, course: Course { cursor: end, ..Course::default() }, counts: [0; 3] })
            }
            Subscribed::Full => Err(Error::Full { what: "subscriptions", max: limits::SUBSCRIPTIONS_MAX }),
        }
    }

    /// The subscriptions that a caller sees, in the order in which they were made.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn subscriptions(&self, caller: &Caller) -> Result<Vec<Standing>, Error> {
        let all = self.store().outbox().subscriptions().await?;
        let mut seen = Vec::new();
        for terms in all.into_iter().filter(|terms| caller.sees(terms.user_id.as_deref())) {
            // One that was removed meanwhile is not listed.
            seen.extend(self.standing_of(terms).await?);
        }
        Ok(seen)
    }

    /// One of them.
    ///
    /// # Errors
    /// [`Error::NotFound`] when there is none, or it is not theirs.
    pub async fn subscription(&self, caller: &Caller, id: SubscriptionId) -> Result<Standing, Error> {
        let terms = self.own_terms(caller, id).await?;
        self.standing_of(terms).await?.ok_or_else(|| missing(id))
    }

    /// Changes a subscription.
    ///
    /// # Errors
    /// [`Error::Invalid`], [`Error::NotFound`]; [`Error::Conflict`] when somebody else changed it at the same time.
    pub async fn change_subscription(
        &self,
        caller: &Caller,
        id: SubscriptionId,
        change: SubscriptionChange,
    ) -> Result<Standing, Error> {
        let terms = self.own_terms(caller, id).await?;
        let mut faults = change.url.as_deref().map(|url| self.faults_of_url(url)).unwrap_or_default();
        faults.extend(change.events.as_deref().and_then(faults_of_events));
        faults.extend(faults_of_description(change.description.as_deref()));
        if !faults.is_empty() {
            return Err(Error::fields(faults));
        }
        // Another address or a word from somebody: whatever the endpoint did before does not count any more.
        let is_new = change.url.as_deref().is_some_and(|url| *url != *terms.to) || change.enabled == Some(true);
        let after = Subscription {
            to: change.url.map_or_else(|| terms.to.clone(), Into::into),
            events: change.events.unwrap_or_else(|| terms.events.clone()),
            description: change.description.or_else(|| terms.description.clone()),
            enabled: change.enabled.unwrap_or(terms.enabled),
            revision: terms.revision.wrapping_add(1),
            ..Subscription::clone(&terms)
        };
        let terms = self.resubscribe(after, if is_new { Anew::Yes } else { Anew::No }).await?;
        self.standing_of(terms).await?.ok_or_else(|| missing(id))
    }

    /// Gives a subscription a new secret. The one until now is valid for `overlap` besides, so that the receiver can follow.
    ///
    /// # Errors
    /// Those of [`change_subscription`](Self::change_subscription).
    pub async fn rotate_secret(
        &self,
        caller: &Caller,
        id: SubscriptionId,
        secret: Option<Secret>,
        overlap: Duration,
    ) -> Result<Standing, Error> {
        if overlap > limits::SECRET_OVERLAP_MAX {
            let most = limits::SECRET_OVERLAP_MAX.as_secs();
            return Err(Error::field("overlapSeconds", format!("must be at most {most}")));
        }
        let terms = self.own_terms(caller, id).await?;
        let secret = match secret {
            Some(secret) => secret,
            None => Secret::generate().map_err(Error::internal)?,
        };
        let terms = self.resubscribe(terms.rotated(secret, overlap, self.now()), Anew::No).await?;
        self.standing_of(terms).await?.ok_or_else(|| missing(id))
    }

    /// Removes a subscription, with everything that was on its way to it.
    ///
    /// # Errors
    /// [`Error::NotFound`].
    pub async fn unsubscribe(&self, caller: &Caller, id: SubscriptionId) -> Result<(), Error> {
        self.own_terms(caller, id).await?;
        if !self.store().outbox().unsubscribe(id).await? {
            return Err(missing(id));
        }
        self.hub().subscribed().notify_one();
        self.hub().doubted().notify_one();
        Ok(())
    }

    /// Sends an event of its own to an endpoint and says what came of it. It is no part of the log, and is not tried again.
    ///
    /// # Errors
    /// [`Error::NotFound`]; [`Error::Conflict`] where this process cannot send.
    pub async fn try_subscription(&self, caller: &Caller, id: SubscriptionId) -> Result<Tried, Error> {
        let terms = self.own_terms(caller, id).await?;
        let publisher = self.settings().publishers.get(terms.via).cloned();
        let publisher = publisher.ok_or_else(|| {
            Error::Conflict(format!("this server does not send by {}; it was built or started without it", terms.via))
        })?;
        let now = self.now();
        let aggregate = Aggregate { sort: "Subscription".into(), id: id.to_string().into() };
        let kind = EventType::new(TEST).map_err(Error::internal)?;
        let event = Event::own(kind, aggregate, &json!({ "message": "It works." }), now).map_err(Error::internal)?;
        let secrets = terms.valid_secrets(now);
        let attempt = publisher.publish(Parcel { event: &event, to: &terms.to, secrets: &secrets }, now).await;
        let last = LastTry::new(attempt.heard, attempt.took.as_millis() as u64, &attempt.said, self.now());
        Ok(Tried { event: event.id, taken: attempt.heard.is_taken(), last })
    }

    /// A page of what is on its way to a subscription, and of what came of the latest, the latest event first.
    ///
    /// # Errors
    /// [`Error::NotFound`].
    pub async fn sendings(
        &self,
        caller: &Caller,
        filter: SendingFilter,
        limit: usize,
        offset: usize,
    ) -> Result<PageOf<Arc<Sending>>, Error> {
        self.admit(caller, filter.subscription).await?;
        Ok(self.store().outbox().sendings(filter, limit, offset).await?)
    }

    /// Has one sending tried anew, whatever came of it.
    ///
    /// # Errors
    /// [`Error::NotFound`]; [`Error::Conflict`] when it is under way anyway.
    pub async fn replay_one(&self, caller: &Caller, id: SubscriptionId, event: EventId) -> Result<(), Error> {
        let filter = SendingFilter { event: Some(event.clone()), ..SendingFilter::of(id) };
        let found = self.sendings(caller, filter.clone(), 1, 0).await?;
        let Some(found) = found.items.first() else {
            return Err(Error::NotFound { what: "delivery", id: event.to_string() });
        };
        if found.state == SendingState::Pending || self.store().outbox().replay(filter, 1, self.now()).await? == 0 {
            return Err(Error::Conflict(format!("{event} is on its way; look again when it was tried")));
        }
        self.hub().subscribed().notify_one();
        Ok(())
    }

    /// Has everything tried anew that a filter names and that is dead. The answer counts it.
    ///
    /// # Errors
    /// [`Error::NotFound`].
    pub async fn replay_dead(&self, caller: &Caller, filter: SendingFilter) -> Result<u64, Error> {
        self.admit(caller, filter.subscription).await?;
        let dead = SendingFilter { state: Some(SendingState::Dead), ..filter };
        let replayed = self.store().outbox().replay(dead, limits::SENDINGS_DEAD_KEPT, self.now()).await?;
        self.hub().subscribed().notify_one();
        Ok(replayed)
    }

    async fn resubscribe(&self, terms: Subscription, anew: Anew) -> Result<Arc<Subscription>, Error> {
        let id = terms.id;
        match self.store().outbox().resubscribe(terms, anew, self.now()).await? {
            Resubscribed::Done(terms) => {
                self.hub().subscribed().notify_one();
                // It may have been off, and is not any more.
                self.hub().doubted().notify_one();
                Ok(terms)
            }
            Resubscribed::Stale(_) => {
                Err(Error::Conflict("somebody else changed this subscription at the same time; try again".to_owned()))
            }
            Resubscribed::Absent => Err(missing(id)),
        }
    }

    /// The terms of a subscription, if the caller sees it.
    async fn own_terms(&self, caller: &Caller, id: SubscriptionId) -> Result<Arc<Subscription>, Error> {
        let terms = self.store().outbox().subscription(id).await?;
        terms.filter(|terms| caller.sees(terms.user_id.as_deref())).ok_or_else(|| missing(id))
    }

    /// Lets a caller come in who sees this subscription. Those of the program itself are everybody's who sees everything.
    ///
    /// # Errors
    /// [`Error::NotFound`].
    pub async fn admit(&self, caller: &Caller, id: SubscriptionId) -> Result<(), Error> {
        match id.own_name() {
            Some(_) if caller.user().is_none() => Ok(()),
            _ => self.own_terms(caller, id).await.map(drop),
        }
    }

    /// None when it was removed meanwhile.
    async fn standing_of(&self, terms: Arc<Subscription>) -> Result<Option<Standing>, Error> {
        let Some(course) = self.store().outbox().course(terms.id).await? else { return Ok(None) };
        let counts = self.store().outbox().sending_counts(terms.id).await?;
        Ok(Some(Standing { terms, course, counts }))
    }

    fn faults_of_url(&self, url: &str) -> Vec<FieldError> {
        let complaint = complaint_about_url(url, &self.settings().webhook_policy);
        complaint.map(|message| FieldError { field: "url".to_owned(), message }).into_iter().collect()
    }
}

/// What is wrong with an address that events are to go to, as far as that can be told before its name is looked up.
pub(super) fn complaint_about_url(url: &str, policy: &crate::egress::Policy) -> Option<String> {
    if url.len() > limits::SUBSCRIPTION_URL_BYTES_MAX {
        return Some(format!("must have at most {} bytes", limits::SUBSCRIPTION_URL_BYTES_MAX));
    }
    let target = match Target::parse(url) {
        Ok(target) => target,
        Err(refused) => return Some(refused.to_string()),
    };
    policy.permit(&target).err().map(|refused| refused.to_string())
}

fn faults_of_events(events: &[Pattern]) -> Option<FieldError> {
    let most = limits::SUBSCRIPTION_PATTERNS_MAX;
    let fits = (1..=most).contains(&events.len());
    let message = format!("must name 1 to {most} types of events, such as job.failed, job.* or *");
    (!fits).then(|| FieldError { field: "events".to_owned(), message })
}

fn faults_of_description(text: Option<&str>) -> Option<FieldError> {
    let most = limits::MESSAGE_BYTES_MAX;
    let fits = text.is_none_or(|text| text.len() <= most && !text.contains('\0'));
    let message = format!("must have at most {most} bytes, and no U+0000");
    (!fits).then(|| FieldError { field: "description".to_owned(), message })
}

fn missing(id: SubscriptionId) -> Error {
    Error::NotFound { what: "subscription", id: id.to_string() }
}
