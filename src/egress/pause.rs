//! How long somebody who was called asks to be left alone.

use std::time::Duration;

use jiff::fmt::rfc2822;
use reqwest::header::{DATE, HeaderMap, HeaderName, RETRY_AFTER};

/// How long a service asks to be left alone: in seconds, or as a date (RFC 9110, 10.2.3). A date is measured against
/// the service's own, so its clock and ours need not agree.
pub fn retry_after(headers: &HeaderMap) -> Option<Duration> {
    let text = |name: HeaderName| headers.get(name)?.to_str().ok();
    let asked = text(RETRY_AFTER)?.trim();
    if let Ok(seconds) = asked.parse() {
        return Some(Duration::from_secs(seconds));
    }
    let date = |text: &str| rfc2822::DateTimeParser::new().parse_timestamp(text).ok();
    let (until, now) = (date(asked)?, date(text(DATE)?)?);
    u64::try_from(until.as_second() - now.as_second()).ok().map(Duration::from_secs)
}

#[cfg(test)]
mod tests {
    use reqwest::header::HeaderValue;

    use super::*;

    fn asked(pairs: &[(HeaderName, &'static str)]) -> Option<Duration> {
        let headers = pairs.iter().map(|(name, value)| (name.clone(), HeaderValue::from_static(value)));
        retry_after(&headers.collect())
    }

    #[test]
    fn a_pause_is_read_in_both_its_forms() {
        let later = "Tue, 24 Nov 2026 08:02:00 GMT";
        let now = "Tue, 24 Nov 2026 08:00:00 GMT";
        assert_eq!(asked(&[(RETRY_AFTER, "120")]), Some(Duration::from_secs(120)));
        assert_eq!(asked(&[(RETRY_AFTER, later), (DATE, now)]), Some(Duration::from_secs(120)));
        assert_eq!(asked(&[(RETRY_AFTER, now), (DATE, later)]), None);
        assert_eq!(asked(&[(RETRY_AFTER, later)]), None);
        assert_eq!(asked(&[(RETRY_AFTER, "-1")]), None);
        assert_eq!(asked(&[(RETRY_AFTER, "soon"), (DATE, now)]), None);
        assert_eq!(asked(&[]), None);
    }
}
