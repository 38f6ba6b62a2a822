//! The settings of the encryption at rest: its keys. One is replaced by putting another before it; the old one stays behind it
//! for as long as there is anything that it encrypted.

use super::settings::Faults;
use crate::limits;
use crate::store::sealed::EncryptionKey;

/// Keys of the encryption at rest.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Encryption {
    /// The one that encrypts; the first of the others when left out.
    pub first: Option<EncryptionKey>,
    /// Those that decrypt as well.
    pub keys: Vec<EncryptionKey>,
}

impl Encryption {
    /// All of them, the one that encrypts first, each once.
    pub fn all(&self) -> Vec<EncryptionKey> {
        let mut all: Vec<EncryptionKey> = Vec::new();
        for key in self.first.iter().chain(&self.keys) {
            if !all.contains(key) {
                all.push(key.clone());
            }
        }
        all
    }

    pub(super) fn check(&self, faults: &mut Faults) {
        let all = self.all();
        faults.check(all.len() <= limits::ENCRYPTION_KEYS_MAX, "encryption_keys", || {
            format!("are more than {}", limits::ENCRYPTION_KEYS_MAX)
        });
        faults.check(all.is_empty() || cfg!(feature = "encryption"), "encryption_key", || {
            "needs a build with the feature encryption".into()
        });
        for (index, key) in all.iter().enumerate() {
            faults.check(all.iter().take(index).all(|other| other.id() != key.id()), "encryption_keys", || {
                format!("two different keys have the id `{}`; give one of them another", key.id())
            });
        }
    }
}
