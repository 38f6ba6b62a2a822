//! What a form sends: pairs of text, bounded in bytes and in time.

use actix_web::web::Payload;
use url::form_urlencoded;

use super::visit::Visit;
use crate::error::Error;

/// The fields of a form.
pub(super) struct Form {
    pairs: Vec<(String, String)>,
}

/// Bytes of a form that has no payload in it. Some are for whoever has not signed in.
const PLAIN_BYTES_MAX: usize = 64 * 1024;
/// Fields of a form. What is left out takes a few bytes there and many times that here.
const FIELDS_MAX: usize = 1_000;

impl Form {
    /// Reads the body of a form of short fields.
    ///
    /// # Errors
    /// When it is too large, too slow, or has U+0000 in it.
    pub(super) async fn read(visit: &Visit, payload: Payload) -> Result<Self, Error> {
        Self::bounded(visit, payload, PLAIN_BYTES_MAX).await
    }

    /// Reads the body of a form that has the payload of a job in it.
    ///
    /// # Errors
    /// The same.
    pub(super) async fn read_with_payload(visit: &Visit, payload: Payload) -> Result<Self, Error> {
        Self::bounded(visit, payload, visit.desk.settings.body_bytes_max).await
    }

    async fn bounded(visit: &Visit, payload: Payload, bytes_max: usize) -> Result<Self, Error> {
        let body = tokio::time::timeout(visit.desk.settings.body_read_max, payload.to_bytes_limited(bytes_max));
        let too_large = || Error::invalid("the form is too large");
        let body = body.await.map_err(|_| Error::invalid("the form did not arrive in time"))?;
        let body = body.map_err(|_| too_large())?.map_err(|_| Error::invalid("the form did not arrive whole"))?;
        let pairs: Vec<(String, String)> = form_urlencoded::parse(&body).into_owned().take(FIELDS_MAX + 1).collect();
        if pairs.len() > FIELDS_MAX {
            return Err(too_large());
        }
        if pairs.iter().any(|(_, value)| value.contains('\0')) {
            return Err(Error::invalid("a field contains U+0000"));
        }
        Ok(Self { pairs })
    }

    /// What stands in a field; nothing when it is empty.
    pub(super) fn text(&self, name: &str) -> Option<&str> {
        let found = self.pairs.iter().find(|(key, _)| key == name).map(|(_, value)| value.trim());
        found.filter(|value| !value.is_empty())
    }

    /// Everything that stands under a name.
    pub(super) fn all(&self, name: &str) -> impl Iterator<Item = &str> {
        self.pairs.iter().filter(move |(key, _)| key == name).map(|(_, value)| value.as_str())
    }

    /// All fields as a query.
    pub(super) fn query(&self) -> String {
        form_urlencoded::Serializer::new(String::new()).extend_pairs(&self.pairs).finish()
    }
}
