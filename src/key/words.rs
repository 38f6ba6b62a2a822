//! The closed vocabularies of keys, spelled as on the wire.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::job::words::{id, words};

id! {
    /// The identity of a key: a UUIDv7. It is no secret.
    KeyId
}

words! {
    /// What a key opens.
    Scope {
        /// Looking at jobs, their logs, results and events.
        JobsRead = "jobs:read",
        /// Making, cancelling, retrying and discarding jobs.
        JobsWrite = "jobs:write",
        /// Schedules and their executions, looking and changing.
        Schedules = "schedules",
        /// Working: leases, reports, and the locks and states that jobs share.
        Workers = "workers",
        /// The events of all jobs, alerts, metrics, nodes.
        Events = "events",
        /// Everything, and keys themselves.
        Admin = "admin",
    }
}

impl Scope {
    /// Whether it can be kept to the jobs of one user: workers do everybody's jobs, and who makes keys could make one for
    /// anybody.
    pub const fn can_be_bound(self) -> bool {
        !matches!(self, Self::Workers | Self::Admin)
    }
}
