//! `sleep`: waits in steps and reports each of them; on request it misbehaves in every way that a processor can,
//! so that one can see what becomes of the job.

use std::time::Duration;

use schemars::JsonSchema;
use serde::Deserialize;
use validator::{Validate, ValidationError};

use crate::work::{Completion, Context, Description, Failure, Processor};

/// Waits, and misbehaves on request.
#[derive(Debug, Clone, Copy, Default)]
pub struct Sleep {
    /// Whether a payload may take the whole process down.
    pub unsafe_diagnostics: bool,
}

/// How long to wait, and how to misbehave.
///
/// A fault (an error, or `panic`, or `abort`) happens at the step `failAtStep`, which is the last one when left
/// out, in the first `failTimes` tries, which are all of them when left out. Without any of the four there is none.
#[derive(Debug, Clone, Deserialize, JsonSchema, Validate)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[validate(schema(function = step_exists))]
pub struct Payload {
    /// How long to wait in all, in milliseconds.
    #[validate(range(max = 86_400_000))]
    duration_ms: u64,
    /// In how many steps; each is reported.
    #[serde(default = "ten")]
    #[validate(range(min = 1, max = 10_000))]
    steps: u32,
    /// Fail in so many tries, then succeed.
    #[validate(range(min = 1, max = 1_000))]
    fail_times: Option<u32>,
    /// Fail at this step, from 1.
    #[validate(range(min = 1))]
    fail_at_step: Option<u32>,
    /// Panic instead of failing.
    #[serde(default)]
    panic: bool,
    /// Do not listen when asked to stop.
    #[serde(default)]
    ignore_cancel: bool,
    /// Take the whole process down instead of failing. The server must have been started with `--unsafe-diagnostics`.
    #[serde(default)]
    abort: bool,
}

const fn ten() -> u32 {
    10
}

fn step_exists(payload: &Payload) -> Result<(), ValidationError> {
    match payload.fail_at_step {
        Some(step) if step > payload.steps => {
            let complaint = format!("failAtStep is {step}, but there are only {} steps", payload.steps);
            Err(ValidationError::new("fail_at_step").with_message(complaint.into()))
        }
        _ => Ok(()),
    }
}

impl Processor for Sleep {
    type Payload = Payload;

    fn describe(&self) -> Description {
        Description {
            kind: Some("diagnostics"),
            summary: "Waits in steps, reports each, and misbehaves on request.",
            ..Description::default()
        }
    }

    fn run(&self, payload: Payload, ctx: &Context) -> Result<Completion, Failure> {
        if payload.abort && !self.unsafe_diagnostics {
            let message = "abort takes the server down; start it with --unsafe-diagnostics to allow that";
            return Err(Failure::permanent(message).kind("not_allowed"));
        }
        let steps = payload.steps;
        let share = Duration::from_millis(payload.duration_ms) / steps;
        let fault_at = payload.has_fault(ctx.attempt()).then(|| payload.fail_at_step.unwrap_or(steps));
        for step in 1..=steps {
            match payload.ignore_cancel {
                true => std::thread::sleep(share),
                false => ctx.sleep(share)?,
            }
            if fault_at == Some(step) {
                return Err(payload.misbehave(step, ctx.attempt()));
            }
            ctx.progress(100.0 * f64::from(step) / f64::from(steps), format!("step {step} of {steps}"));
        }
        ctx.complete_json(&serde_json::json!({
            "durationMs": payload.duration_ms,
            "steps": steps,
            "attempt": ctx.attempt(),
        }))
    }
}

impl Payload {
    /// Whether the try of this number goes wrong.
    fn has_fault(&self, attempt: u32) -> bool {
        let asked = self.fail_times.is_some() || self.fail_at_step.is_some() || self.panic || self.abort;
        asked && self.fail_times.is_none_or(|times| attempt <= times)
    }

    fn misbehave(&self, step: u32, attempt: u32) -> Failure {
        if self.abort {
            std::process::abort();
        }
        if self.panic {
            std::panic::panic_any(format!("panicked at step {step} on request"));
        }
        Failure::new(format!("failed at step {step} of try {attempt} on request")).kind("asked_to_fail")
    }
}
