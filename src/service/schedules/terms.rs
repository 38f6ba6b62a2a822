//! The bounds that the terms of a schedule keep to: those of schedules, those of the jobs that it will make, and those
//! of the processor for its payload. All complaints come at once.

use std::sync::Arc;
use std::time::Duration;

use crate::clock::Timestamp;
use crate::error::{Error, FieldError};
use crate::job::NewJob;
use crate::schedule::Spec;
use crate::service::{Service, check};

impl Service {
    /// Checks the terms of a schedule.
    pub(super) fn check_schedule(
        &self,
        spec: &Spec,
        created_by: Option<&Arc<str>>,
        now: Timestamp,
    ) -> Result<(), Error> {
        let mut faults: Vec<_> = spec.complaints().into_iter().map(|one| fault(one.field, one.message)).collect();
        if spec.description.as_deref().is_some_and(|text| text.contains('\0')) {
            faults.push(fault("description", "must not contain U+0000".to_owned()));
        }
        let job = sample(spec, created_by);
        let mut broken = |error| match error {
            Error::Invalid { details, .. } if !details.is_empty() => {
                faults.extend(details.into_iter().map(as_of_a_schedule));
                Ok(())
            }
            other => Err(other),
        };
        check::terms(&job, now).or_else(&mut broken)?;
        let unknown = match self.registry().complete(job) {
            Ok(_) => None,
            Err(error) => broken(error).err(),
        };
        // One complaint for one field: the first one says what comes first.
        let mut seen = Vec::new();
        faults.retain(|fault| {
            let is_new = !seen.contains(&fault.field);
            seen.push(fault.field.clone());
            is_new
        });
        match (faults.is_empty(), unknown) {
            (false, _) => Err(Error::fields(faults)),
            (true, Some(unknown)) => Err(unknown),
            (true, None) => Ok(()),
        }
    }
}

/// A job as the schedule will make them.
fn sample(spec: &Spec, created_by: Option<&Arc<str>>) -> NewJob {
    let mut job = NewJob::new(spec.sub_type.clone(), spec.payload.as_bytes().to_vec()).priority(spec.priority);
    job.kind = spec.kind.clone();
    job.user_id = created_by.cloned();
    job.timeout = spec.timeout_ms.map(Duration::from_millis);
    job.retry = spec.retry;
    job
}

/// Whose job it is says who made the schedule.
fn as_of_a_schedule(fault: FieldError) -> FieldError {
    if fault.field == "userId" { FieldError { field: "createdBy".to_owned(), ..fault } } else { fault }
}

fn fault(field: &str, message: String) -> FieldError {
    FieldError { field: field.to_owned(), message }
}
