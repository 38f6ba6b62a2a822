//! `faena subscriptions list`.

use clap::Args;
use comfy_table::Cell;
use serde_json::Value;

use crate::cli::args::Connection;
use crate::cli::ending::{Ending, Trouble};
use crate::cli::output;

/// List subscriptions, and how their endpoints do
///
/// The status is active, failing (nothing was taken for a while), off (the endpoint said that it is gone, or has taken nothing
/// for days) or disabled.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  faena subscriptions list
  faena subscriptions list --json | jq -r '.data[] | select(.status == \"off\") | .id'")]
pub struct List {
    #[command(flatten)]
    pub connection: Connection,
}

impl List {
    pub fn run(self) -> Result<Ending, Trouble> {
        self.connection.run(async |client| {
            let answer = client.subscriptions().await?;
            let found = answer.get("data").and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
            match self.connection.json {
                true => output::json(&answer)?,
                false if found.is_empty() => output::note("no subscriptions"),
                false => print(found)?,
            }
            Ok(Ending::Done)
        })
    }
}

fn print(found: &[Value]) -> Result<(), Trouble> {
    let mut table = output::table(&["ID", "STATUS", "EVENTS", "TO", "DELIVERED", "PENDING", "DEAD"]);
    for one in found {
        let text = |name: &str| one.get(name).and_then(Value::as_str).unwrap_or_default().to_owned();
        let figure = |name: &str| output::grouped(one.get(name).and_then(Value::as_u64).unwrap_or_default());
        let events = one.get("events").and_then(Value::as_array).into_iter().flatten();
        let events: Vec<_> = events.filter_map(Value::as_str).collect();
        let texts = [text("id"), text("status"), events.join(","), text("url")].map(|text| output::harmless(&text));
        let figures = [figure("delivered"), figure("pending"), figure("dead")];
        table.add_row(texts.into_iter().chain(figures).map(Cell::new));
    }
    output::print_table(&mut table, &[4, 5, 6])
}
