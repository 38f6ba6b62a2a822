//! Who asks, and the decisions about them: what they may do, and whose things they see. Edges ask here and nowhere else.

use std::fmt;
use std::sync::Arc;

use super::{ApiKey, Scope};

/// Who asks.
#[derive(Debug, Clone)]
pub enum Caller {
    /// Somebody without a key, of a server that has none.
    Anybody,
    /// Who holds this key, which is valid.
    Key(Arc<ApiKey>),
}

/// What an address needs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Need {
    /// No key at all.
    Nothing,
    /// A scope. A key of one user finds the things of that user there, and no others.
    Scope(Scope),
    /// A scope of a key that is nobody's: what is there belongs to all.
    Whole(Scope),
}

/// Why a caller may not do something.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Refusal {
    /// The key lacks this scope.
    Lacks(Scope),
    /// The key is kept to one user's things, and this concerns everybody's.
    Bound(Box<str>),
    /// The key is one user's, and this names another.
    ForAnother(Box<str>),
}

impl Caller {
    /// Whether they may come in where so much is needed.
    ///
    /// # Errors
    /// Why not.
    pub fn may(&self, need: Need) -> Result<(), Refusal> {
        let (Self::Key(key), Need::Scope(scope) | Need::Whole(scope)) = (self, need) else { return Ok(()) };
        if !key.has(scope) {
            return Err(Refusal::Lacks(scope));
        }
        match (&key.user_id, need) {
            (Some(user), Need::Whole(_)) => Err(Refusal::Bound(user.clone())),
            _ => Ok(()),
        }
    }

    /// The user whose things are all that they see, if there is one.
    pub fn user(&self) -> Option<&str> {
        match self {
            Self::Anybody => None,
            Self::Key(key) => key.user_id.as_deref(),
        }
    }

    /// Whether they see what belongs to that user, or to nobody.
    pub fn sees(&self, owner: Option<&str>) -> bool {
        self.user().is_none_or(|user| owner == Some(user))
    }

    /// Whose that is which they make, or look for, when they name somebody or nobody.
    ///
    /// # Errors
    /// [`Refusal::ForAnother`].
    pub fn owner<'a>(&'a self, named: Option<&'a str>) -> Result<Option<&'a str>, Refusal> {
        match self.user() {
            None => Ok(named),
            Some(user) if named.is_none_or(|named| named == user) => Ok(Some(user)),
            Some(user) => Err(Refusal::ForAnother(user.into())),
        }
    }

    /// What the records call them.
    pub fn called(&self) -> Box<str> {
        match self {
            Self::Anybody => "api".into(),
            Self::Key(key) => format!("key:{}", key.name).into(),
        }
    }
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Lacks(scope) => write!(f, "this key lacks the scope `{scope}`; make one that has it"),
            Self::Bound(user) => {
                write!(f, "this key is kept to what belongs to the user `{user}`, and this concerns everybody")
            }
            Self::ForAnother(user) => {
                write!(f, "this key is kept to what belongs to the user `{user}`; name that one, or nobody")
            }
        }
    }
}
