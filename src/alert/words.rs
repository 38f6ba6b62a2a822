//! The closed vocabularies of alerts, spelled as on the wire.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::job::words::{id, words};

id! {
    /// The identity of an alert: a UUIDv7.
    AlertId
}

words! {
    /// What a rule watches.
    Kind {
        /// A schedule has failed so many times without a success in between.
        FailuresInARow = "failures_in_a_row",
        /// A try has been running for so many seconds.
        ExecutionLonger = "execution_longer",
        /// A schedule was not executed within so many seconds of when it ought to have been.
        NoExecution = "no_execution",
        /// More jobs than so many are ready to run.
        QueueDepth = "queue_depth",
        /// A job has been ready to run for so many seconds.
        QueueWait = "queue_wait",
        /// An endpoint that events go to is switched off, after so many tries that failed in a row.
        EndpointOff = "endpoint_off",
    }
}

/// Failures in a row that are reported when nobody says how many.
pub const FAILURES_DEFAULT: u64 = 2;
/// Every endpoint that is switched off is reported when nobody says otherwise: one answer of 410 is enough for that.
pub const ENDPOINT_FAILURES_DEFAULT: u64 = 1;

words! {
    /// Where an alert stands.
    AlertStatus {
        /// Its rule is broken.
        Firing = "firing",
        /// Its rule was broken, and is not any more.
        Cleared = "cleared",
    }
}

impl Kind {
    /// What its bound counts, in the word of the wire.
    pub const fn unit(self) -> &'static str {
        match self {
            Self::FailuresInARow | Self::EndpointOff => "count",
            Self::ExecutionLonger | Self::NoExecution | Self::QueueWait => "seconds",
            Self::QueueDepth => "jobs",
        }
    }

    /// Whether it watches schedules one by one.
    pub const fn is_of_schedules(self) -> bool {
        matches!(self, Self::FailuresInARow | Self::NoExecution)
    }

    /// Whether it watches the queue.
    pub const fn is_of_queues(self) -> bool {
        matches!(self, Self::QueueDepth | Self::QueueWait)
    }

    /// Its bound where nobody says; none when somebody has to.
    pub const fn bound_default(self) -> Option<u64> {
        match self {
            Self::FailuresInARow => Some(FAILURES_DEFAULT),
            Self::EndpointOff => Some(ENDPOINT_FAILURES_DEFAULT),
            Self::ExecutionLonger | Self::NoExecution | Self::QueueDepth | Self::QueueWait => None,
        }
    }

    /// Whether time alone can break it, so that somebody has to look now and then.
    pub const fn needs_looks(self) -> bool {
        !matches!(self, Self::FailuresInARow | Self::EndpointOff)
    }
}
