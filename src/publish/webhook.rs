//! Webhooks: one signed `POST` of one event. The address is a subscriber's, so it is called through the guard, which looks at
//! it anew each time; a redirect is an answer like any other that is not 2xx.

use std::time::{Duration, Instant};

use futures_util::future::BoxFuture;
use reqwest::header::{CONTENT_TYPE, HeaderValue};
use reqwest::{Method, Response};

use super::{Attempt, Parcel, Publisher};
use crate::clock::Timestamp;
use crate::egress::caller::{body_within, reason, refusal};
use crate::egress::{self, Caller, Target};
use crate::event::{Heard, signing};
use crate::limits;

/// Sends webhooks.
pub struct Webhooks {
    caller: Caller,
    within: Duration,
}

impl Webhooks {
    /// A sender that calls by this caller.
    pub fn by(caller: Caller) -> Self {
        Self { caller, within: limits::WEBHOOK_CALL_MAX }
    }

    /// The same, with another time in which an answer must be there as a whole.
    #[must_use]
    pub fn within(self, within: Duration) -> Self {
        Self { within, ..self }
    }

    /// The answer and its first bytes, or why there is none. Each try of one event has the same id and the same body, and is
    /// signed with each of the secrets at the moment `now`.
    async fn post(&self, parcel: Parcel<'_>, now: Timestamp) -> Result<(Heard, String), String> {
        let Parcel { event, to, secrets } = parcel;
        let target = Target::parse(to).map_err(|refused| refused.to_string())?;
        let body = serde_json::to_vec(event).map_err(|error| format!("the event cannot be written: {error}"))?;
        let request = self.caller.request(Method::POST, &target).map_err(|refused| refused.to_string())?;
        let request = request.timeout(self.within).header(CONTENT_TYPE, HeaderValue::from_static("application/json"));
        let signed = signing::headers(secrets, event.id.as_str(), now, &body);
        let request = signed.iter().fold(request, |request, (name, value)| request.header(*name, value));
        let response = request.body(body).send().await.map_err(unanswered)?;
        Ok(read(response).await)
    }
}

impl Publisher for Webhooks {
    fn publish<'a>(&'a self, parcel: Parcel<'a>, now: Timestamp) -> BoxFuture<'a, Attempt> {
        Box::pin(async move {
            let began = Instant::now();
            let (heard, said) = match self.post(parcel, now).await {
                Ok(answered) => answered,
                Err(why) => (Heard::Nothing, why),
            };
            Attempt::new(heard, began.elapsed(), &said)
        })
    }
}

/// What an answer says. Its status is the answer; that the rest breaks off or is long does not change it.
async fn read(mut response: Response) -> (Heard, String) {
    let status = response.status().as_u16();
    let heard = Heard::Answer { status, retry_after: egress::retry_after(response.headers()) };
    let said = match body_within(&mut response, limits::WEBHOOK_ANSWER_KEPT_MAX).await {
        Ok((body, _)) => String::from_utf8_lossy(&body).into_owned(),
        Err(error) => unanswered(error),
    };
    (heard, said)
}

fn unanswered(error: reqwest::Error) -> String {
    if let Some(refused) = refusal(&error) {
        return refused.to_string();
    }
    let what = match () {
        () if error.is_timeout() => "the endpoint took too long",
        () if error.is_connect() => "the endpoint cannot be reached",
        () => "the endpoint broke off",
    };
    format!("{what}: {}", reason(error))
}
