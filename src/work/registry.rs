//! Which processor does which subtype. Registered once, read by everybody: the service checks payloads against it,
//! the pools run from it, `GET /processors` shows it.

use std::collections::{BTreeMap, BTreeSet};
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use parking_lot::RwLock;
use serde::de::DeserializeOwned;
use serde_path_to_error::Segment;
use validator::{Validate, ValidationErrors, ValidationErrorsKind};

use super::context::cut;
use super::{AsyncProcessor, Completion, Context, Description, Failure, Processor};
use crate::error::{Error, FieldError};
use crate::job::{JobError, Name, NewJob, RetryPolicy};
use crate::limits;

/// The processors of a program.
#[derive(Clone, Default)]
pub struct Registry {
    entries: Arc<BTreeMap<Name, Arc<Registered>>>,
    /// Subtypes that workers of other processes do. They come while the program runs, and all clones know of them.
    elsewhere: Arc<RwLock<BTreeSet<Name>>>,
}

/// One registered processor.
pub struct Registered {
    /// Its key.
    pub sub_type: Name,
    /// Family of work.
    pub kind: Name,
    /// One sentence.
    pub summary: &'static str,
    /// Time that one attempt may take, for jobs that do not say.
    pub timeout: Option<Duration>,
    /// When and how often to try again, for jobs that do not say.
    pub retry: RetryPolicy,
    /// JSON Schema of its payload.
    pub schema: serde_json::Value,
    check: fn(&[u8]) -> Result<(), Error>,
    pub(crate) body: Body,
}

type Answered<'a> = Pin<Box<dyn Future<Output = Result<Completion, Failure>> + Send + 'a>>;

type Computes = dyn Fn(&[u8], &Context) -> Result<Completion, Failure> + Send + Sync;

/// How a processor is called, its payload type erased.
pub(crate) enum Body {
    Blocking(Box<Computes>),
    Async(Box<dyn Fn(Bytes, Context) -> Answered<'static> + Send + Sync>),
}

impl Registry {
    /// A registry without processors.
    pub fn new() -> Self {
        Self::default()
    }

    /// Registers work that computes.
    ///
    /// # Panics
    /// When `sub_type` or the processor's family is not a [`Name`]: the program is wrong, and says so at its start.
    #[must_use]
    pub fn blocking<P: Processor>(self, sub_type: &str, processor: P) -> Self {
        let description = processor.describe();
        let body = Body::Blocking(Box::new(move |text, ctx| processor.run(decode(text)?, ctx)));
        self.with::<P::Payload>(sub_type, description, body)
    }

    /// Registers work that waits.
    ///
    /// # Panics
    /// When `sub_type` or the processor's family is not a [`Name`]: the program is wrong, and says so at its start.
    #[must_use]
    pub fn asynchronous<P: AsyncProcessor>(self, sub_type: &str, processor: P) -> Self {
        let description = processor.describe();
        let processor = Arc::new(processor);
        let body = Body::Async(Box::new(move |text, ctx| {
            let processor = processor.clone();
            Box::pin(async move { processor.run(decode(&text)?, ctx).await })
        }));
        self.with::<P::Payload>(sub_type, description, body)
    }

    fn with<T>(mut self, sub_type: &str, description: Description, body: Body) -> Self
    where
        T: DeserializeOwned + Validate + schemars::JsonSchema,
    {
        let name = |text: &str| Name::new(text).unwrap_or_else(|error| panic!("cannot register a processor: {error}"));
        let sub_type = name(sub_type);
        let entry = Registered {
            kind: description.kind.map_or_else(|| sub_type.clone(), name),
            sub_type: sub_type.clone(),
            summary: description.summary,
            timeout: description.timeout,
            retry: description.retry.unwrap_or_default(),
            schema: schemars::schema_for!(T).to_value(),
            check: check::<T>,
            body,
        };
        Arc::make_mut(&mut self.entries).insert(sub_type, Arc::new(entry));
        self
    }

    /// The processor of a subtype.
    pub fn get(&self, sub_type: &str) -> Option<&Arc<Registered>> {
        self.entries.get(sub_type)
    }

    /// All processors, by subtype.
    pub fn iter(&self) -> impl Iterator<Item = &Arc<Registered>> {
        self.entries.values()
    }

    /// Notes subtypes that workers of other processes do.
    pub fn learn(&self, sub_types: impl IntoIterator<Item = Name>) {
        self.elsewhere.write().extend(sub_types);
    }

    /// Subtypes that workers of other processes do and no processor here does, in order.
    pub fn elsewhere(&self) -> Vec<Name> {
        let elsewhere = self.elsewhere.read();
        elsewhere.iter().filter(|name| !self.entries.contains_key(*name)).cloned().collect()
    }

    /// Whether jobs of a subtype can be done, here or elsewhere.
    pub fn knows(&self, sub_type: &str) -> bool {
        self.entries.contains_key(sub_type) || self.elsewhere.read().contains(sub_type)
    }

    /// Fills in what a job left to its processor, after checking its payload.
    ///
    /// # Errors
    /// [`Error::UnknownProcessor`], or [`Error::Invalid`] with the payload's faults.
    pub fn complete(&self, mut job: NewJob) -> Result<NewJob, Error> {
        let Some(entry) = self.get(job.sub_type.as_str()) else {
            return self.complete_elsewhere(job);
        };
        (entry.check)(&job.payload).map_err(|error| on_the_wire(error, &entry.schema))?;
        job.sub_type = entry.sub_type.clone();
        job.kind.get_or_insert_with(|| entry.kind.clone());
        job.retry.get_or_insert(entry.retry);
        job.timeout = job.timeout.or(entry.timeout);
        Ok(job)
    }

    /// A job of a subtype that is done elsewhere: what its payload must be, only its worker knows.
    fn complete_elsewhere(&self, mut job: NewJob) -> Result<NewJob, Error> {
        let elsewhere = self.elsewhere.read();
        let Some(name) = elsewhere.get(&job.sub_type) else {
            let known: BTreeSet<_> = self.entries.keys().chain(elsewhere.iter()).map(Name::as_str).collect();
            let known = known.into_iter().collect::<Vec<_>>().join(", ");
            return Err(Error::UnknownProcessor { sub_type: job.sub_type.to_string(), known });
        };
        is_object(&job.payload)?;
        serde_json::from_slice::<serde::de::IgnoredAny>(&job.payload)
            .map_err(|error| Error::field("payload", error.to_string()))?;
        job.sub_type = name.clone();
        job.kind.get_or_insert_with(|| name.clone());
        job.retry.get_or_insert_default();
        Ok(job)
    }
}

impl Registered {
    /// Whether it runs on a thread of its own rather than on the async pool.
    pub fn is_blocking(&self) -> bool {
        matches!(self.body, Body::Blocking(_))
    }
}

/// Decodes a payload for a run. One that is refused now was accepted under other rules: no retry mends it.
fn decode<T: DeserializeOwned + Validate>(text: &[u8]) -> Result<T, Failure> {
    parse(text).map_err(|error| Failure {
        error: JobError::new("invalid_payload", error.to_string()),
        ..Failure::permanent("")
    })
}

fn check<T: DeserializeOwned + Validate>(text: &[u8]) -> Result<(), Error> {
    parse::<T>(text).map(drop)
}

fn parse<T: DeserializeOwned + Validate>(text: &[u8]) -> Result<T, Error> {
    is_object(text)?;
    // Keeping account of the place costs as much again, and only what is refused needs it.
    let payload: T = serde_json::from_slice(text).or_else(|_| parse_to_complain(text))?;
    payload.validate().map_err(|errors| {
        let mut details = Vec::new();
        collect(&errors, "payload", &mut details);
        details.sort_by(|a, b| a.field.cmp(&b.field));
        Error::fields(details)
    })?;
    Ok(payload)
}

fn parse_to_complain<T: DeserializeOwned>(text: &[u8]) -> Result<T, Error> {
    let mut reader = serde_json::Deserializer::from_slice(text);
    let payload = serde_path_to_error::deserialize(&mut reader)
        .map_err(|error| Error::field(place(error.path()), error.inner().to_string()))?;
    reader.end().map_err(|error| Error::field("payload", error.to_string()))?;
    Ok(payload)
}

/// Where decoding came to a halt: `payload.rows[3].amount`.
fn place(path: &serde_path_to_error::Path) -> String {
    let mut place = "payload".to_owned();
    for step in path {
        match step {
            Segment::Seq { index } => place.push_str(&format!("[{index}]")),
            Segment::Map { key } => place.push_str(&format!(".{key}")),
            // The name of a variant is none of a field, and what has no name says nothing.
            Segment::Enum { .. } | Segment::Unknown => {}
        }
    }
    // A key may be as long as its sender likes.
    cut(&place, limits::KEY_BYTES_MAX).to_owned()
}

fn is_object(text: &[u8]) -> Result<(), Error> {
    match text.trim_ascii_start().first() {
        Some(b'{') => Ok(()),
        _ => Err(Error::field("payload", "must be a JSON object")),
    }
}

/// Flattens the tree of a validator's complaints into paths such as `payload.users[3].email`.
fn collect(errors: &ValidationErrors, path: &str, details: &mut Vec<FieldError>) {
    for (field, kind) in errors.errors() {
        let path = if *field == "__all__" { path.to_owned() } else { format!("{path}.{field}") };
        match kind {
            ValidationErrorsKind::Struct(inner) => collect(inner, &path, details),
            ValidationErrorsKind::List(items) => {
                items.iter().for_each(|(index, inner)| collect(inner, &format!("{path}[{index}]"), details));
            }
            ValidationErrorsKind::Field(complaints) => {
                details.extend(complaints.iter().map(|complaint| FieldError {
                    field: path.clone(),
                    message: complaint.message.as_deref().map_or_else(|| explain(complaint), str::to_owned),
                }));
            }
        }
    }
}

/// Names fields as the payload's schema does: the validator only knows the names that they have in Rust.
fn on_the_wire(error: Error, schema: &serde_json::Value) -> Error {
    let Error::Invalid { details, .. } = error else { return error };
    let mut known = BTreeSet::new();
    properties(schema, &mut known);
    let renamed = details.into_iter().map(|FieldError { field, message }| {
        let path = field.split('.').map(|part| {
            let (name, index) = part.split_at(part.find('[').unwrap_or(part.len()));
            let camel = camel_case(name);
            let name = if known.contains(name) || !known.contains(camel.as_str()) { name.to_owned() } else { camel };
            name + index
        });
        FieldError { field: path.collect::<Vec<_>>().join("."), message }
    });
    Error::fields(renamed.collect())
}

/// The names of all properties that a schema speaks of, at any depth.
fn properties<'a>(schema: &'a serde_json::Value, known: &mut BTreeSet<&'a str>) {
    for (word, inner) in schema.as_object().into_iter().flatten() {
        if word == "properties" {
            known.extend(inner.as_object().into_iter().flatten().map(|(name, _)| name.as_str()));
        }
        properties(inner, known);
    }
    schema.as_array().into_iter().flatten().for_each(|inner| properties(inner, known));
}

/// `retry_policy` as `retryPolicy`.
fn camel_case(name: &str) -> String {
    let mut words = name.split('_');
    let first = words.next().unwrap_or_default().to_owned();
    words.fold(first, |mut camel, word| {
        let mut letters = word.chars();
        camel.extend(letters.next().into_iter().flat_map(char::to_uppercase));
        camel.push_str(letters.as_str());
        camel
    })
}

/// A sentence for a complaint that came without one: `must be at least 1`, `has the wrong length (min 1)`.
fn explain(complaint: &validator::ValidationError) -> String {
    let mut bounds: Vec<_> = complaint
        .params
        .iter()
        .filter(|(name, _)| matches!(&***name, "min" | "max" | "equal" | "exclusive_min" | "exclusive_max" | "other"))
        .map(|(name, value)| format!("{name} {value}"))
        .collect();
    bounds.sort();
    match bounds.as_slice() {
        [] => format!("is not valid ({})", complaint.code),
        _ => format!("is not valid ({}: {})", complaint.code, bounds.join(", ")),
    }
}
