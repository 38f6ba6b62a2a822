//! `faena alerts rules|set|remove`.

use clap::Args;
use comfy_table::Cell;
use serde_json::{Map, Value, json};

use faena::alert::Kind;
use faena::client::alerts::RuleView;
use faena::job::Name;

use crate::cli::args::Connection;
use crate::cli::ending::{Ending, Trouble};
use crate::cli::{cancel, output};

/// List alert rules
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  faena alerts rules
  faena alerts rules --json | jq -r '.data[].name'")]
pub struct Rules {
    #[command(flatten)]
    pub connection: Connection,
}

impl Rules {
    pub fn run(self) -> Result<Ending, Trouble> {
        self.connection.run(async |client| {
            let rules = client.alert_rules().await?;
            match self.connection.json {
                true => output::json(&rules)?,
                false if rules.data.is_empty() => output::note("no alert rules"),
                false => print(&rules.data)?,
            }
            Ok(Ending::Done)
        })
    }
}

fn print(rules: &[RuleView]) -> Result<(), Trouble> {
    let mut table = output::table(&["NAME", "KIND", "BOUND", "OF", "ENABLED"]);
    for rule in rules {
        let bound = rule.count.or(rule.seconds).or(rule.jobs).unwrap_or_default();
        let scope = rule.sub_type.as_ref().map(|sub_type| format!("subType {sub_type}"));
        let scope: Vec<_> = rule.schedule.iter().map(|name| format!("schedule {name}")).chain(scope).collect();
        let scope = if scope.is_empty() { "all".to_owned() } else { scope.join(", ") };
        let cells = [
            rule.name.clone(),
            rule.kind.to_string(),
            format!("{bound} {}", unit(rule.kind)),
            scope,
            if rule.enabled { "yes" } else { "no" }.to_owned(),
        ];
        table.add_row(cells.map(|text| Cell::new(output::harmless(&text))));
    }
    output::print_table(&mut table, &[])
}

/// What a bound counts, for people.
fn unit(kind: Kind) -> &'static str {
    match kind {
        Kind::FailuresInARow => "failures",
        Kind::EndpointOff => "failed tries",
        kind => kind.unit(),
    }
}

/// Keep an alert rule, in place of the one with its name
///
/// The bound counts failures in a row, seconds, or jobs that wait, as the kind says; `failures_in_a_row` has a default of 2, and
/// `endpoint_off` one of 1.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  faena alerts set often failures_in_a_row 3
  faena alerts set slow-import execution_longer 3600 --subtype import
  faena alerts set nightly-missing no_execution 900 --schedule nightly
  faena alerts set backlog queue_depth 10000
  faena alerts set waiting queue_wait 300 --subtype mail
  faena alerts set waiting queue_wait 300 --disabled
  faena alerts set endpoint-off endpoint_off")]
pub struct Set {
    /// What the rule is called
    #[arg(value_name = "NAME")]
    name: Name,
    /// failures_in_a_row, execution_longer, no_execution, queue_depth, queue_wait or endpoint_off
    #[arg(value_name = "KIND")]
    kind: Kind,
    /// How far it may go: failures, seconds or jobs
    #[arg(value_name = "BOUND")]
    bound: Option<u32>,
    /// Only jobs of this subtype, and schedules that make them
    #[arg(long = "subtype", visible_alias = "sub-type", value_name = "SUBTYPE")]
    sub_type: Option<Name>,
    /// Only this schedule, by its name or its id
    #[arg(long, value_name = "NAME")]
    schedule: Option<String>,
    /// Keep it, and do not look at it
    #[arg(long)]
    disabled: bool,
    #[command(flatten)]
    pub connection: Connection,
}

impl Set {
    pub fn run(self) -> Result<Ending, Trouble> {
        let terms = self.terms();
        self.connection.run(async |client| {
            let answer = client.put_alert_rule(self.name.as_str(), &terms, None).await?;
            cancel::tell(&answer, self.connection.json)
        })
    }

    fn terms(&self) -> Value {
        let mut terms = Map::new();
        terms.insert("kind".to_owned(), json!(self.kind.as_str()));
        terms.extend(self.bound.map(|bound| (self.kind.unit().to_owned(), json!(bound))));
        terms.extend(self.sub_type.as_ref().map(|sub_type| ("subType".to_owned(), json!(sub_type.as_str()))));
        terms.extend(self.schedule.as_ref().map(|schedule| ("schedule".to_owned(), json!(schedule))));
        terms.insert("enabled".to_owned(), json!(!self.disabled));
        Value::Object(terms)
    }
}

/// Remove alert rules; what fires because of them clears
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  faena alerts remove slow-import")]
pub struct Remove {
    /// The rules
    #[arg(value_name = "NAME", required = true)]
    names: Vec<String>,
    #[command(flatten)]
    pub connection: Connection,
}

impl Remove {
    pub fn run(self) -> Result<Ending, Trouble> {
        self.connection.run(async |client| {
            let one = async |client: faena::client::Client, name: String| {
                client.remove_alert_rule(&name).await.map(|()| json!({ "rule": name }))
            };
            cancel::each(&client, &self.names, self.connection.json, "removed", one).await
        })
    }
}
