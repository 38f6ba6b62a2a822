//! Closed vocabularies and small types.

use serde::{Serialize, Serializer};
use utoipa::ToSchema;
use utoipa::openapi::schema::{ObjectBuilder, OneOfBuilder, Type};
use utoipa::openapi::{RefOr, Schema};

/// Something that is shown as the text it displays, without an allocation of its own.
pub(crate) struct Shown<T>(pub(crate) T);

impl<T: std::fmt::Display> Serialize for Shown<T> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(&self.0)
    }
}

/// Declares the schema of a vocabulary of the domain. It is listed from the domain's own words.
macro_rules! vocabulary {
    ($(#[$meta:meta])* $view:ident, $name:literal, $words:ty) => {
        $(#[$meta])*
        pub(crate) struct $view;

        impl utoipa::PartialSchema for $view {
            fn schema() -> RefOr<Schema> {
                let words = <$words>::ALL.iter().map(|word| word.as_str());
                ObjectBuilder::new().schema_type(Type::String).enum_values(Some(words)).into()
            }
        }

        impl ToSchema for $view {
            fn name() -> std::borrow::Cow<'static, str> {
                $name.into()
            }
        }
    };
}

vocabulary! {
    /// Where a job stands.
    StatusWord, "Status", crate::job::Status
}
vocabulary! {
    /// How urgent a job is.
    PriorityWord, "Priority", crate::job::Priority
}
vocabulary! {
    /// How events are sent.
    ViaWord, "Via", crate::event::Via
}
vocabulary! {
    /// What a key opens.
    ScopeWord, "Scope", crate::key::Scope
}
vocabulary! {
    /// How one attempt ended.
    OutcomeWord, "Outcome", crate::job::Outcome
}
vocabulary! {
    /// A clock change that a time has to do with.
    ClockChangeWord, "ClockChange", crate::schedule::ClockChange
}
vocabulary! {
    /// Whether a schedule fires.
    StandingWord, "ScheduleStatus", crate::schedule::Standing
}
vocabulary! {
    /// What becomes of ticks that nobody was there for: one job stands for all of them, they are passed over, or each of them
    /// fires up to a bound.
    MisfireWord, "MisfirePolicy", crate::schedule::MisfirePolicy
}
vocabulary! {
    /// What becomes of a tick while an earlier job has not ended: it is passed over, it waits, the earlier one is asked to
    /// stop, or both run.
    OverlapWord, "OverlapPolicy", crate::schedule::OverlapPolicy
}
vocabulary! {
    /// What becomes of a local time that the clock leaps over: it fires after the leap, or not at all.
    GapWord, "GapPolicy", crate::schedule::Gap
}
vocabulary! {
    /// When a local time fires that the clock shows twice.
    FoldWord, "FoldPolicy", crate::schedule::Fold
}

vocabulary! {
    /// What an alert rule watches.
    AlertKindWord, "AlertKind", crate::alert::Kind
}
vocabulary! {
    /// Where an alert stands.
    AlertStatusWord, "AlertStatus", crate::alert::AlertStatus
}

/// `"active"` or a number of seconds.
pub(crate) fn unique_for() -> Schema {
    let word = ObjectBuilder::new().schema_type(Type::String).enum_values(Some(["active"]));
    let seconds = ObjectBuilder::new().schema_type(Type::Number).exclusive_minimum(Some(0));
    let nothing = ObjectBuilder::new().schema_type(Type::Null);
    let what = "How long uniqueKey is taken: \"active\" (the default, until the job has ended) or a number of seconds.";
    OneOfBuilder::new().item(word).item(seconds).item(nothing).description(Some(what)).into()
}
