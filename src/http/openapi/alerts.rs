//! The operations on alerts and alert rules.

use serde_json::json;

use super::operation::{Operation, delete, get, json as in_json, put, reply};
use super::schemas::{created, integer, listed, named, text};
use super::view::{AlertStatusWord, AlertView, RuleView};
use crate::http::alert_rules::RuleRequest;
use crate::limits;

pub(super) fn operations() -> Vec<Operation> {
    let mut all = alerts();
    all.extend(rules());
    all
}

fn alerts() -> Vec<Operation> {
    vec![
        get("/alerts", "listAlerts", "List alerts, those that fired last first")
            .tag("alerts")
            .about(
                "An alert fires once when its rule is broken and clears once when it is not any more. Cleared ones are \
                 remembered for 30 days, at most 5,000 of them.",
            )
            .query("status", named::<AlertStatusWord>(), "`firing` or `cleared`.")
            .query("rule", text(), "Of this rule.")
            .query("schedule", text(), "About this schedule, by its id or by the name that it had when they fired.")
            .query("subType", text(), "About jobs of this subtype.")
            .query("limit", integer(Some(1), Some(limits::PAGE_MAX)), "How many at most; 20 when left out.")
            .query("offset", integer(Some(0), Some(limits::OFFSET_MAX)), "After how many.")
            .gives(200, in_json("A page.", listed(named::<AlertView<'static>>()))),
        get("/alerts/{id}", "getAlert", "Look at an alert")
            .tag("alerts")
            .part("id", "The alert.")
            .gives(200, in_json("The alert.", named::<AlertView<'static>>())),
    ]
}

fn rules() -> Vec<Operation> {
    let one = |operation: Operation| operation.tag("alerts").part("name", "Name of the rule.");
    let tagged = |reply: super::operation::Reply| reply.header("ETag", text(), "Its revision. For `If-Match`.");
    let kept = || created(named::<RuleView<'static>>());
    vec![
        get("/alerts/rules", "listAlertRules", "List alert rules")
            .tag("alerts")
            .about("All of them, by name. A new store has two, `failures-in-a-row` and `endpoint-off`; they may be changed and removed.")
            .gives(200, in_json("The rules.", listed(named::<RuleView<'static>>()))),
        one(get("/alerts/rules/{name}", "getAlertRule", "Look at an alert rule"))
            .header("If-None-Match", text(), "The ETag that you know.")
            .gives(200, tagged(in_json("The rule.", named::<RuleView<'static>>())))
            .gives(304, reply("It is as you know it.").header("ETag", text(), "The same.")),
        one(put("/alerts/rules/{name}", "putAlertRule", "Keep an alert rule"))
            .about(
                "In place of the one with that name. `failures_in_a_row` watches schedules: the default is two. \
                 `execution_longer` fires while a try runs for that long. `no_execution` fires when a schedule that ought to \
                 have been executed was not for that long; a tick that is passed over counts, a pause does not. \
                 `queue_depth` and `queue_wait` watch jobs that are ready to run, of one subtype or all together. \
                 `endpoint_off` fires for each subscription whose endpoint is switched off, because it said that it is gone or \
                 has taken nothing for five days, and clears when somebody switches it on again; `count` leaves out those that \
                 went off after fewer tries that failed in a row. By the clock it is looked at every ten seconds, or as often as its bound in seconds says if that is shorter. What \
                 fires goes on as long as the new rule is broken too.",
            )
            .header("If-Match", text(), "The ETag that must be there, or `*` for any.")
            .header("If-None-Match", text(), "`*`: no such rule may be there.")
            .takes(vec![(
                "application/json",
                named::<RuleRequest>(),
                json!({ "kind": "execution_longer", "seconds": 3_600, "schedule": "nightly report" }),
            )])
            .gives(201, tagged(in_json("It is kept.", kept())))
            .gives(200, tagged(in_json("It is kept in place of another.", kept())))
            .failing(&[412, 429]),
        one(delete("/alerts/rules/{name}", "removeAlertRule", "Remove an alert rule"))
            .about("What fires because of it clears.")
            .header("If-Match", text(), "The ETag that must be there.")
            .gives(204, reply("It is removed."))
            .failing(&[412]),
    ]
}
