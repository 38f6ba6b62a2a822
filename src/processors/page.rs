//! A report as a page that needs nothing else: no script, no font, no address of another place.

use std::fmt::{self, Display, Write};

use super::group::Grouped;
use crate::work::PartialErrors;

/// The look: quiet, with figures that line up, in the light or dark that the reader likes.
const STYLE: &str = "\
:root{color-scheme:light dark;--line:#8884;--soft:#8881}\
body{font:16px/1.5 system-ui,sans-serif;max-width:64rem;margin:2rem auto;padding:0 1rem}\
table{border-collapse:collapse;width:100%}\
th,td{padding:.35rem .75rem;border-bottom:1px solid var(--line);text-align:left}\
thead th{position:sticky;top:0;background:Canvas}\
.figure{text-align:right;font-variant-numeric:tabular-nums}\
tbody tr:nth-child(even){background:var(--soft)}\
tfoot td{font-weight:600;border-top:2px solid var(--line)}\
.note{color:GrayText}";

/// Draws the page.
pub(super) fn page(title: &str, grouped: &Grouped<'_>, errors: &PartialErrors) -> String {
    let mut page = String::with_capacity(4_096 + 128 * grouped.groups.len());
    // Writing to a text cannot fail.
    let _ = draw(&mut page, title, grouped, errors);
    page
}

fn draw(page: &mut String, title: &str, grouped: &Grouped<'_>, errors: &PartialErrors) -> fmt::Result {
    let title = Escaped(title);
    let (groups, rows) = (grouped.groups.len(), grouped.rows);
    write!(page, "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n")?;
    write!(page, "<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n<title>{title}</title>\n")?;
    write!(page, "<style>{STYLE}</style>\n</head>\n<body>\n<h1>{title}</h1>\n")?;
    writeln!(page, "<p class=\"note\">{groups} groups of {rows} rows</p>\n<table>\n<thead><tr>")?;
    for (at, heading) in grouped.headings().enumerate() {
        let class = if at < grouped.by.len() { "" } else { " class=\"figure\"" };
        write!(page, "<th scope=\"col\"{class}>{}</th>", Escaped(&heading))?;
    }
    write!(page, "<th scope=\"col\" class=\"figure\">rows</th></tr></thead>\n<tbody>\n")?;
    for group in &grouped.groups {
        write!(page, "<tr>")?;
        group.key.iter().try_for_each(|part| write!(page, "<td>{}</td>", Escaped(part)))?;
        draw_figures(page, &group.figures, group.rows)?;
    }
    write!(page, "</tbody>\n<tfoot><tr><td colspan=\"{}\">All</td>", grouped.by.len())?;
    draw_figures(page, &grouped.totals, rows)?;
    writeln!(page, "</tfoot>\n</table>")?;
    draw_errors(page, errors)?;
    write!(page, "</body>\n</html>\n")
}

fn draw_figures(page: &mut String, figures: &[Option<f64>], rows: u64) -> fmt::Result {
    for figure in figures {
        match figure {
            Some(figure) => write!(page, "<td class=\"figure\">{}</td>", Grouping(*figure))?,
            None => write!(page, "<td class=\"figure\">–</td>")?,
        }
    }
    writeln!(page, "<td class=\"figure\">{}</td></tr>", Grouping(rows as f64))
}

fn draw_errors(page: &mut String, errors: &PartialErrors) -> fmt::Result {
    if errors.count == 0 {
        return Ok(());
    }
    writeln!(page, "<details>\n<summary>{} errors in the data</summary>\n<ul>", errors.count)?;
    for error in &errors.first {
        writeln!(page, "<li>{} {}</li>", Escaped(&error.item), Escaped(&error.message))?;
    }
    if errors.count > errors.first.len() as u64 {
        writeln!(page, "<li>and {} more</li>", errors.count - errors.first.len() as u64)?;
    }
    writeln!(page, "</ul>\n</details>")
}

/// A text that says in HTML what it says: none of its characters opens or closes anything.
struct Escaped<'a>(&'a str);

impl Display for Escaped<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.chars().try_for_each(|c| match c {
            '&' => f.write_str("&amp;"),
            '<' => f.write_str("&lt;"),
            '>' => f.write_str("&gt;"),
            '"' => f.write_str("&quot;"),
            '\'' => f.write_str("&#39;"),
            // What no text in HTML may hold.
            '\0'..='\u{8}' | '\u{b}' | '\u{c}' | '\u{e}'..='\u{1f}' => f.write_str("\u{fffd}"),
            c => f.write_char(c),
        })
    }
}

/// A figure with its thousands set apart and few digits after the point: `1,234,567.5`, `0.0625`.
struct Grouping(f64);

impl Display for Grouping {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.0.abs() >= 1e15 {
            return write!(f, "{:e}", self.0);
        }
        let digits = if self.0.abs() < 1.0 { 4 } else { 2 };
        let text = format!("{:.digits$}", self.0.abs());
        let (whole, rest) = text.split_once('.').unwrap_or((&text, ""));
        let rest = rest.trim_end_matches('0');
        if self.0 < 0.0 && (whole != "0" || !rest.is_empty()) {
            f.write_char('-')?;
        }
        for (at, digit) in whole.chars().enumerate() {
            if at > 0 && (whole.len() - at).is_multiple_of(3) {
                f.write_char(',')?;
            }
            f.write_char(digit)?;
        }
        if rest.is_empty() { Ok(()) } else { write!(f, ".{rest}") }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn figures_are_easy_to_read() {
        for (figure, text) in [
            (0.0, "0"),
            (-0.000_01, "0"),
            (-0.062_5, "-0.0625"),
            (999.0, "999"),
            (1_000.0, "1,000"),
            (-1_234_567.5, "-1,234,567.5"),
            (1.125, "1.12"),
            (0.125, "0.125"),
            (2e20, "2e20"),
        ] {
            assert_eq!(Grouping(figure).to_string(), text);
        }
    }

    #[test]
    fn no_text_becomes_markup() {
        assert_eq!(Escaped("<a href='x'>&\"\u{1}").to_string(), "&lt;a href=&#39;x&#39;&gt;&amp;&quot;\u{fffd}");
    }
}
