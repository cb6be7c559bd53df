//! The instants that a report is about.

use chrono::NaiveDateTime;
use domain::{Invalid, Period};
use serde::Deserialize;
use spin_sdk::pg::ParameterValue;

use crate::{
    Database, DbError,
    database::optional_document,
    parameters::{moment, text},
};

/// Zones that Postgres takes for abbreviations, without summer time, and whose links they are (tzdata 2024b).
const LINKS: [(&str, &str); 4] = [
    ("CET", "Europe/Brussels"),
    ("MET", "Europe/Brussels"),
    ("EET", "Europe/Athens"),
    ("WET", "Europe/Lisbon"),
];

/// From the first instant of a period up to, and without, the second.
pub struct Span {
    bounds: Bounds,
    /// By whose days a report is divided.
    zone: String,
}

#[derive(Deserialize)]
struct Bounds {
    from: NaiveDateTime,
    until: NaiveDateTime,
}

impl Span {
    /// The span of a period, or why it has none: there is no such time zone, or there it ends before it starts.
    ///
    /// A day begins at its first midnight: where clocks go back over it, by one of the steps below, Postgres knows the
    /// second. (To look through all time zones takes a while; UTC needs no look.)
    pub async fn of(db: &Database, period: &Period) -> Result<Result<Self, Invalid>, DbError> {
        let statement = "with zone as (
                select $5::text as name where $5 = 'UTC'
                union all
                select name from pg_timezone_names where name = $5 and $5 <> 'UTC'
                    and name !~ '^(posix/|right/|localtime$|posixrules$|Factory$)'
            )
            select json_build_object(
                'from', greatest($1::timestamp, min(midnight at time zone 'utc') filter (where day = $3::date)),
                'until', least($2::timestamp + interval '1 microsecond',
                    min(midnight at time zone 'utc') filter (where day = $4::date + 1)))::text
            from zone, unnest(array[$3::date, $4::date + 1]) day, unnest('{0 h, 0.5 h, 1 h, 2 h, 3 h}'::interval[]) earlier,
                lateral (select day::timestamp at time zone zone.name - earlier as midnight) m
            where (midnight at time zone zone.name)::date >= day
            group by zone.name";
        let link = LINKS.iter().find(|(name, _)| *name == period.zone);
        let zone = link.map_or(period.zone.as_str(), |(_, zone)| *zone);
        let parameters = [
            moment(period.from),
            moment(period.to),
            period.first_day.into(),
            period.last_day.into(),
            text(zone),
        ];
        let bounds: Option<Bounds> = optional_document(&db.alone(statement, &parameters).await?)?;
        Ok(match bounds {
            None => Err(Period::no_such_zone()),
            // Of days alone, an empty span is a day that the zone left out: Apia had no 30 December 2011.
            Some(Bounds { from, until }) if period.is_mixed && from >= until => Err(Period::reversed()),
            Some(bounds) => Ok(Self { bounds, zone: zone.to_owned() }),
        })
    }

    /// As the parameters `$1` and `$2`.
    pub(super) fn bounds(&self) -> [ParameterValue; 2] {
        [self.bounds.from.into(), self.bounds.until.into()]
    }

    pub(super) fn zone(&self) -> ParameterValue {
        text(&self.zone)
    }
}
