//! The exchange's own tables, in a SQLite file that has nothing to do with where jobs are kept.
//!
//! `cursor` is one row: the last block that was applied, and the lock under which that was done. It moves in the
//! transaction that applies blocks, from the block that they follow and from nowhere else: that is why none is applied
//! twice and none left out, whatever dies when. `blocks` and `events` have no key that would hide a second time.

use std::path::{Path, PathBuf};
use std::time::Duration;

use faena::clock::Timestamp;
use faena::work::Failure;
use rusqlite::{Connection, Transaction, TransactionBehavior};

use crate::chain::{Block, Event, Kind};

/// Orders that nobody pays; every second one has expired.
const UNPAID: u64 = 500;

const TABLES: &str = "
    CREATE TABLE IF NOT EXISTS cursor (one INTEGER PRIMARY KEY CHECK (one = 1), block INTEGER NOT NULL, token INTEGER NOT NULL);
    INSERT OR IGNORE INTO cursor VALUES (1, 0, 0);
    CREATE TABLE IF NOT EXISTS blocks (number INTEGER NOT NULL, hash TEXT NOT NULL, applied_by TEXT NOT NULL);
    CREATE TABLE IF NOT EXISTS events (block INTEGER NOT NULL, order_id INTEGER NOT NULL, kind TEXT NOT NULL, amount INTEGER NOT NULL);
    CREATE TABLE IF NOT EXISTS orders (id INTEGER PRIMARY KEY, status TEXT NOT NULL, expires_at INTEGER NOT NULL);
    CREATE INDEX IF NOT EXISTS orders_by_expiry ON orders (status, expires_at);
    CREATE TABLE IF NOT EXISTS escrows (order_id INTEGER PRIMARY KEY, status TEXT NOT NULL, amount INTEGER NOT NULL);
    CREATE TABLE IF NOT EXISTS disputes (order_id INTEGER PRIMARY KEY, status TEXT NOT NULL);
    CREATE TABLE IF NOT EXISTS notices (order_id INTEGER NOT NULL, body TEXT NOT NULL, sent_by TEXT NOT NULL);
";

/// The exchange's database.
#[derive(Debug, Clone)]
pub struct Database {
    path: PathBuf,
}

impl Database {
    /// Opens the file in a folder, makes what is missing, and gives a new exchange its open orders.
    pub fn open(folder: &Path, height: u64, now: Timestamp) -> Result<Self, Box<dyn std::error::Error>> {
        std::fs::create_dir_all(folder)?;
        let database = Self { path: folder.join("exchange.db") };
        let connection = database.connect()?;
        connection.pragma_update(None, "journal_mode", "WAL")?;
        connection.execute_batch(TABLES)?;
        database.write(|transaction| place_orders(transaction, height, now)).map_err(|failure| failure.to_string())?;
        Ok(database)
    }

    /// A connection for one piece of work.
    pub fn connect(&self) -> rusqlite::Result<Connection> {
        let connection = Connection::open(&self.path)?;
        connection.busy_timeout(Duration::from_secs(10))?;
        Ok(connection)
    }

    /// All or nothing.
    pub fn write<T>(&self, write: impl FnOnce(&Transaction<'_>) -> Result<T, Failure>) -> Result<T, Failure> {
        let mut connection = self.connect()?;
        let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
        let written = write(&transaction)?;
        transaction.commit()?;
        Ok(written)
    }

    /// The last block that was applied.
    pub fn last_block(&self) -> rusqlite::Result<u64> {
        let block: i64 = self.connect()?.query_row("SELECT block FROM cursor", [], |row| row.get(0))?;
        Ok(block.unsigned_abs())
    }

    /// Blocks that a job has applied, in all of its tries.
    pub fn applied_by(&self, job: &str) -> rusqlite::Result<i64> {
        self.connect()?.query_row("SELECT count(*) FROM blocks WHERE applied_by = ?1", [job], |row| row.get(0))
    }

    /// Applies blocks that follow the last one, under a lock of this token; the number of the last of them.
    pub fn apply(&self, blocks: &[Block], token: u64, by: &str) -> Result<u64, Failure> {
        self.write(|transaction| {
            let (Some(first), Some(last)) = (blocks.first(), blocks.last()) else {
                return Err(Failure::permanent("there are no blocks to apply"));
            };
            let moved = transaction.execute(
                "UPDATE cursor SET block = ?1, token = ?2 WHERE block = ?3 AND token <= ?2",
                (last.number as i64, token as i64, first.number as i64 - 1),
            )?;
            if moved == 0 {
                return Err(Failure::new("somebody else has applied blocks meanwhile").kind("stale"));
            }
            let fork = transaction.query_row(
                "SELECT EXISTS (SELECT 1 FROM blocks WHERE number = ?1 AND hash != ?2)",
                (first.number as i64 - 1, &first.parent),
                |row| row.get(0),
            )?;
            if fork {
                return Err(Failure::permanent(format!("block {} follows another one than was applied", first.number)));
            }
            for block in blocks {
                let number = block.number as i64;
                transaction.execute("INSERT INTO blocks VALUES (?1, ?2, ?3)", (number, &block.hash, by))?;
                block.events.iter().try_for_each(|event| happen(transaction, number, event))?;
            }
            Ok(last.number)
        })
    }
}

fn happen(transaction: &Transaction<'_>, block: i64, event: &Event) -> rusqlite::Result<()> {
    let (order, amount) = (event.order as i64, event.amount as i64);
    transaction.execute("INSERT INTO events VALUES (?1, ?2, ?3, ?4)", (block, order, event.kind.as_str(), amount))?;
    let (order_status, escrow_status) = match event.kind {
        Kind::Funded => ("paid", "held"),
        Kind::Released => ("completed", "released"),
        Kind::Disputed => ("disputed", "held"),
    };
    transaction.execute("UPDATE orders SET status = ?2 WHERE id = ?1", (order, order_status))?;
    match event.kind {
        // What is paid twice is held twice: nothing here hides that a block was applied again.
        Kind::Funded => transaction.execute(
            "INSERT INTO escrows VALUES (?1, ?2, ?3) ON CONFLICT DO UPDATE SET amount = amount + excluded.amount",
            (order, escrow_status, amount),
        )?,
        Kind::Released | Kind::Disputed => {
            transaction.execute("UPDATE escrows SET status = ?2 WHERE order_id = ?1", (order, escrow_status))?
        }
    };
    if event.kind == Kind::Disputed {
        transaction.execute("INSERT OR IGNORE INTO disputes VALUES (?1, 'open')", [order])?;
    }
    Ok(())
}

/// An order for each block of the chain, and some that are never paid.
fn place_orders(transaction: &Transaction<'_>, height: u64, now: Timestamp) -> Result<(), Failure> {
    let count: i64 = transaction.query_row("SELECT count(*) FROM orders", [], |row| row.get(0))?;
    if count > 0 {
        return Ok(());
    }
    let mut insert = transaction.prepare("INSERT INTO orders VALUES (?1, 'open', ?2)")?;
    let day = Duration::from_secs(24 * 3_600);
    for id in 1..=height + UNPAID {
        let has_expired = id > height && id % 2 == 0;
        let expires = if has_expired { now.minus(day) } else { now.plus(day) };
        insert.execute((id as i64, expires.as_millis()))?;
    }
    Ok(())
}
