//! Times as clients write them.

use chrono::{DateTime, Datelike, Utc};

use crate::Invalid;

/// Reads a time with its offset (RFC 3339).
///
/// # Errors
/// It isn't one; the pointer is `at`.
pub fn parse_time(at: &str, text: &str) -> Result<DateTime<Utc>, Invalid> {
    let time = DateTime::parse_from_rfc3339(text).map(|time| time.to_utc()).ok().filter(is_storable);
    // What a query's + stands for.
    let hint = if text.contains(' ') { "; write + as %2B" } else { "" };
    let detail = || format!("must be a time with its offset, such as 2026-01-02T08:00:00Z (RFC 3339){hint}");
    time.ok_or_else(|| Invalid::new(at, detail()))
}

/// Whether Postgres and JSON know such a time alike: their years have up to four digits.
pub(crate) fn is_storable(time: &DateTime<Utc>) -> bool {
    (0..=9999).contains(&time.year())
}
