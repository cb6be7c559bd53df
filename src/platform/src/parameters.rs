//! The domain's values as parameters of statements.

use chrono::{DateTime, Utc};
use domain::{Money, PricedLine};
use spin_sdk::pg::ParameterValue;

pub fn text(text: &str) -> ParameterValue {
    ParameterValue::Str(text.to_owned())
}

pub fn optional_text(value: Option<&str>) -> ParameterValue {
    value.map_or(ParameterValue::DbNull, text)
}

pub fn amount(money: Money) -> ParameterValue {
    ParameterValue::Decimal(money.to_string())
}

/// A `timestamp` in UTC: no parameter can be a `timestamptz`, so statements say
/// `$n::timestamp at time zone 'utc'`.
pub fn moment(time: DateTime<Utc>) -> ParameterValue {
    time.naive_utc().into()
}

pub fn optional_moment(time: Option<DateTime<Utc>>) -> ParameterValue {
    time.map_or(ParameterValue::DbNull, moment)
}

/// Lines of an order as four columns: product, quantity, price and name.
pub fn columns(lines: &[PricedLine]) -> [ParameterValue; 4] {
    [
        lines.iter().map(|line| line.product_id.get()).collect::<Vec<_>>().into(),
        lines.iter().map(|line| line.quantity.get()).collect::<Vec<_>>().into(),
        ParameterValue::ArrayDecimal(lines.iter().map(|line| Some(line.price.to_string())).collect()),
        ParameterValue::ArrayStr(lines.iter().map(|line| Some(line.name.clone())).collect()),
    ]
}
