//! A statement's parameters, from the guest's types to SQL's.

use anyhow::{Context as _, Result};
use chrono::{DateTime, NaiveDate, NaiveTime, Utc};
use postgres_range::{BoundSided, BoundType, Normalizable, Range, RangeBound};
use rust_decimal::Decimal;
use tokio_postgres::types::ToSql;
use uuid::Uuid;

use super::sql_types::{Bound, Null};
use crate::bindings::spin::postgres::postgres::{ParameterValue, RangeBoundKind};

type Parameter = Box<dyn ToSql + Send + Sync>;

pub fn convert(parameters: &[ParameterValue]) -> Result<Vec<Parameter>> {
    parameters.iter().map(parameter).collect()
}

fn parameter(value: &ParameterValue) -> Result<Parameter> {
    Ok(match value {
        ParameterValue::Boolean(value) => Box::new(*value),
        ParameterValue::Int8(value) => Box::new(*value),
        ParameterValue::Int16(value) => Box::new(*value),
        ParameterValue::Int32(value) => Box::new(*value),
        ParameterValue::Int64(value) => Box::new(*value),
        ParameterValue::Floating32(value) => Box::new(*value),
        ParameterValue::Floating64(value) => Box::new(*value),
        ParameterValue::Str(value) => Box::new(value.clone()),
        ParameterValue::Binary(value) => Box::new(value.clone()),
        ParameterValue::Date(value) => Box::new(date(*value)?),
        ParameterValue::Time(value) => Box::new(time(*value)?),
        &ParameterValue::Datetime((year, month, day, hour, minute, second, nanosecond)) => {
            Box::new(date((year, month, day))?.and_time(time((hour, minute, second, nanosecond))?))
        }
        ParameterValue::Timestamp(value) => Box::new(timestamp(*value)?),
        ParameterValue::Uuid(value) => {
            Box::new(Uuid::parse_str(value).with_context(|| format!("invalid UUID {value}"))?)
        }
        ParameterValue::Jsonb(value) => Box::new(json(value)?),
        ParameterValue::Decimal(value) => Box::new(decimal(value)?),
        ParameterValue::RangeInt32((lower, upper)) => Box::new(range(*lower, *upper)),
        ParameterValue::RangeInt64((lower, upper)) => Box::new(range(*lower, *upper)),
        ParameterValue::RangeDecimal((lower, upper)) => {
            Box::new(range(decimal_bound(lower.as_ref())?, decimal_bound(upper.as_ref())?))
        }
        ParameterValue::ArrayInt32(values) => Box::new(values.clone()),
        ParameterValue::ArrayInt64(values) => Box::new(values.clone()),
        ParameterValue::ArrayStr(values) => Box::new(values.clone()),
        ParameterValue::ArrayDecimal(values) => {
            let values = values.iter().map(|value| value.as_deref().map(decimal).transpose());
            Box::new(values.collect::<Result<Vec<_>>>()?)
        }
        ParameterValue::Interval(value) => Box::new(*value),
        ParameterValue::DbNull => Box::new(Null),
    })
}

fn date((year, month, day): (i32, u8, u8)) -> Result<NaiveDate> {
    NaiveDate::from_ymd_opt(year, month.into(), day.into())
        .with_context(|| format!("invalid date y={year}, m={month}, d={day}"))
}

fn time((hour, minute, second, nanosecond): (u8, u8, u8, u32)) -> Result<NaiveTime> {
    NaiveTime::from_hms_nano_opt(hour.into(), minute.into(), second.into(), nanosecond)
        .with_context(|| format!("invalid time {hour}:{minute}:{second}:{nanosecond}"))
}

fn timestamp(seconds: i64) -> Result<DateTime<Utc>> {
    DateTime::from_timestamp(seconds, 0).with_context(|| format!("invalid epoch timestamp {seconds}"))
}

fn json(bytes: &[u8]) -> Result<serde_json::Value> {
    serde_json::from_slice(bytes).with_context(|| format!("invalid JSON {}", String::from_utf8_lossy(bytes)))
}

fn decimal(text: &str) -> Result<Decimal> {
    Decimal::from_str_exact(text).with_context(|| format!("invalid decimal {text}"))
}

fn decimal_bound(bound: Option<&(String, RangeBoundKind)>) -> Result<Option<(Bound, RangeBoundKind)>> {
    bound.map(|(text, kind)| Ok((Bound(decimal(text)?), *kind))).transpose()
}

fn range<T: Normalizable + PartialOrd>(
    lower: Option<(T, RangeBoundKind)>,
    upper: Option<(T, RangeBoundKind)>,
) -> Range<T> {
    Range::new(lower.map(range_bound), upper.map(range_bound))
}

fn range_bound<S: BoundSided, T: Normalizable + PartialOrd>(
    (value, kind): (T, RangeBoundKind),
) -> RangeBound<S, T> {
    let bound = match kind {
        RangeBoundKind::Inclusive => BoundType::Inclusive,
        RangeBoundKind::Exclusive => BoundType::Exclusive,
    };
    RangeBound::new(value, bound)
}
