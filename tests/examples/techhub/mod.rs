//! TechHub, driven from outside like a client of the shop would, with its database looked into afterwards.

mod accepting;
mod imports;
mod jobs;
mod others;
mod restarts;

use std::path::Path;

use rusqlite::Connection;
use rusqlite::types::FromSql;
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::served::Served;

/// TechHub on a free port, with a folder of its own.
struct Shop {
    app: Served,
    folder: TempDir,
}

impl Shop {
    fn open() -> Self {
        let folder = tempfile::tempdir().unwrap();
        Self { app: serve(folder.path()), folder }
    }

    /// One value out of the shop's own database.
    fn look<T: FromSql>(&self, query: &str) -> T {
        look(self.folder.path(), query)
    }
}

fn serve(folder: &Path) -> Served {
    Served::start("techhub", folder, &[("TECHHUB_PORT", "0"), ("TECHHUB_DATA", "shop")])
}

fn look<T: FromSql>(folder: &Path, query: &str) -> T {
    let database = Connection::open(folder.join("shop/techhub.db")).unwrap();
    database.query_row(query, [], |row| row.get(0)).unwrap()
}

/// An import of so many different users.
fn users(count: usize) -> Value {
    let user = |number| json!({ "name": format!("Usuario {number}"), "email": format!("user{number}@example.com"), "role": "user" });
    json!({ "users": (1..=count).map(user).collect::<Vec<_>>() })
}
