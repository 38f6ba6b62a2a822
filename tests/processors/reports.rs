//! `generate_report`: the groups, the figures, the page.

use std::sync::Arc;

use faena::processors::generate_report::GenerateReport;
use faena::work::{Context, Processor};
use serde_json::{Value, json};

use crate::{Heard, job, kind_of, payload, run, text_of};

const ORDERS: &str = "region,product,amount\nN,lamp,10\nS,lamp,3\nN,desk,\nN,lamp,2.5\nS,desk,x\nS,desk,4\n";

fn report(changes: Value) -> Value {
    let mut whole = json!({
        "csv": ORDERS, "groupBy": ["region"], "format": "csv",
        "measures": [{ "column": "amount", "op": "sum" }],
    });
    whole.as_object_mut().unwrap().extend(changes.as_object().unwrap().clone());
    whole
}

fn made(changes: Value) -> String {
    text_of(run(&GenerateReport::default(), &report(changes)).unwrap()).1
}

#[test]
fn every_measure_of_every_group() {
    let ops = ["sum", "mean", "min", "max", "count", "median"];
    let measures: Vec<_> = ops.iter().map(|op| json!({ "column": "amount", "op": op })).collect();
    let (content_type, text) =
        text_of(run(&GenerateReport::default(), &report(json!({ "measures": measures }))).unwrap());
    assert_eq!(content_type, "text/csv; charset=utf-8");
    assert_eq!(
        text,
        "region,sum(amount),mean(amount),min(amount),max(amount),count(amount),median(amount)\n\
         N,12.5,6.25,2.5,10,2,6.25\n\
         S,7,3.5,3,4,3,3.5\n"
    );
}

#[test]
fn groups_by_several_columns_in_their_order() {
    let text = made(json!({ "groupBy": ["product", "region"] }));
    assert_eq!(text, "product,region,sum(amount)\ndesk,N,\ndesk,S,4\nlamp,N,12.5\nlamp,S,3\n");
}

#[test]
fn medians_and_sums_hold_across_blocks() {
    // An odd number of rows over several blocks; a plain sum of these would lose the ones.
    let rows: String = (0..30_001).map(|n| format!("g,{}\n", if n == 0 { 1e16 } else { 1.0 })).collect();
    let csv = format!("region,amount\n{rows}");
    let ops = ["sum", "median", "count", "max"];
    let measures: Vec<_> = ops.iter().map(|op| json!({ "column": "amount", "op": op })).collect();
    let text = made(json!({ "csv": csv, "measures": measures }));
    assert!(text.ends_with("\ng,10000000000030000,1,30001,10000000000000000\n"), "{text}");
}

#[test]
fn a_cell_that_is_no_number_is_an_error_of_its_row_once() {
    let ctx = Context::detached(job(1));
    let measures = json!([{ "column": "amount", "op": "sum" }, { "column": "amount", "op": "mean" }]);
    GenerateReport::default().run(payload(&report(json!({ "measures": measures }))), &ctx).unwrap();
    assert_eq!(ctx.partial_errors().count, 1);
    assert_eq!(*ctx.lines(), [Box::from("row 5 has `x` in `amount`, which is no number")]);
}

#[test]
fn the_page_is_whole_and_says_what_the_data_say() {
    let csv = "who,amount\n<script>alert('x')</script>,1234567.5\n\"a & \"\"b\"\"\",-1\nbad,1;2\n";
    let changes = json!({ "csv": csv, "groupBy": ["who"], "format": "html", "title": "Sales </title>" });
    let (content_type, page) = text_of(run(&GenerateReport::default(), &report(changes)).unwrap());
    assert_eq!(content_type, "text/html; charset=utf-8");
    assert!(page.starts_with("<!DOCTYPE html>\n<html lang=\"en\">"));
    assert!(page.contains("<h1>Sales &lt;/title&gt;</h1>"));
    assert!(
        page.contains("<td>&lt;script&gt;alert(&#39;x&#39;)&lt;/script&gt;</td><td class=\"figure\">1,234,567.5</td>")
    );
    assert!(page.contains("<td>a &amp; &quot;b&quot;</td><td class=\"figure\">-1</td>"));
    assert!(page.contains("<td>bad</td><td class=\"figure\">–</td>"));
    assert!(page.contains(
        "<tfoot><tr><td colspan=\"1\">All</td><td class=\"figure\">1,234,566.5</td><td class=\"figure\">3</td>"
    ));
    assert!(page.contains("<li>row 3 has `1;2` in `amount`, which is no number</li>"));
    assert!(!page.contains("<script") && !page.contains("http"), "it needs nothing else");
    for tag in ["html", "head", "body", "table", "thead", "tbody", "tfoot", "details", "ul", "style", "tr"] {
        assert_eq!(
            page.matches(&format!("<{tag}>")).count() + page.matches(&format!("<{tag} ")).count(),
            page.matches(&format!("</{tag}>")).count(),
            "{tag}"
        );
    }
}

#[test]
fn a_column_that_is_not_there_is_named_with_those_that_are() {
    let failure = run(&GenerateReport::default(), &report(json!({ "groupBy": ["country"] }))).unwrap_err();
    assert_eq!(kind_of(&failure), "no_such_column");
    assert_eq!(failure.message(), "the data has no column `country`; there are: region, product, amount");
    assert!(!failure.is_retryable());
}

#[test]
fn more_groups_than_a_report_can_hold_are_refused() {
    let rows: String = (0..100_001).map(|n| format!("{n},1\n")).collect();
    let failure =
        run(&GenerateReport::default(), &report(json!({ "csv": format!("region,amount\n{rows}") }))).unwrap_err();
    assert_eq!(kind_of(&failure), "too_large");
}

#[test]
fn grouping_stops_when_asked() {
    let heard = Arc::new(Heard::default());
    let ctx = heard.context(job(1), |_, message| message.ends_with("blocks grouped"));
    let csv = format!("region,amount\n{}", "a,1\n".repeat(100_000));
    let failure = GenerateReport::default().run(payload(&report(json!({ "csv": csv }))), &ctx).unwrap_err();
    assert!(failure.is_stopped());
    assert!(ctx.percent() < 95);
}
