//! What you implement to have work done.

use std::future::Future;
use std::time::Duration;

use schemars::JsonSchema;
use serde::Deserialize;
use serde::de::DeserializeOwned;
use validator::Validate;

use super::{Completion, Context, Failure};
use crate::job::RetryPolicy;

/// Work that computes. It runs on a thread of the blocking pool and may use rayon's parallel iterators inside.
///
/// A thread cannot be killed (rule 17): look at [`Context::is_cancelled`] now and then, or iterate with
/// [`Context::track`], which does so for you.
///
/// ```
/// use faena::work::{Completion, Context, Failure, Processor};
///
/// #[derive(serde::Deserialize, schemars::JsonSchema, validator::Validate)]
/// struct Words {
///     #[validate(length(min = 1))]
///     text: String,
/// }
///
/// struct CountWords;
///
/// impl Processor for CountWords {
///     type Payload = Words;
///
///     fn run(&self, words: Words, ctx: &Context) -> Result<Completion, Failure> {
///         let mut count = 0;
///         for line in ctx.track(words.text.lines()) {
///             count += line?.split_whitespace().count();
///         }
///         Completion::json(&serde_json::json!({ "words": count }))
///     }
/// }
/// ```
pub trait Processor: Send + Sync + 'static {
    /// What it needs to know. It is decoded and validated before a job is accepted, and again before it runs.
    type Payload: DeserializeOwned + Validate + JsonSchema + Send + 'static;

    /// How it is registered: family, summary, default time-out and retries.
    fn describe(&self) -> Description {
        Description::default()
    }

    /// Does the work.
    ///
    /// # Errors
    /// A [`Failure`]; any error turns into one with `?`.
    fn run(&self, payload: Self::Payload, ctx: &Context) -> Result<Completion, Failure>;
}

/// Work that waits: for the network, for a subprocess. It runs on the async pool and is dropped at its next await
/// when it is cancelled or out of time.
pub trait AsyncProcessor: Send + Sync + 'static {
    /// What it needs to know. It is decoded and validated before a job is accepted, and again before it runs.
    type Payload: DeserializeOwned + Validate + JsonSchema + Send + 'static;

    /// How it is registered: family, summary, default time-out and retries.
    fn describe(&self) -> Description {
        Description::default()
    }

    /// Does the work.
    ///
    /// # Errors
    /// A [`Failure`]; any error turns into one with `?`.
    fn run(&self, payload: Self::Payload, ctx: Context) -> impl Future<Output = Result<Completion, Failure>> + Send;
}

/// How a processor is registered.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Description {
    /// Family of work, `type` on the wire; the subtype itself when left out.
    pub kind: Option<&'static str>,
    /// One sentence for whoever looks at `GET /processors`.
    pub summary: &'static str,
    /// Time that one attempt may take, for jobs that do not say.
    pub timeout: Option<Duration>,
    /// When and how often to try again, for jobs that do not say.
    pub retry: Option<RetryPolicy>,
}

/// A payload that may be any JSON object, for processors that need nothing.
#[derive(Debug, Clone, Copy, Default, Deserialize, JsonSchema, Validate)]
pub struct NoPayload {}
