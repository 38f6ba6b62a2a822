//! The shop's own tables, in a SQLite file that has nothing to do with where jobs are kept. A job may run more than
//! once, so what it writes is fenced: only its latest try may commit.

use std::path::{Path, PathBuf};
use std::time::Duration;

use faena::work::{Context, Failure};
use rusqlite::{Connection, Transaction, TransactionBehavior};

/// Products that a new shop has.
const PRODUCTS: u32 = 240;

const TABLES: &str = "
    CREATE TABLE IF NOT EXISTS fences (job TEXT PRIMARY KEY, token INTEGER NOT NULL) WITHOUT ROWID;
    CREATE TABLE IF NOT EXISTS users (
        id INTEGER PRIMARY KEY, email TEXT NOT NULL UNIQUE COLLATE NOCASE, name TEXT NOT NULL, role TEXT NOT NULL,
        imported_by TEXT NOT NULL);
    CREATE INDEX IF NOT EXISTS users_by_import ON users (imported_by);
    CREATE TABLE IF NOT EXISTS welcome_mails (
        email TEXT PRIMARY KEY COLLATE NOCASE, imported_by TEXT NOT NULL, sent_at TEXT) WITHOUT ROWID;
    CREATE TABLE IF NOT EXISTS products (
        sku TEXT PRIMARY KEY, name TEXT NOT NULL, category TEXT NOT NULL, stock INTEGER NOT NULL,
        price_cents INTEGER NOT NULL, updated_on TEXT NOT NULL) WITHOUT ROWID;
    CREATE TABLE IF NOT EXISTS models (
        name TEXT PRIMARY KEY, slope REAL NOT NULL, intercept REAL NOT NULL, epochs INTEGER NOT NULL,
        trained_by TEXT NOT NULL) WITHOUT ROWID;
";

/// The shop's database.
#[derive(Debug, Clone)]
pub struct Database {
    path: PathBuf,
}

impl Database {
    /// Opens the file in a folder, makes what is missing, and stocks an empty shop.
    pub fn open(folder: &Path) -> Result<Self, Box<dyn std::error::Error>> {
        std::fs::create_dir_all(folder)?;
        let database = Self { path: folder.join("techhub.db") };
        let mut connection = database.connect()?;
        connection.pragma_update(None, "journal_mode", "WAL")?;
        connection.execute_batch(TABLES)?;
        stock(&mut connection)?;
        Ok(database)
    }

    /// A connection for one piece of work.
    pub fn connect(&self) -> rusqlite::Result<Connection> {
        let connection = Connection::open(&self.path)?;
        connection.busy_timeout(Duration::from_secs(10))?;
        Ok(connection)
    }
}

/// Writes in one transaction that only the latest try of a job can commit. A try that was thought dead and wakes up
/// finds the fence raised by its successor, and changes nothing.
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

/// Fills the shelves of a new shop, the same in every shop.
fn stock(connection: &mut Connection) -> rusqlite::Result<()> {
    const CATEGORIES: [&str; 4] = ["electronics", "furniture", "books", "toys"];
    let transaction = connection.transaction()?;
    for number in 0..PRODUCTS {
        let category = CATEGORIES[number as usize % CATEGORIES.len()];
        let price_cents = 500 + number * 137 % 9_500;
        // Dear things are stocked in smaller numbers, which is what a model may learn.
        let stock = 130 - price_cents / 100 + number % 7;
        let day = format!("2025-{:02}-{:02}", number % 12 + 1, number % 28 + 1);
        transaction.execute(
            "INSERT OR IGNORE INTO products VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
            (format!("SKU-{number:04}"), format!("Producto {number}"), category, stock, price_cents, day),
        )?;
    }
    transaction.commit()
}
