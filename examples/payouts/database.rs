//! The backend's own tables, in a SQLite file that has nothing to do with where jobs are kept. A job may run more than once,
//! so what it writes is fenced: only its latest try may commit.

use std::path::{Path, PathBuf};
use std::time::Duration;

use faena::clock::Timestamp;
use faena::work::{Context, Failure};
use rusqlite::{Connection, Transaction, TransactionBehavior};

const TABLES: &str = "
    CREATE TABLE IF NOT EXISTS fences (job TEXT PRIMARY KEY, token INTEGER NOT NULL) WITHOUT ROWID;
    CREATE TABLE IF NOT EXISTS creators (id INTEGER PRIMARY KEY, name TEXT NOT NULL, bank_account TEXT NOT NULL);
    CREATE TABLE IF NOT EXISTS transactions (
        id INTEGER PRIMARY KEY, creator INTEGER NOT NULL REFERENCES creators, amount_clp INTEGER NOT NULL,
        released_at INTEGER NOT NULL, payout TEXT REFERENCES payouts);
    CREATE INDEX IF NOT EXISTS transactions_unpaid ON transactions (creator, released_at) WHERE payout IS NULL;
    CREATE TABLE IF NOT EXISTS payouts (
        id TEXT PRIMARY KEY, creator INTEGER NOT NULL REFERENCES creators, amount_clp INTEGER NOT NULL,
        status TEXT NOT NULL, tries INTEGER NOT NULL DEFAULT 0, calculated_by TEXT NOT NULL) WITHOUT ROWID;
    CREATE INDEX IF NOT EXISTS payouts_by_calculation ON payouts (calculated_by);
    CREATE TABLE IF NOT EXISTS received (
        id TEXT PRIMARY KEY, type TEXT NOT NULL, aggregate TEXT NOT NULL, times INTEGER NOT NULL) WITHOUT ROWID;
";

/// Creators of a new backend, of whom three have earned enough.
const CREATORS: i64 = 15;

/// The backend's database.
#[derive(Debug, Clone)]
pub struct Database {
    path: PathBuf,
}

impl Database {
    /// Opens the file in a folder, makes what is missing, and lets a new backend have earned something.
    pub fn open(folder: &Path, now: Timestamp) -> Result<Self, Box<dyn std::error::Error>> {
        std::fs::create_dir_all(folder)?;
        let database = Self { path: folder.join("apapacho.db") };
        let mut connection = database.connect()?;
        connection.pragma_update(None, "journal_mode", "WAL")?;
        connection.execute_batch(TABLES)?;
        earn(&mut connection, now)?;
        Ok(database)
    }

    /// A connection for one piece of work.
    pub fn connect(&self) -> rusqlite::Result<Connection> {
        let connection = Connection::open(&self.path)?;
        connection.busy_timeout(Duration::from_secs(10))?;
        Ok(connection)
    }
}

/// Writes in one transaction that only the latest try of a job can commit. A try that was thought dead and wakes up finds the
/// fence raised by its successor, and changes nothing.
pub fn fenced<T>(
    connection: &mut Connection,
    ctx: &Context,
    write: impl FnOnce(&Transaction<'_>) -> Result<T, Failure>,
) -> Result<T, Failure> {
    let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
    let raised = transaction.execute(
        "INSERT INTO fences (job, token) VALUES (?1, ?2)
         ON CONFLICT (job) DO UPDATE SET token = excluded.token WHERE fences.token <= excluded.token",
        (ctx.job_id().to_string(), ctx.fencing_token()),
    )?;
    if raised == 0 {
        return Err(Failure::permanent("otro intento de este trabajo ha tomado el relevo").kind("stale"));
    }
    let written = write(&transaction)?;
    transaction.commit()?;
    Ok(written)
}

/// What creators of a new backend have earned, the same in every one. The hold of each last transaction is not over yet.
fn earn(connection: &mut Connection, now: Timestamp) -> rusqlite::Result<()> {
    const DAY: Duration = Duration::from_secs(24 * 3600);
    let transaction = connection.transaction()?;
    for creator in 1..=CREATORS {
        let account = format!("CL-{creator:04}");
        let is_new = transaction.execute(
            "INSERT OR IGNORE INTO creators VALUES (?1, ?2, ?3)",
            (creator, format!("Creadora {creator}"), account),
        )?;
        if is_new == 0 {
            continue;
        }
        // Every fifth one has sold for the least that is paid out, in two parts.
        let part = if creator % 5 == 0 { 10_000 } else { 9_999 };
        let released = [now.minus(DAY), now.minus(2 * DAY), now.plus(7 * DAY)];
        for (released_at, amount) in released.into_iter().zip([part, part, 50_000]) {
            transaction.execute(
                "INSERT INTO transactions (creator, amount_clp, released_at) VALUES (?1, ?2, ?3)",
                (creator, amount, released_at.as_millis()),
            )?;
        }
    }
    transaction.commit()
}
