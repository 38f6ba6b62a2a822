//! The name of a lease. A worker takes it as it is; to us it says which claim of which job it was, and the store knows who
//! holds that.

use std::fmt;
use std::str::FromStr;

use crate::job::{Job, JobId};

/// The name of a lease.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LeaseToken {
    /// Of which job.
    pub job: JobId,
    /// The claim's fencing token.
    pub epoch: u32,
}

impl LeaseToken {
    /// The lease of the claim that a job was handed out with.
    pub fn of(job: &Job) -> Self {
        Self { job: job.id, epoch: job.life.epoch }
    }
}

impl fmt::Display for LeaseToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}-{}", self.job, self.epoch)
    }
}

impl FromStr for LeaseToken {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        const STRANGE: &str = "is no lease token";
        let (job, epoch) = text.rsplit_once('-').ok_or(STRANGE)?;
        Ok(Self { job: job.parse().map_err(|_| STRANGE)?, epoch: epoch.parse().map_err(|_| STRANGE)? })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_read_back_as_it_was_written() {
        let token = LeaseToken { job: JobId::new(), epoch: 7 };
        assert_eq!(token.to_string().parse(), Ok(token));
        for strange in ["", "-", "7", "0190-7", &token.job.to_string(), &format!("{}-x", token.job)] {
            assert!(strange.parse::<LeaseToken>().is_err(), "{strange}");
        }
    }
}
