//! `faena.check`: reads the whole store and says whether it is sound. A store that is not is a failed job, whose log names
//! each fault.

use std::sync::Arc;

use serde_json::json;

use super::{Parts, described, failed, mebibytes};
use crate::store::safekeeping::Hear;
use crate::work::{AsyncProcessor, Completion, Context, Description, Failure};

/// Checks the store.
pub struct Check(pub(super) Parts);

/// Nothing is to be said about it.
#[derive(Debug, Clone, Copy, Default, serde::Deserialize, schemars::JsonSchema, validator::Validate)]
#[serde(deny_unknown_fields)]
pub struct Payload {}

impl AsyncProcessor for Check {
    type Payload = Payload;

    fn describe(&self) -> Description {
        described("Reads the whole store and says whether it is sound.", 24)
    }

    async fn run(&self, _: Payload, ctx: Context) -> Result<Completion, Failure> {
        let Some(keeper) = self.0.store.safekeeping() else {
            return Err(Failure::permanent("this store has nothing to check").kind("unsupported"));
        };
        let began = self.0.clock.now();
        let told = ctx.clone();
        let hear: Hear = Arc::new(move |step| {
            // SQLite's check does not say how far it is.
            told.progress(0, format!("checking {} pages", step.of));
            !told.is_cancelled()
        });
        let Some(checked) = keeper.check(hear).await.map_err(failed)? else { return Err(Failure::stopped()) };
        checked.faults.iter().for_each(|fault| ctx.log(fault));
        if let [first, ..] = checked.faults.as_slice() {
            let count = checked.faults.len();
            let message = format!(
                "the store is not sound ({count} faults, all in the log of this job): {first}; \
                 stop the server, keep a copy of its folder, and restore a backup"
            );
            return Err(Failure::permanent(message).kind("unsound"));
        }
        let took_ms = self.0.clock.now().millis_since(began);
        ctx.log(format!("{} pages ({}) are sound; it took {took_ms} ms", checked.pages, mebibytes(checked.bytes)));
        ctx.complete_json(&json!({ "pages": checked.pages, "bytes": checked.bytes, "tookMs": took_ms }))
    }
}
