//! The encrypting store as one more engine to try each clause on: over the one on disk, with one key.

use std::sync::Arc;

use faena::alert::{Alert, AlertId, Rule, Step};
use faena::clock::Timestamp;
use faena::job::Name;
use faena::key::{ApiKey, Digest, KeyId};
use faena::schedule::{NewSchedule, Schedule, ScheduleId, Transition};
use faena::store::alerts::{AlertFilter, AlertPage, Ask, KeptRule, RuleKept, RuleRemoved, Suspects};
use faena::store::embedded::Embedded;
use faena::store::keys::{KeyAdded, KeyRevoked};
use faena::store::schedules::{Added, Due, Removed, ScheduleFigures, ScheduleFilter, SchedulePage, Stepped, Which};
use faena::store::sealed::{EncryptionKey, Keyring, SealedSchedules, SealedStore};
use faena::store::{
    Acquired, Alerts, Answer, Deleted, Expected, Kept, Keys, Lock, Locks, PageOf, Proof, Put, Released, Schedules,
    Slug, State, States, Store, Take,
};

use crate::bed::Whole;
use crate::veil::{Veil, Veiled};

const KEY: &str = "2026:MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTIzNDU2Nzg5MDE=";

/// The decorators of one store.
struct Encrypting {
    store: SealedStore,
    schedules: SealedSchedules,
}

/// A store that encrypts what another one keeps.
pub fn encrypting(engine: Embedded) -> Arc<dyn Whole> {
    let key: EncryptionKey = KEY.parse().unwrap();
    let (engine, keyring) = (Arc::new(engine), Arc::new(Keyring::new(&[key]).unwrap().unwrap()));
    Arc::new(Veiled(Encrypting {
        store: SealedStore::new(engine.clone(), keyring.clone()),
        schedules: SealedSchedules::new(engine, keyring),
    }))
}

impl Veil for Encrypting {
    fn real(&self) -> &dyn Store {
        &self.store
    }
}

/// Methods that hand on to a side of the store.
macro_rules! handed {
    ($side:ident of $trait:ident { $($name:ident($($arg:ident: $type:ty),*) -> $answer:ty;)* }) => {
        impl $trait for Veiled<Encrypting> {
            $(fn $name(&self, $($arg: $type),*) -> Answer<'_, $answer> {
                self.0.$side().$name($($arg),*)
            })*
        }
    };
}

impl Encrypting {
    fn schedules(&self) -> &dyn Schedules {
        &self.schedules
    }

    fn locks(&self) -> &dyn Locks {
        self.store.locks()
    }

    fn states(&self) -> &dyn States {
        self.store.states()
    }

    fn alerts(&self) -> &dyn Alerts {
        self.store.alerts()
    }

    fn keys(&self) -> &dyn Keys {
        self.store.keys()
    }
}

handed!(schedules of Schedules {
    add_schedule(schedule: NewSchedule, now: Timestamp) -> Added;
    step_schedules(steps: Vec<Transition>, now: Timestamp) -> Vec<Stepped>;
    schedule(which: Which) -> Option<Arc<Schedule>>;
    schedules(filter: ScheduleFilter, page: SchedulePage, now: Timestamp) -> PageOf<Arc<Schedule>>;
    schedule_figures(limit: usize, now: Timestamp) -> ScheduleFigures;
    remove_schedule(id: ScheduleId, revision: Option<u32>, by: Option<Arc<str>>) -> Removed;
    due_schedules(now: Timestamp, limit: usize) -> Vec<Due>;
    next_due_schedule() -> Option<Timestamp>;
    schedules_ahead(now: Timestamp, after: Option<ScheduleId>, limit: usize) -> Vec<Arc<Schedule>>;
});

handed!(locks of Locks {
    acquire(take: Take, now: Timestamp) -> Acquired;
    release(name: Slug, by: Proof, now: Timestamp) -> Released;
    holder(name: &Slug, now: Timestamp) -> Option<Arc<Lock>>;
    prune_locks(now: Timestamp, limit: usize) -> u64;
});

handed!(states of States {
    put_state(put: Put, now: Timestamp) -> Kept;
    state(name: &Slug, now: Timestamp) -> Option<Arc<State>>;
    delete_state(name: Slug, expected: Expected, now: Timestamp) -> Deleted;
    prune_states(now: Timestamp, limit: usize) -> u64;
});

handed!(alerts of Alerts {
    put_rule(rule: Rule, expected: Expected) -> RuleKept;
    rules() -> Vec<Arc<KeptRule>>;
    remove_rule(name: Name, expected: Expected) -> RuleRemoved;
    suspects(ask: Ask, now: Timestamp) -> Suspects;
    step_alerts(steps: Vec<Step>, now: Timestamp) -> Vec<faena::store::alerts::Stepped>;
    alert(id: AlertId) -> Option<Arc<Alert>>;
    list_alerts(filter: AlertFilter, page: AlertPage) -> PageOf<Arc<Alert>>;
    prune_alerts(cleared_before: Timestamp, keep: usize, limit: usize) -> u64;
});

handed!(keys of Keys {
    add_key(key: ApiKey) -> KeyAdded;
    all_keys() -> Vec<Arc<ApiKey>>;
    find_key(digest: Digest) -> Option<Arc<ApiKey>>;
    key(id: KeyId) -> Option<Arc<ApiKey>>;
    has_keys() -> bool;
    revoke_key(id: KeyId, by: Option<Arc<str>>, now: Timestamp) -> KeyRevoked;
    note_key_use(id: KeyId, at: Timestamp) -> ();
});
