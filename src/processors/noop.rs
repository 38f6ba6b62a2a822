//! `noop`: completes at once. For trying things out, and for measuring everything but the work.

use crate::work::{AsyncProcessor, Completion, Context, Description, Failure, NoPayload};

/// Does nothing, at the least cost that a processor can have.
#[derive(Debug, Clone, Copy, Default)]
pub struct Noop;

impl AsyncProcessor for Noop {
    type Payload = NoPayload;

    fn describe(&self) -> Description {
        Description { kind: Some("diagnostics"), summary: "Completes at once.", ..Description::default() }
    }

    async fn run(&self, _: NoPayload, _: Context) -> Result<Completion, Failure> {
        Ok(Completion::Done)
    }
}
