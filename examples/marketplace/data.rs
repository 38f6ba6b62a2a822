//! The marketplace's databases: three SQLite files, one of each of its services, that have nothing to do with where jobs
//! are kept. And the notices that go out: those that are due with a change are written in its transaction.

use std::path::{Path, PathBuf};
use std::time::Duration;

use faena::clock::Timestamp;
use faena::work::Failure;
use rusqlite::{Connection, Transaction, TransactionBehavior};

/// One of the databases.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Base {
    Vehicles,
    Auth,
    Users,
}

impl Base {
    pub const ALL: [Self; 3] = [Self::Vehicles, Self::Auth, Self::Users];

    /// The service that it is of.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Vehicles => "vehiclessaleservice",
            Self::Auth => "authservice",
            Self::Users => "userservice",
        }
    }

    const fn tables(self) -> &'static str {
        match self {
            Self::Vehicles => {
                "CREATE TABLE IF NOT EXISTS vehicles (
                    id INTEGER PRIMARY KEY, seller_id INTEGER NOT NULL, title TEXT NOT NULL, make TEXT NOT NULL,
                    model TEXT NOT NULL, year INTEGER NOT NULL, mileage INTEGER NOT NULL, status TEXT NOT NULL,
                    published_at INTEGER NOT NULL, suggested_cents INTEGER, priced_at INTEGER NOT NULL DEFAULT 0);
                 CREATE TABLE IF NOT EXISTS sales (
                    id INTEGER PRIMARY KEY, vehicle_id INTEGER NOT NULL, price_cents INTEGER NOT NULL, sold_at INTEGER NOT NULL);
                 CREATE TABLE IF NOT EXISTS appointments (
                    id INTEGER PRIMARY KEY, client_email TEXT NOT NULL, at INTEGER NOT NULL, reminder_sent INTEGER NOT NULL);
                 CREATE TABLE IF NOT EXISTS logs (
                    id INTEGER PRIMARY KEY, at INTEGER NOT NULL, level TEXT NOT NULL, message TEXT NOT NULL);
                 CREATE TABLE IF NOT EXISTS notices (
                    about TEXT NOT NULL, recipient TEXT NOT NULL, subject TEXT NOT NULL, body TEXT NOT NULL,
                    sent_by TEXT NOT NULL, PRIMARY KEY (about, recipient)) WITHOUT ROWID;"
            }
            Self::Auth => {
                "CREATE TABLE IF NOT EXISTS refresh_tokens (
                    id INTEGER PRIMARY KEY, user_id INTEGER NOT NULL, expires_at INTEGER NOT NULL);
                 CREATE TABLE IF NOT EXISTS verification_tokens (
                    id INTEGER PRIMARY KEY, user_id INTEGER NOT NULL, expires_at INTEGER NOT NULL);"
            }
            Self::Users => {
                "CREATE TABLE IF NOT EXISTS users (
                    id INTEGER PRIMARY KEY, email TEXT NOT NULL UNIQUE, role TEXT NOT NULL);"
            }
        }
    }
}

/// All of them, in a folder.
#[derive(Debug, Clone)]
pub struct Data {
    folder: PathBuf,
}

impl Data {
    /// Opens the files in a folder, and makes what is missing. New tables are empty.
    pub fn open(folder: &Path) -> Result<Self, Box<dyn std::error::Error>> {
        std::fs::create_dir_all(folder)?;
        let data = Self { folder: folder.to_owned() };
        for base in Base::ALL {
            let connection = data.connect(base)?;
            connection.pragma_update(None, "journal_mode", "WAL")?;
            connection.execute_batch(base.tables())?;
        }
        Ok(data)
    }

    /// Where backups go.
    pub fn backups(&self) -> PathBuf {
        self.folder.join("backups")
    }

    /// A connection for one piece of work.
    pub fn connect(&self, base: Base) -> rusqlite::Result<Connection> {
        let connection = Connection::open(self.folder.join(format!("{}.db", base.name())))?;
        connection.busy_timeout(Duration::from_secs(10))?;
        Ok(connection)
    }

    /// All or nothing in one of the databases.
    pub fn write<T>(
        &self,
        base: Base,
        write: impl FnOnce(&Transaction<'_>) -> Result<T, Failure>,
    ) -> Result<T, Failure> {
        let mut connection = self.connect(base)?;
        let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
        let written = write(&transaction)?;
        transaction.commit()?;
        Ok(written)
    }

    /// The same for async processors, on a thread that may wait for the disk.
    pub async fn write_aside<T: Send + 'static>(
        &self,
        base: Base,
        write: impl FnOnce(&Transaction<'_>) -> Result<T, Failure> + Send + 'static,
    ) -> Result<T, Failure> {
        let data = self.clone();
        tokio::task::spawn_blocking(move || data.write(base, write)).await?
    }
}

/// Something that somebody is told.
pub struct Notice<'a> {
    /// What it is about. Nobody is told twice about the same thing, whoever tells it how often.
    pub about: String,
    pub recipient: &'a str,
    pub subject: &'a str,
    pub body: String,
}

impl Notice<'_> {
    /// Sends it along with the transaction; false when the recipient has it already.
    pub fn send(&self, transaction: &Transaction<'_>, job: impl ToString) -> rusqlite::Result<bool> {
        let sent = transaction.execute(
            "INSERT OR IGNORE INTO notices (about, recipient, subject, body, sent_by) VALUES (?1, ?2, ?3, ?4, ?5)",
            (&self.about, self.recipient, self.subject, &self.body, job.to_string()),
        )?;
        Ok(sent > 0)
    }
}

/// A moment as the databases keep it.
pub const fn stored(moment: Timestamp) -> i64 {
    moment.as_millis()
}
