//! The closed vocabularies of schedules, spelled as on the wire.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::job::words::{id, words};

id! {
    /// The identity of a schedule: a UUIDv7.
    ScheduleId
}

words! {
    /// Whether a schedule fires.
    Standing {
        /// It does.
        Enabled = "enabled",
        /// It does not, until somebody enables it.
        Disabled = "disabled",
        /// It does not, until it is resumed or its pause has ended.
        Paused = "paused",
    }
}

words! {
    /// What becomes of ticks that nobody was there for.
    #[derive(Default)]
    MisfirePolicy {
        /// One job stands for all of them.
        #[default]
        FireOnce = "fire_once",
        /// They are passed over.
        Skip = "skip",
        /// Each of them fires, the most recent ones up to a bound.
        FireAll = "fire_all",
    }
}

words! {
    /// What becomes of a tick while an earlier job of the schedule has not ended.
    #[derive(Default)]
    OverlapPolicy {
        /// The tick is passed over.
        #[default]
        Skip = "skip",
        /// Its job waits until the earlier one has ended.
        Queue = "queue",
        /// The earlier job is asked to stop, and the new one follows it.
        CancelRunning = "cancel_running",
        /// Both run.
        Allow = "allow",
    }
}

words! {
    /// What becomes of a local time that the clock leaps over.
    #[derive(Default)]
    Gap {
        /// It fires at the first instant after the leap.
        #[default]
        Shift = "shift",
        /// It does not fire.
        Skip = "skip",
    }
}

words! {
    /// When a local time fires that the clock shows twice.
    #[derive(Default)]
    Fold {
        /// The first time.
        #[default]
        First = "first",
        /// The second time.
        Second = "second",
        /// Both times.
        Both = "both",
    }
}

words! {
    /// A clock change that a tick has to do with.
    ClockChange {
        /// It stands for a local time that the clock leaps over.
        Gap = "gap",
        /// The clock shows its local time twice.
        Fold = "fold",
    }
}
