//! Spans of time as people write and read them: `90`, `30s`, `5m`, `2h`, `30d`, `250ms`.

use std::time::Duration;

/// Reads a span; a bare number is seconds.
pub fn parse(text: &str) -> Result<Duration, String> {
    let bad = || format!("`{text}` is not a time such as 90, 30s, 5m, 2h or 30d");
    let text = text.trim();
    let digits = text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len());
    let (number, unit) = text.split_at(digits);
    let number: u64 = number.parse().map_err(|_| bad())?;
    let seconds_each = match unit.trim() {
        "ms" => return Ok(Duration::from_millis(number)),
        "" | "s" => 1,
        "m" | "min" => 60,
        "h" => 3_600,
        "d" => 86_400,
        "w" => 604_800,
        _ => return Err(bad()),
    };
    number.checked_mul(seconds_each).map(Duration::from_secs).ok_or_else(bad)
}

/// Shows a span in at most two units: `340 ms`, `2.1 s`, `1 min 20 s`, `3 h 5 min`, `12 d`.
pub fn show(span: Duration) -> String {
    let seconds = span.as_secs();
    match seconds {
        0 if span.subsec_millis() == 0 && span.subsec_nanos() > 0 => format!("{} µs", span.as_micros()),
        0 => format!("{} ms", span.as_millis()),
        1..10 if span.subsec_millis() > 0 => format!("{:.1} s", span.as_secs_f64()),
        1..60 => format!("{seconds} s"),
        60..3_600 => two(seconds / 60, "min", seconds % 60, "s"),
        3_600..86_400 => two(seconds / 3_600, "h", seconds % 3_600 / 60, "min"),
        _ => two(seconds / 86_400, "d", seconds % 86_400 / 3_600, "h"),
    }
}

fn two(large: u64, large_unit: &str, small: u64, small_unit: &str) -> String {
    if small == 0 { format!("{large} {large_unit}") } else { format!("{large} {large_unit} {small} {small_unit}") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_what_people_write() {
        for (text, millis) in [("90", 90_000), ("30s", 30_000), ("5 m", 300_000), ("2h", 7_200_000), ("250ms", 250)] {
            assert_eq!(parse(text), Ok(Duration::from_millis(millis)), "{text}");
        }
        for text in ["", "s", "-1", "1.5h", "3 weeks", "99999999999999999999d"] {
            assert!(parse(text).is_err(), "{text}");
        }
    }

    #[test]
    fn shows_two_units_at_most() {
        for (millis, text) in
            [(0, "0 ms"), (340, "340 ms"), (2_149, "2.1 s"), (3_000, "3 s"), (80_000, "1 min 20 s"), (3_600_000, "1 h")]
        {
            assert_eq!(show(Duration::from_millis(millis)), text);
        }
    }
}
