//! What goes to the terminal, or into a pipe. A pipe that was closed ends the command quietly, and nothing here
//! draws or colours for a reader that is not a person.

use std::io::{self, IsTerminal as _, Write as _};

use comfy_table::{CellAlignment, Color, ContentArrangement, Table, presets};
use console::{Style, Term};
use serde::Serialize;

use faena::job::Status;

use super::ending::Trouble;

/// Width that tables and bars are made for when nobody says how wide the terminal is.
const WIDTH_DEFAULT: u16 = 100;

/// Writes a line to stdout.
pub fn line(text: impl AsRef<str>) -> Result<(), Trouble> {
    bytes(format!("{}\n", text.as_ref()).as_bytes())
}

/// Writes a text to stdout, on as many lines as the terminal needs for it; in a pipe on one.
pub fn paragraph(text: &str) -> Result<(), Trouble> {
    let columns = if is_terminal() { usize::from(width()) } else { usize::MAX };
    wrapped(text, columns).iter().try_for_each(line)
}

/// The words of a text on lines of at most so many columns. A word that is longer has a line of its own.
fn wrapped(text: &str, columns: usize) -> Vec<String> {
    let mut lines = vec![String::new()];
    for word in text.split_whitespace() {
        let at = lines.len() - 1;
        let taken = console::measure_text_width(&lines[at]);
        if taken == 0 {
            lines[at].push_str(word);
        } else if taken + 1 + console::measure_text_width(word) <= columns {
            lines[at].push(' ');
            lines[at].push_str(word);
        } else {
            lines.push(word.to_owned());
        }
    }
    lines
}

/// Writes bytes to stdout and sees them off.
pub fn bytes(bytes: &[u8]) -> Result<(), Trouble> {
    let mut stdout = io::stdout().lock();
    stdout.write_all(bytes)?;
    stdout.flush()?;
    Ok(())
}

/// Writes a value to stdout as JSON: over several lines for a person, in one for a program.
pub fn json(value: &impl Serialize) -> Result<(), Trouble> {
    let text = if is_terminal() { serde_json::to_string_pretty(value) } else { serde_json::to_string(value) };
    line(text.map_err(anyhow::Error::from)?)
}

/// Writes a value to stdout as one line of JSON.
pub fn json_line(value: &impl Serialize) -> Result<(), Trouble> {
    line(serde_json::to_string(value).map_err(anyhow::Error::from)?)
}

/// Tells a person something that is not data, on stderr.
pub fn note(text: impl AsRef<str>) {
    // Nobody listening on stderr is fine.
    let _ = writeln!(io::stderr(), "{}", text.as_ref());
}

/// How this program was called, for lines that a person may copy: a newcomer has it in no folder of commands yet.
pub fn program() -> String {
    std::env::args().next().filter(|name| name.contains('/')).unwrap_or_else(|| "faena".to_owned())
}

/// Whether a person sees stdout.
pub fn is_terminal() -> bool {
    io::stdout().is_terminal()
}

/// Whether a person sees both streams, so that a bar may be drawn over what was written.
pub fn may_draw() -> bool {
    is_terminal() && may_draw_on(&io::stderr())
}

/// Whether a person sees a stream, on a terminal that can go back in its line.
pub fn may_draw_on(stream: &impl io::IsTerminal) -> bool {
    stream.is_terminal() && std::env::var_os("TERM").is_none_or(|term| term != "dumb")
}

/// Whether colours are wanted on a stream: a terminal, and no `NO_COLOR`.
pub fn colours(stream: &impl io::IsTerminal) -> bool {
    stream.is_terminal()
        && std::env::var_os("NO_COLOR").is_none_or(|value| value.is_empty())
        && std::env::var_os("TERM").is_none_or(|term| term != "dumb")
}

/// Columns of the terminal.
pub fn width() -> u16 {
    Term::stdout()
        .size_checked()
        .or_else(|| Term::stderr().size_checked())
        .map_or(WIDTH_DEFAULT, |(_, columns)| columns)
}

/// A text in a style on stdout, if colours are wanted there.
pub fn styled(text: &str, style: Style) -> String {
    if colours(&io::stdout()) { style.force_styling(true).apply_to(text).to_string() } else { text.to_owned() }
}

/// A status in its colour.
pub fn status(status: Status) -> String {
    let style = match status {
        Status::Completed => Style::new().green(),
        Status::Failed => Style::new().red(),
        Status::Cancelled => Style::new().yellow(),
        Status::Started | Status::Progress => Style::new().cyan(),
        Status::Queued => Style::new().dim(),
    };
    styled(status.as_str(), style)
}

/// A table without lines, made for the terminal; in a pipe nothing is cut and every job is one line.
pub fn table(heads: &[&str]) -> Table {
    let mut table = Table::new();
    table.load_style(presets::NOTHING).set_header(heads.iter().copied());
    // What is too long is cut where the room ends, and not where the last word did.
    table.set_delimiter('\u{1f}');
    match is_terminal() {
        true => table.set_content_arrangement(ContentArrangement::Dynamic).set_width(width()),
        false => table.set_content_arrangement(ContentArrangement::Disabled),
    };
    match colours(&io::stdout()) {
        true => table.enforce_styling(),
        false => table.force_no_tty(),
    };
    table
}

/// Prints a table. Each row is one line; what does not fit is cut.
pub fn print_table(table: &mut Table, right: &[usize]) -> Result<(), Trouble> {
    table.row_iter_mut().for_each(|row| _ = row.max_height(1));
    for (index, column) in table.column_iter_mut().enumerate() {
        column.set_padding((0, 2));
        if right.contains(&index) {
            column.set_cell_alignment(CellAlignment::Right);
        }
    }
    line(table.lines().map(|row| row.trim_end().to_owned()).collect::<Vec<_>>().join("\n"))
}

/// The colour of a status in a table.
pub const fn colour(status: Status) -> Color {
    match status {
        Status::Completed => Color::Green,
        Status::Failed => Color::Red,
        Status::Cancelled => Color::Yellow,
        Status::Started | Status::Progress => Color::Cyan,
        Status::Queued => Color::Reset,
    }
}

/// A text without what a terminal would obey: what a job says may come from anywhere.
pub fn harmless(text: &str) -> String {
    text.chars().map(|c| if c.is_control() { ' ' } else { c }).collect()
}

/// At most `columns` characters of a text, with an ellipsis where it was cut.
pub fn cut(text: &str, columns: usize) -> String {
    console::truncate_str(text, columns, "…").into_owned()
}

/// A number with thin groups of three digits, as people read it: `120,000`.
pub fn grouped(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::with_capacity(digits.len() + digits.len() / 3);
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn groups_digits_by_three() {
        for (number, text) in [(0, "0"), (999, "999"), (1_000, "1,000"), (120_000, "120,000"), (1_234_567, "1,234,567")]
        {
            assert_eq!(grouped(number), text);
        }
    }

    #[test]
    fn breaks_lines_between_words() {
        assert_eq!(wrapped("at 02:30 every day", 9), ["at 02:30", "every day"]);
        assert_eq!(wrapped("at 02:30", 3), ["at", "02:30"]);
        assert_eq!(wrapped("at 02:30", usize::MAX), ["at 02:30"]);
        assert_eq!(wrapped("", 3), [""]);
    }

    #[test]
    fn a_job_cannot_speak_to_the_terminal() {
        assert_eq!(harmless("a\x1b[2Jb\nc"), "a [2Jb c");
    }
}
