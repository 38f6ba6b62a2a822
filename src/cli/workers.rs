//! `faena workers`: who works in other processes.

use clap::Args;
use comfy_table::Cell;

use faena::client::wire::Moment;
use faena::client::workers::WorkerView;

use super::args::Connection;
use super::ending::{Ending, Trouble};
use super::output;

/// List the workers of other processes that take jobs over HTTP
///
/// In the order in which they came: what each does, how many jobs it holds of those that it has room for, when it spoke last.
/// One of which nothing was heard for a minute is silent.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  faena workers
  faena workers --live
  faena workers --json | jq -r '.data[] | select(.live) | .name'")]
pub struct Workers {
    /// Leave out those that are silent
    #[arg(long)]
    live: bool,
    #[command(flatten)]
    pub connection: Connection,
}

impl Workers {
    pub fn run(self) -> Result<Ending, Trouble> {
        self.connection.run(async |client| {
            let mut list = client.workers().await?;
            list.data.retain(|worker| worker.live || !self.live);
            match self.connection.json {
                true => output::json(&list)?,
                false => print(&list.data)?,
            }
            Ok(Ending::Done)
        })
    }
}

fn print(workers: &[WorkerView]) -> Result<(), Trouble> {
    if workers.is_empty() {
        output::note("no workers");
        return Ok(());
    }
    let mut table = output::table(&["NAME", "DOES", "HOLDS", "STATUS", "LAST SEEN", "SINCE"]);
    for worker in workers {
        let status = if worker.live { "live" } else { "silent" };
        let row = [
            worker.name.clone(),
            worker.sub_types.join(", "),
            format!("{} of {}", worker.held, worker.concurrency),
            status.to_owned(),
            second(worker.last_seen_at),
            second(worker.registered_at),
        ];
        table.add_row(row.map(|text| Cell::new(output::harmless(&text))));
    }
    output::print_table(&mut table, &[])
}

/// A moment to the second, in UTC.
fn second(at: Moment) -> String {
    format!("{}Z", &at.to_string()[..19])
}
