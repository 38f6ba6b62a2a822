//! `/subscriptions`: made, listed, changed, removed, tried out. A secret is in the answer that makes it, and nowhere else.

use std::time::Duration;

use actix_web::HttpResponse;
use actix_web::http::StatusCode;
use actix_web::http::header;
use actix_web::web::Payload;
use serde::Deserialize;
use utoipa::ToSchema;

use super::call::{Answer, Call};
use super::present::{json, json_into};
use super::request::Faults;
use super::schedule::read;
use super::view::{Created, Listed, SecretView, SubscriptionView, TriedView};
use super::{body, complaints, query};
use crate::error::Error;
use crate::event::{Pattern, Secret, SubscriptionId};
use crate::limits;
use crate::service::subscriptions::{NewSubscription, SubscriptionChange};

/// A subscription to make.
#[derive(Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[schema(as = NewSubscription)]
pub(crate) struct SubscriptionRequest {
    /// Where events go, by a signed `POST`.
    #[schema(max_length = 2048)]
    url: String,
    /// Which types: `job.failed`, `job.*` or `*`.
    #[schema(min_items = 1, max_items = 32)]
    events: Vec<String>,
    /// What they are signed with: `whsec_` and base64 of 24 to 64 bytes; made when left out.
    secret: Option<String>,
    /// Only what concerns the jobs and schedules of this user.
    #[schema(min_length = 1, max_length = 200)]
    user_id: Option<String>,
    /// What it is for.
    #[schema(max_length = 500)]
    description: Option<String>,
}

/// A change of a subscription. What is left out stays.
#[derive(Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[schema(as = SubscriptionChange)]
pub(crate) struct SubscriptionChangeRequest {
    /// Where events go. Another address begins anew.
    #[schema(max_length = 2048)]
    url: Option<String>,
    /// Which types.
    #[schema(min_items = 1, max_items = 32)]
    events: Option<Vec<String>>,
    /// What it is for.
    #[schema(max_length = 500)]
    description: Option<String>,
    /// Whether anything is sent. `true` switches an endpoint on again that was switched off, and has everything tried at once.
    enabled: Option<bool>,
}

/// A new secret.
#[derive(Deserialize, Default, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
#[schema(as = SecretRotation)]
pub(crate) struct RotationRequest {
    /// The new one; made when left out.
    secret: Option<String>,
    /// How long the one until now is valid besides; a day when left out.
    #[schema(minimum = 0, maximum = 2592000)]
    overlap_seconds: Option<u64>,
}

/// `POST /subscriptions`
pub(crate) async fn create(call: Call, payload: Payload) -> Answer {
    query::none(&call)?;
    let text = body::json(&call, payload).await?;
    let request: SubscriptionRequest =
        serde_json::from_slice(&text).map_err(|error| complaints::about(&complaints::SUBSCRIPTION, &text, &error))?;
    let made = call.service().subscribe(call.caller(), request.into_subscription()?).await?;
    let location = format!("{}/subscriptions/{}", call.base(), made.terms.id);
    let mut answer = HttpResponse::build(StatusCode::CREATED);
    answer.insert_header((header::CACHE_CONTROL, "no-store")).insert_header((header::LOCATION, location));
    let view = SecretView::of(&made, call.service().now());
    json_into(answer, &Created::new(view, "Subscription made. Its secret is shown this once."))
}

/// `GET /subscriptions`
pub(crate) async fn list(call: Call, _: Payload) -> Answer {
    query::none(&call)?;
    let (all, now) = (call.service().subscriptions(call.caller()).await?, call.service().now());
    let views = all.iter().map(|standing| SubscriptionView::of(standing, now)).collect();
    json(StatusCode::OK, &Listed::whole(views, "subscription"))
}

/// `GET /subscriptions/{id}`
pub(crate) async fn get(call: Call, _: Payload) -> Answer {
    query::none(&call)?;
    let found = call.service().subscription(call.caller(), subscription_id(&call)?).await?;
    json(StatusCode::OK, &SubscriptionView::of(&found, call.service().now()))
}

/// `PATCH /subscriptions/{id}`
pub(crate) async fn change(call: Call, payload: Payload) -> Answer {
    query::none(&call)?;
    let id = admitted(&call).await?;
    let text = body::json(&call, payload).await?;
    let request: SubscriptionChangeRequest = serde_json::from_slice(&text)
        .map_err(|error| complaints::about(&complaints::SUBSCRIPTION_CHANGE, &text, &error))?;
    let changed = call.service().change_subscription(call.caller(), id, request.into_change()?).await?;
    let view = SubscriptionView::of(&changed, call.service().now());
    json(StatusCode::OK, &Created::new(view, "Subscription changed."))
}

/// `DELETE /subscriptions/{id}`
pub(crate) async fn remove(call: Call, _: Payload) -> Answer {
    query::none(&call)?;
    body::none(&call)?;
    call.service().unsubscribe(call.caller(), subscription_id(&call)?).await?;
    Ok(HttpResponse::NoContent().finish())
}

/// `POST /subscriptions/{id}/secret`
pub(crate) async fn rotate(call: Call, payload: Payload) -> Answer {
    query::none(&call)?;
    let id = admitted(&call).await?;
    let request: RotationRequest = read(&complaints::ROTATION, &body::json_if_any(&call, payload).await?)?;
    let secret = request.secret.map(|text| read_secret(&text)).transpose()?;
    let overlap = request.overlap_seconds.map_or(limits::SECRET_OVERLAP_DEFAULT, Duration::from_secs);
    let rotated = call.service().rotate_secret(call.caller(), id, secret, overlap).await?;
    let mut answer = HttpResponse::build(StatusCode::OK);
    answer.insert_header((header::CACHE_CONTROL, "no-store"));
    let view = SecretView::of(&rotated, call.service().now());
    json_into(answer, &Created::new(view, "Secret replaced. The new one is shown this once."))
}

/// `POST /subscriptions/{id}/test`
pub(crate) async fn try_out(call: Call, _: Payload) -> Answer {
    query::none(&call)?;
    body::none(&call)?;
    let tried = call.service().try_subscription(call.caller(), subscription_id(&call)?).await?;
    let said = if tried.taken { "The endpoint took the event." } else { "The endpoint did not take the event." };
    json(StatusCode::OK, &Created::new(TriedView::of(&tried), said))
}

/// The subscription that the path names: by its id, or one of the program's own by its name. What is neither names none.
pub(crate) fn subscription_id(call: &Call) -> Result<SubscriptionId, Error> {
    let text = call.part("id");
    let missing = || Error::NotFound { what: "subscription", id: text.chars().take(100).collect() };
    SubscriptionId::read(text).ok_or_else(missing)
}

/// The same, of a caller who sees it: that is decided before anything of a body is read.
pub(crate) async fn admitted(call: &Call) -> Result<SubscriptionId, Error> {
    let id = subscription_id(call)?;
    call.service().admit(call.caller(), id).await?;
    Ok(id)
}

fn read_secret(text: &str) -> Result<Secret, Error> {
    text.parse().map_err(|message: String| Error::field("secret", message))
}

fn patterns(faults: &mut Faults, events: &[String]) -> Vec<Pattern> {
    let read = |(index, text): (usize, &String)| faults.take(&format!("events[{index}]"), text.parse());
    events.iter().enumerate().filter_map(read).collect()
}

impl SubscriptionRequest {
    fn into_subscription(self) -> Result<NewSubscription, Error> {
        let mut faults = Faults::default();
        let events = patterns(&mut faults, &self.events);
        let secret = self.secret.and_then(|text| faults.take("secret", text.parse()));
        if !faults.is_empty() {
            return Err(faults.into());
        }
        let (user_id, description) = (self.user_id.map(Into::into), self.description.map(Into::into));
        Ok(NewSubscription { url: self.url, events, user_id, secret, description })
    }
}

impl SubscriptionChangeRequest {
    fn into_change(self) -> Result<SubscriptionChange, Error> {
        let mut faults = Faults::default();
        let events = self.events.map(|events| patterns(&mut faults, &events));
        if !faults.is_empty() {
            return Err(faults.into());
        }
        let description = self.description.map(Into::into);
        Ok(SubscriptionChange { url: self.url, events, description, enabled: self.enabled })
    }
}
