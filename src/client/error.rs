//! Why a call did not do what was asked: the server cannot be reached, it refused, or it spoke another language.

use std::time::Duration;

use serde::{Deserialize, Serialize};

/// Why a call did not do what was asked.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ClientError {
    /// The address given is none.
    #[error("`{0}` is not the address of a server, such as http://127.0.0.1:7700")]
    Address(String),
    /// The key given is none.
    #[error("the key cannot be sent: it has characters that no key has")]
    Key,
    /// The certificates that a server is to be trusted by cannot be read.
    #[error("the certificates to trust cannot be read: {0}; they must be in PEM")]
    Authority(String),
    /// Nobody answers there, or the connection broke.
    #[error("cannot reach the server at {server}: {reason}")]
    Unreachable {
        /// Where it was looked for.
        server: String,
        /// What the network said.
        reason: String,
    },
    /// It answered with a refusal.
    #[error("{0}")]
    Refused(Box<Refusal>),
    /// It answered something that this client does not understand: it may be another program, or another version.
    #[error("the server answered {0}, which this version does not understand")]
    Strange(String),
}

/// The server's refusal.
#[derive(Debug, Clone, Default, Serialize, Deserialize, thiserror::Error)]
#[serde(rename_all = "camelCase", default)]
#[error("{error}")]
pub struct Refusal {
    /// False, as in every envelope of an error.
    pub success: bool,
    /// One sentence.
    pub error: String,
    /// The stable word for it.
    pub code: String,
    /// The fields at fault.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub details: Vec<Complaint>,
    /// What to name when asking the operator about it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub request_id: Option<String>,
    /// The status code of HTTP.
    #[serde(skip)]
    pub status: u16,
    /// When it is worth another try.
    #[serde(skip)]
    pub retry_after: Option<Duration>,
}

/// One field's complaint.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Complaint {
    /// Path of the field.
    pub field: String,
    /// What is wrong with it.
    pub message: String,
}

impl ClientError {
    /// An answer that this client does not understand.
    pub(crate) fn strange(what: impl Into<String>) -> Self {
        Self::Strange(what.into())
    }

    /// Whether the same call may succeed a little later: the server is away, or says that it cannot commit now.
    pub fn is_passing(&self) -> bool {
        match self {
            Self::Unreachable { .. } => true,
            Self::Refused(refusal) => refusal.status == 503,
            Self::Address(_) | Self::Key | Self::Authority(_) | Self::Strange(_) => false,
        }
    }

    /// The stable code of the refusal, if it was one.
    pub fn code(&self) -> Option<&str> {
        match self {
            Self::Refused(refusal) => Some(&refusal.code),
            _ => None,
        }
    }
}
