//! The stretch of time that a report is about.

use chrono::{DateTime, Days, NaiveDate, NaiveTime, TimeDelta, Utc};

use crate::{Invalid, both};

/// No report is about more: a day's figures for ten years.
const MAX_DAYS: i64 = 3_660;

/// The days between which there are orders.
const EARLIEST: NaiveDate = NaiveDate::from_ymd_opt(1900, 1, 1).expect("a date");
const LATEST: NaiveDate = NaiveDate::from_ymd_opt(9998, 12, 31).expect("a date");

/// A period, both ends included, and the time zone its days are counted in.
///
/// All four bounds hold at once. A date bounds the day, whatever hours it has in its time zone, and
/// leaves the instants a day's room (which keeps an index useful); a time bounds the instant and
/// leaves the days room.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Period {
    pub from: DateTime<Utc>,
    pub to: DateTime<Utc>,
    pub first_day: NaiveDate,
    pub last_day: NaiveDate,
    /// Whether a date bounds one end and a time the other: which is the earlier, only the time zone tells.
    pub is_mixed: bool,
    /// It has the form of an IANA name; whether there is such a zone, Postgres knows.
    pub zone: String,
}

/// One end of a period, as a query gives it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum End {
    Day(NaiveDate),
    Time(DateTime<Utc>),
}

impl Period {
    /// Reads `start_date`, `end_date` (`YYYY-MM-DD` or RFC 3339) and `tz` of a query; without a date
    /// the period is open at that end.
    ///
    /// # Errors
    /// Each wrong value, by its name; a start after the end, unless the period is mixed.
    pub fn parse<'q>(value_of: impl Fn(&str) -> Option<&'q str>) -> Result<Self, Vec<Invalid>> {
        Self::read(value_of, false)
    }

    /// As [`Period::parse`], where both dates must be given and lie within ten years.
    ///
    /// # Errors
    /// As [`Period::parse`], and for a missing date and a longer period.
    pub fn bounded<'q>(value_of: impl Fn(&str) -> Option<&'q str>) -> Result<Self, Vec<Invalid>> {
        Self::read(value_of, true)
    }

    /// The fault of a time zone that there isn't.
    pub fn no_such_zone() -> Invalid {
        Invalid::new("tz", "must be the name of a time zone, such as UTC or Europe/Berlin (IANA)")
    }

    /// The fault of a period that ends before it starts.
    pub fn reversed() -> Invalid {
        Invalid::new("start_date", "must not be after end_date")
    }

    fn read<'q>(value_of: impl Fn(&str) -> Option<&'q str>, is_bounded: bool) -> Result<Self, Vec<Invalid>> {
        let end_of = |name, open| match value_of(name) {
            Some(text) => End::parse(name, text),
            None if is_bounded => Err(Invalid::new(name, "is required")),
            None => Ok(End::Day(open)),
        };
        let ends = both(end_of("start_date", EARLIEST), end_of("end_date", LATEST));
        let ends = ends.and_then(|(start, end)| Ok(start.up_to(end, is_bounded)?));
        let ((start, end), zone) = both(ends, zone(value_of("tz")))?;
        let ((from, _), (_, to)) = (start.instants(), end.instants());
        let ((first_day, _), (_, last_day)) = (start.days(), end.days());
        let is_mixed = matches!((start, end), (End::Day(_), End::Time(_)) | (End::Time(_), End::Day(_)));
        Ok(Self { from, to, first_day, last_day, is_mixed, zone })
    }
}

impl End {
    fn parse(name: &str, text: &str) -> Result<Self, Invalid> {
        let day = || {
            // Just this form: chrono would take "2026-1-1" and signs, too.
            let is_plain = text.len() == 10 && text.bytes().all(|b| b.is_ascii_digit() || b == b'-');
            text.parse().ok().filter(|_| is_plain).map(Self::Day)
        };
        let time = || DateTime::parse_from_rfc3339(text).ok().map(|time| Self::Time(time.to_utc()));
        let end = day().or_else(time).filter(|end| (EARLIEST..=LATEST).contains(&end.date()));
        end.ok_or_else(|| {
            let detail = "must be a date such as 2026-01-31, or a time with its offset such as \
                2026-01-31T08:00:00Z (RFC 3339), from the year 1900 on";
            Invalid::new(name, detail)
        })
    }

    /// Both ends, if they are in order and, where that matters, within ten years. A day and an instant may turn out
    /// to be in the wrong order once the time zone is known.
    fn up_to(self, end: Self, is_bounded: bool) -> Result<(Self, Self), Invalid> {
        let is_reversed = match (self, end) {
            (Self::Day(start), Self::Day(end)) => start > end,
            (Self::Time(start), Self::Time(end)) => start > end,
            (Self::Day(_), Self::Time(_)) | (Self::Time(_), Self::Day(_)) => false,
        };
        if is_reversed {
            return Err(Period::reversed());
        }
        if is_bounded && (end.date() - self.date()).num_days() > MAX_DAYS {
            return Err(Invalid::new("end_date", format!("must be within {MAX_DAYS} days of start_date")));
        }
        Ok((self, end))
    }

    fn date(self) -> NaiveDate {
        match self {
            Self::Day(day) => day,
            Self::Time(time) => time.date_naive(),
        }
    }

    /// The earliest and the latest instant that may belong to it, in any time zone.
    fn instants(self) -> (DateTime<Utc>, DateTime<Utc>) {
        match self {
            Self::Day(day) => {
                let midnight = day.and_time(NaiveTime::MIN).and_utc();
                (midnight - TimeDelta::days(1), midnight + TimeDelta::days(2))
            }
            Self::Time(time) => (time, time),
        }
    }

    /// The first and the last day that it may fall on, in any time zone.
    fn days(self) -> (NaiveDate, NaiveDate) {
        match self {
            Self::Day(day) => (day, day),
            Self::Time(time) => (time.date_naive() - Days::new(1), time.date_naive() + Days::new(1)),
        }
    }
}

fn zone(name: Option<&str>) -> Result<String, Invalid> {
    let name = name.unwrap_or("UTC");
    let is_plain = name.bytes().all(|b| b.is_ascii_alphanumeric() || b"_+-/".contains(&b));
    if is_plain && (1..=64).contains(&name.len()) { Ok(name.to_owned()) } else { Err(Period::no_such_zone()) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lookup<'q>(query: &[(&str, &'q str)]) -> impl Fn(&str) -> Option<&'q str> {
        move |name| query.iter().find(|(n, _)| *n == name).map(|(_, v)| *v)
    }

    fn between(start: &str, end: &str) -> Result<Period, Vec<Invalid>> {
        Period::bounded(lookup(&[("start_date", start), ("end_date", end)]))
    }

    fn pointers(faults: Result<Period, Vec<Invalid>>) -> Vec<String> {
        faults.unwrap_err().into_iter().map(|fault| fault.pointer).collect()
    }

    #[test]
    fn dates_bound_days_and_times_bound_instants() {
        let days = between("2026-03-01", "2026-03-31").unwrap();
        assert_eq!(days.first_day.to_string(), "2026-03-01");
        assert_eq!(days.last_day.to_string(), "2026-03-31");
        assert_eq!(days.from.to_rfc3339(), "2026-02-28T00:00:00+00:00");
        assert_eq!(days.to.to_rfc3339(), "2026-04-02T00:00:00+00:00");
        assert_eq!(days.zone, "UTC");
        let times = between("2026-03-01T10:00:00+02:00", "2026-03-01T09:00:00Z").unwrap();
        assert_eq!(times.from.to_rfc3339(), "2026-03-01T08:00:00+00:00");
        assert_eq!(times.to.to_rfc3339(), "2026-03-01T09:00:00+00:00");
        assert_eq!(times.first_day.to_string(), "2026-02-28");
        assert_eq!(times.last_day.to_string(), "2026-03-02");
    }

    #[test]
    fn a_period_may_be_open() {
        let from_march = Period::parse(lookup(&[("start_date", "2026-03-01")])).unwrap();
        assert_eq!(
            (from_march.first_day.to_string(), from_march.last_day),
            ("2026-03-01".to_owned(), LATEST)
        );
        assert_eq!(Period::parse(lookup(&[])).unwrap().first_day, EARLIEST);
        assert_eq!(pointers(Period::bounded(lookup(&[]))), ["start_date", "end_date"]);
        assert_eq!(pointers(Period::bounded(lookup(&[("end_date", "2026-01-01")]))), ["start_date"]);
    }

    #[test]
    fn a_day_and_an_instant_are_put_in_order_by_the_time_zone() {
        for (start, end, is_mixed) in [
            ("2026-03-01", "2026-03-01T00:30:00+02:00", true),
            ("2026-03-02T05:00:00Z", "2026-03-01", true),
            ("2026-03-01", "2026-03-01", false),
            ("2026-03-01T00:00:00Z", "2026-03-01T00:00:00Z", false),
        ] {
            assert_eq!(between(start, end).unwrap().is_mixed, is_mixed, "{start} to {end}");
        }
    }

    #[test]
    fn whatever_is_wrong_is_named() {
        for (start, end, at) in [
            ("2026-03-02", "2026-03-01", "start_date"),
            ("2026-03-01T10:00:01Z", "2026-03-01T10:00:00Z", "start_date"),
            ("2010-01-01", "2026-01-01", "end_date"),
            ("2026-02-30", "2026-03-01", "start_date"),
            ("2026-1-1", "2026-03-01", "start_date"),
            ("+2026-01-1", "2026-03-01", "start_date"),
            ("0000-01-01", "2026-03-01", "start_date"),
            ("2026-03-01", "2026-03-01T10:00:00", "end_date"),
            ("2026-03-01", "9999-12-31", "end_date"),
            ("2026-03-01", "", "end_date"),
        ] {
            assert_eq!(pointers(between(start, end)), [at], "{start} to {end}");
        }
        assert!(between("2016-01-01", "2026-01-01").is_ok());
        assert!(between("2016-01-01T00:00:00Z", "2026-01-08T00:00:00Z").is_ok());
        assert!(between("2016-01-01T00:00:00Z", "2026-01-09T00:00:00Z").is_err());
        let all = lookup(&[("start_date", "x"), ("end_date", "y"), ("tz", "a b")]);
        assert_eq!(pointers(Period::parse(all)), ["start_date", "end_date", "tz"]);
        let missing = lookup(&[("end_date", "x"), ("tz", "a b")]);
        assert_eq!(pointers(Period::bounded(missing)), ["start_date", "end_date", "tz"]);
        let reversed = lookup(&[("start_date", "2026-03-02"), ("end_date", "2026-03-01"), ("tz", "a b")]);
        assert_eq!(pointers(Period::bounded(reversed)), ["start_date", "tz"]);
        let long = lookup(&[("start_date", "2010-01-01"), ("end_date", "2026-01-01"), ("tz", "a b")]);
        assert_eq!(pointers(Period::bounded(long)), ["end_date", "tz"]);
        for zone in ["", "Europe/Berlin;", "UTC\0", &"x".repeat(65)] {
            assert_eq!(pointers(Period::parse(lookup(&[("tz", zone)]))), ["tz"], "{zone:?}");
        }
    }
}
