//! How a command ends: the exit codes of the contract, and complaints that say what to do.

use std::io::{self, Write as _};
use std::process::ExitCode;

use faena::client::error::Complaint;
use faena::client::{ClientError, JobView, Refusal};
use faena::error::Error;
use faena::job::Status;

/// How a command that did its part ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ending {
    /// All is well.
    Done,
    /// Some of it could not be done, and that was said.
    Failed,
    /// The job that was waited for has failed.
    JobFailed,
    /// The job that was waited for was cancelled.
    JobCancelled,
}

impl Ending {
    /// How waiting for this job ends.
    pub fn of(job: &JobView) -> Self {
        match job.status {
            Status::Failed => Self::JobFailed,
            Status::Cancelled => Self::JobCancelled,
            _ => Self::Done,
        }
    }

    pub fn code(self) -> ExitCode {
        ExitCode::from(match self {
            Self::Done => 0,
            Self::Failed => 1,
            Self::JobFailed => 3,
            Self::JobCancelled => 4,
        })
    }
}

/// Why a command could not do its part.
#[derive(Debug)]
pub enum Trouble {
    /// It was asked for something that makes no sense; each line is a complaint.
    Usage(Vec<String>),
    /// The server could not be reached, or refused.
    Client(ClientError),
    /// Anything else.
    Failed(anyhow::Error),
    /// Whoever read the output has gone: there is nobody left to tell.
    ClosedPipe,
}

impl Trouble {
    pub fn usage(complaint: impl Into<String>) -> Self {
        Self::Usage(vec![complaint.into()])
    }

    /// Tells it on stderr.
    pub fn show(self, json: bool) -> ExitCode {
        let (code, text) = match &self {
            Self::Usage(complaints) => (2, complaints.join("\nerror: ")),
            Self::Client(error @ ClientError::Unreachable { .. }) => (5, format!("{error}\n{}", self.advice())),
            Self::Client(ClientError::Address(_) | ClientError::Authority(_) | ClientError::Key) => {
                (2, self.sentence())
            }
            Self::Client(ClientError::Refused(refusal)) => (1, refused(refusal)),
            Self::Client(ClientError::Strange(_)) => (1, format!("{}\n{}", self.sentence(), self.advice())),
            Self::Client(_) | Self::Failed(_) => (1, self.sentence()),
            // As other programs of the shell that are cut short by `head`.
            Self::ClosedPipe => return ExitCode::SUCCESS,
        };
        let text = if json { self.as_json() } else { format!("error: {text}") };
        // Nobody listening on stderr changes nothing about the exit code.
        let _ = writeln!(io::stderr(), "{text}");
        ExitCode::from(code)
    }

    fn sentence(&self) -> String {
        match self {
            Self::Usage(complaints) => complaints.join("; "),
            Self::Client(error) => error.to_string(),
            Self::Failed(error) => error.chain().fold(String::new(), |said, cause| {
                let cause = cause.to_string();
                match said.is_empty() {
                    true => cause,
                    // Some errors tell their cause themselves.
                    false if said.contains(&cause) => said,
                    false => format!("{said}: {cause}"),
                }
            }),
            Self::ClosedPipe => String::new(),
        }
    }

    fn advice(&self) -> &'static str {
        match self {
            Self::Client(ClientError::Unreachable { .. }) => {
                "  is it running? start one with `faena serve`, or name another with --server URL or FAENA_SERVER"
            }
            Self::Client(ClientError::Strange(_)) => {
                "  another program may be listening there; name the right one with --server URL or FAENA_SERVER"
            }
            _ => "",
        }
    }

    /// The envelope that the server's own errors have.
    fn as_json(&self) -> String {
        let refusal = match self {
            Self::Client(ClientError::Refused(refusal)) => (**refusal).clone(),
            other => Refusal { error: other.sentence(), code: other.word().to_owned(), ..Refusal::default() },
        };
        serde_json::to_string(&refusal).unwrap_or_default()
    }

    fn word(&self) -> &'static str {
        match self {
            Self::Usage(_) | Self::Client(ClientError::Address(_) | ClientError::Authority(_) | ClientError::Key) => {
                "usage"
            }
            Self::Client(ClientError::Unreachable { .. }) => "unreachable",
            _ => "failed",
        }
    }
}

/// A refusal of the server: its sentence, its code, and each field's complaint.
fn refused(refusal: &Refusal) -> String {
    let mut text = format!("{} [{}]", refusal.error, refusal.code);
    // A single complaint is the sentence itself.
    let said = |complaint: &&Complaint| refusal.details.len() == 1 && refusal.error.contains(&complaint.message);
    for complaint in refusal.details.iter().filter(|complaint| !said(complaint)) {
        text.push_str(&format!("\n  {}: {}", complaint.field, complaint.message));
    }
    if let Some(pause) = refusal.retry_after {
        text.push_str(&format!("\n  worth another try in {} s", pause.as_secs()));
    }
    if let (Some(id), true) = (&refusal.request_id, refusal.status >= 500) {
        text.push_str(&format!("\n  the server's log says more under request {id}"));
    }
    text
}

impl From<ClientError> for Trouble {
    fn from(error: ClientError) -> Self {
        Self::Client(error)
    }
}

impl From<anyhow::Error> for Trouble {
    fn from(error: anyhow::Error) -> Self {
        Self::Failed(error)
    }
}

impl From<io::Error> for Trouble {
    fn from(error: io::Error) -> Self {
        if error.kind() == io::ErrorKind::BrokenPipe { Self::ClosedPipe } else { Self::Failed(error.into()) }
    }
}

impl From<Error> for Trouble {
    fn from(error: Error) -> Self {
        match error {
            Error::Invalid { message, details } if details.is_empty() => Self::usage(message),
            Error::Invalid { details, .. } => {
                Self::Usage(details.into_iter().map(|fault| format!("{}: {}", fault.field, fault.message)).collect())
            }
            // At the machine itself there is nobody to hide the cause from.
            Error::Internal(source) => Self::Failed(anyhow::Error::from_boxed(source)),
            other => Self::Failed(other.into()),
        }
    }
}
