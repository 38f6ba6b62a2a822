//! `/state/{name}`: keep, read and forget a JSON value that jobs share, under the conditions of `If-Match`.

use std::borrow::Cow;

use actix_web::HttpResponse;
use actix_web::http::StatusCode;
use actix_web::http::header::{self, HeaderName};
use actix_web::web::Payload;
use serde::Deserialize;
use serde_json::value::RawValue;
use utoipa::ToSchema;

use super::call::{Answer, Call};
use super::locks::seconds;
use super::present::json_into;
use super::view::{Created, KeptView, StateView};
use super::{body, complaints, query};
use crate::error::Error;
use crate::store::{Expected, State};

/// A value to keep.
#[derive(Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[schema(as = StateRequest)]
pub(crate) struct StateRequest<'a> {
    /// Any JSON value, of at most 1 MiB.
    #[serde(borrow)]
    #[schema(value_type = Value)]
    value: &'a RawValue,
    /// How long it is kept; a day when left out, 366 days at most.
    #[schema(exclusive_minimum = 0, maximum = 31622400)]
    ttl_seconds: Option<f64>,
}

/// `PUT /state/{name}`
pub(crate) async fn put(call: Call, payload: Payload) -> Answer {
    query::none(&call)?;
    let expected = expected(&call)?;
    let text = body::json(&call, payload).await?;
    let request: StateRequest<'_> =
        serde_json::from_slice(&text).map_err(|error| complaints::about(&complaints::STATE, &text, &error))?;
    let ttl = request.ttl_seconds.map(|ttl| seconds("ttlSeconds", ttl)).transpose()?;
    let (state, is_new) = call.service().put_state(call.part("name"), request.value.get(), ttl, expected).await?;
    let mut answer = HttpResponse::build(if is_new { StatusCode::CREATED } else { StatusCode::OK });
    answer.insert_header((header::ETAG, etag(&state)));
    json_into(answer, &Created::new(KeptView::of(&state), &format!("State {} kept.", state.name)))
}

/// `GET /state/{name}`
pub(crate) async fn get(call: Call, _: Payload) -> Answer {
    query::none(&call)?;
    let state = call.service().state(call.part("name")).await?;
    let etag = etag(&state);
    let known = call.header(&header::IF_NONE_MATCH);
    let unchanged = known.is_some_and(|known| known.trim() == "*" || tags(known).any(|tag| tag == etag));
    let mut answer = HttpResponse::build(if unchanged { StatusCode::NOT_MODIFIED } else { StatusCode::OK });
    answer.insert_header((header::ETAG, etag));
    if unchanged {
        return Ok(answer.finish());
    }
    json_into(answer, &StateView::of(&state)?)
}

/// `DELETE /state/{name}`
pub(crate) async fn delete(call: Call, _: Payload) -> Answer {
    query::none(&call)?;
    body::none(&call)?;
    call.service().delete_state(call.part("name"), expected(&call)?).await?;
    Ok(HttpResponse::NoContent().finish())
}

/// The revision as a tag. It is a strong one: the same revision is the same value.
fn etag(state: &State) -> String {
    format!("\"{}\"", state.revision)
}

/// The tags of a list, those that are marked weak without the mark: a revision is never weak.
fn tags(list: &str) -> impl Iterator<Item = Cow<'_, str>> {
    list.split(',').map(|tag| tag.trim().trim_start_matches("W/").into())
}

/// What the conditions of a request want to be there (RFC 9110, 13.1). A revision that cannot be is one that is not there.
pub(crate) fn expected(call: &Call) -> Result<Expected, Error> {
    let single = |name: &HeaderName, wish: &str| Error::field(name.as_str(), wish);
    let (holds, absent) = (call.header(&header::IF_MATCH), call.header(&header::IF_NONE_MATCH));
    match (holds.map(str::trim), absent.map(str::trim)) {
        (None, None) => Ok(Expected::Anything),
        (None, Some("*")) => Ok(Expected::Nothing),
        (Some("*"), None) => Ok(Expected::Something),
        (Some(tag), None) if !tag.contains(',') => {
            let revision = tag.strip_prefix('"').and_then(|tag| tag.strip_suffix('"')).and_then(|tag| tag.parse().ok());
            Ok(Expected::Revision(revision.unwrap_or(0)))
        }
        (Some(_), None) => Err(single(&header::IF_MATCH, "must be one ETag, or *")),
        (None, Some(_)) => Err(single(&header::IF_NONE_MATCH, "must be *: a value is made only where none is")),
        (Some(_), Some(_)) => Err(single(&header::IF_MATCH, "give If-Match or If-None-Match, not both")),
    }
}
