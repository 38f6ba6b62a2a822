//! What a new marketplace holds: the same in each, as seen from the moment that it is opened.

use std::time::Duration;

use faena::clock::Timestamp;
use faena::work::Failure;
use rusqlite::Transaction;

use crate::data::{Base, Data, stored};
use crate::days::days_before;

const USERS: u32 = 40;
const MANAGERS: u32 = 3;
const TOKENS: u32 = 90;
const VEHICLES: u32 = 60;
const SALES: u32 = 40;
const APPOINTMENTS: u32 = 30;
/// One each hour; the oldest are older than logs are kept, and too large for a job's own record.
const LOGS: u32 = 6_000;

/// Fills a marketplace that has no users yet.
pub fn fill(data: &Data, now: Timestamp) -> Result<(), Failure> {
    let is_new = data.write(Base::Users, |transaction| {
        let users: u32 = transaction.query_row("SELECT count(*) FROM users", [], |row| row.get(0))?;
        Ok(users == 0)
    })?;
    if is_new {
        data.write(Base::Auth, |transaction| tokens(transaction, now))?;
        data.write(Base::Vehicles, |transaction| {
            vehicles(transaction, now)?;
            sales(transaction, now)?;
            appointments(transaction, now)?;
            logs(transaction, now)
        })?;
        // The users come last: a marketplace that has them has everything.
        data.write(Base::Users, users)?;
    }
    Ok(())
}

fn hours(count: u32) -> Duration {
    Duration::from_secs(u64::from(count) * 3_600)
}

fn users(transaction: &Transaction<'_>) -> Result<(), Failure> {
    for id in 1..=USERS {
        let role = if id <= MANAGERS { "manager" } else { "seller" };
        transaction.execute("INSERT INTO users VALUES (?1, ?2, ?3)", (id, format!("{role}{id}@okla.example"), role))?;
    }
    Ok(())
}

/// A third of the refresh tokens and half of the others have expired.
fn tokens(transaction: &Transaction<'_>, now: Timestamp) -> Result<(), Failure> {
    let moment = |has_expired, id| if has_expired { now.minus(hours(id)) } else { now.plus(hours(id)) };
    for id in 1..=TOKENS {
        let expires = stored(moment(id % 3 == 0, id));
        transaction
            .execute("INSERT OR REPLACE INTO refresh_tokens VALUES (?1, ?2, ?3)", (id, id % USERS + 1, expires))?;
        let expires = stored(moment(id % 2 == 0, id));
        transaction
            .execute("INSERT OR REPLACE INTO verification_tokens VALUES (?1, ?2, ?3)", (id, id % USERS + 1, expires))?;
    }
    Ok(())
}

/// One more day old each; one in ten is sold, and one is of a make that nobody knows a price of.
fn vehicles(transaction: &Transaction<'_>, now: Timestamp) -> Result<(), Failure> {
    const MODELS: [(&str, &str); 4] =
        [("Toyota", "Corolla"), ("Honda", "Civic"), ("Hyundai", "Tucson"), ("Kia", "Sportage")];
    for id in 1..=VEHICLES {
        let (make, model) = if id == 7 { ("Trabant", "601") } else { MODELS[id as usize % MODELS.len()] };
        let status = if id % 10 == 0 { "Sold" } else { "Active" };
        let (year, mileage) = (2008 + id % 16, 5_000 + id * 1_777 % 150_000);
        let published = stored(days_before(now, id.into()));
        transaction.execute(
            "INSERT OR REPLACE INTO vehicles (id, seller_id, title, make, model, year, mileage, status, published_at)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)",
            (id, id % USERS + 1, format!("{make} {model} {year}"), make, model, year, mileage, status, published),
        )?;
    }
    Ok(())
}

fn sales(transaction: &Transaction<'_>, now: Timestamp) -> Result<(), Failure> {
    for id in 1..=SALES {
        let sold = stored(now.minus(hours(id * 3)));
        transaction.execute(
            "INSERT OR REPLACE INTO sales VALUES (?1, ?2, ?3, ?4)",
            (id, id * 10 % VEHICLES, 400_000 + id * 12_345, sold),
        )?;
    }
    Ok(())
}

fn appointments(transaction: &Transaction<'_>, now: Timestamp) -> Result<(), Failure> {
    for id in 1..=APPOINTMENTS {
        let at = stored(now.plus(hours(id * 3)));
        transaction.execute(
            "INSERT OR REPLACE INTO appointments VALUES (?1, ?2, ?3, 0)",
            (id, format!("client{id}@mail.example"), at),
        )?;
    }
    Ok(())
}

fn logs(transaction: &Transaction<'_>, now: Timestamp) -> Result<(), Failure> {
    let mut insert = transaction.prepare("INSERT OR REPLACE INTO logs VALUES (?1, ?2, ?3, ?4)")?;
    for id in 1..=LOGS {
        let level = if id % 50 == 0 { "warning" } else { "info" };
        let message = format!("request {id} answered; {}", "header: value; ".repeat(16));
        insert.execute((id, stored(now.minus(hours(LOGS - id))), level, message))?;
    }
    Ok(())
}
