//! A query's rows, from SQL's types to the guest's.

use std::pin::Pin;
use std::task::{Context, Poll};

use anyhow::{Context as _, Result};
use chrono::{Datelike, NaiveDate, NaiveDateTime, NaiveTime, Timelike};
use postgres_range::{BoundSided, BoundType, Normalizable, Range, RangeBound};
use rust_decimal::Decimal;
use tokio::sync::mpsc;
use tokio_postgres::Row;
use tokio_postgres::types::{FromSql, Type};
use uuid::Uuid;
use wasmtime::StoreContextMut;
use wasmtime::component::{Destination, StreamProducer, StreamResult};

use super::sql_types::{Bound, Unsupported};
use crate::bindings::spin::postgres::postgres::{Column, DbDataType, DbValue, Interval, RangeBoundKind};

pub fn columns(row: &Row) -> Vec<Column> {
    let column = |column: &tokio_postgres::Column| Column {
        name: column.name().to_owned(),
        data_type: data_type(column.type_()),
    };
    row.columns().iter().map(column).collect()
}

pub fn convert(row: &Row) -> Result<Vec<DbValue>> {
    (0..row.len()).map(|index| value(row, index)).collect()
}

fn data_type(sql_type: &Type) -> DbDataType {
    match *sql_type {
        Type::BOOL => DbDataType::Boolean,
        Type::BYTEA => DbDataType::Binary,
        Type::FLOAT4 => DbDataType::Floating32,
        Type::FLOAT8 => DbDataType::Floating64,
        Type::INT2 => DbDataType::Int16,
        Type::INT4 => DbDataType::Int32,
        Type::INT8 => DbDataType::Int64,
        Type::TEXT | Type::VARCHAR | Type::BPCHAR => DbDataType::Str,
        Type::TIMESTAMP | Type::TIMESTAMPTZ => DbDataType::Datetime,
        Type::DATE => DbDataType::Date,
        Type::TIME => DbDataType::Time,
        Type::UUID => DbDataType::Uuid,
        Type::JSONB => DbDataType::Jsonb,
        Type::NUMERIC => DbDataType::Decimal,
        Type::INT4_RANGE => DbDataType::RangeInt32,
        Type::INT8_RANGE => DbDataType::RangeInt64,
        Type::NUM_RANGE => DbDataType::RangeDecimal,
        Type::INT4_ARRAY => DbDataType::ArrayInt32,
        Type::INT8_ARRAY => DbDataType::ArrayInt64,
        Type::NUMERIC_ARRAY => DbDataType::ArrayDecimal,
        Type::TEXT_ARRAY | Type::VARCHAR_ARRAY | Type::BPCHAR_ARRAY => DbDataType::ArrayStr,
        Type::INTERVAL => DbDataType::Interval,
        _ => DbDataType::Other(sql_type.name().to_owned()),
    }
}

fn value(row: &Row, index: usize) -> Result<DbValue> {
    match *row.columns()[index].type_() {
        Type::BOOL => get(row, index, DbValue::Boolean),
        Type::BYTEA => get(row, index, DbValue::Binary),
        Type::FLOAT4 => get(row, index, DbValue::Floating32),
        Type::FLOAT8 => get(row, index, DbValue::Floating64),
        Type::INT2 => get(row, index, DbValue::Int16),
        Type::INT4 => get(row, index, DbValue::Int32),
        Type::INT8 => get(row, index, DbValue::Int64),
        Type::TEXT | Type::VARCHAR | Type::BPCHAR => get(row, index, DbValue::Str),
        // The driver refuses a timestamptz here; so does Spin.
        Type::TIMESTAMP | Type::TIMESTAMPTZ => try_get(row, index, datetime),
        Type::DATE => try_get(row, index, |value| Ok(DbValue::Date(date(value)?))),
        Type::TIME => try_get(row, index, |value| Ok(DbValue::Time(time(value)?))),
        Type::UUID => get(row, index, |value: Uuid| DbValue::Uuid(value.to_string())),
        Type::JSONB => try_get(row, index, json),
        Type::NUMERIC => get(row, index, |value: Decimal| DbValue::Decimal(value.to_string())),
        Type::INT4_RANGE => get(row, index, |value: Range<i32>| {
            DbValue::RangeInt32((range_bound(value.lower(), copy), range_bound(value.upper(), copy)))
        }),
        Type::INT8_RANGE => get(row, index, |value: Range<i64>| {
            DbValue::RangeInt64((range_bound(value.lower(), copy), range_bound(value.upper(), copy)))
        }),
        Type::NUM_RANGE => get(row, index, |value: Range<Bound>| {
            let text = |bound: &Bound| bound.0.to_string();
            DbValue::RangeDecimal((range_bound(value.lower(), text), range_bound(value.upper(), text)))
        }),
        Type::INT4_ARRAY => get(row, index, DbValue::ArrayInt32),
        Type::INT8_ARRAY => get(row, index, DbValue::ArrayInt64),
        Type::NUMERIC_ARRAY => get(row, index, |values: Vec<Option<Decimal>>| {
            let texts = values.into_iter().map(|value| value.map(|value| value.to_string()));
            DbValue::ArrayDecimal(texts.collect())
        }),
        Type::TEXT_ARRAY | Type::VARCHAR_ARRAY | Type::BPCHAR_ARRAY => get(row, index, DbValue::ArrayStr),
        Type::INTERVAL => get(row, index, |value: Interval| DbValue::Interval(value)),
        _ => get(row, index, |Unsupported(bytes)| DbValue::Unsupported(bytes)),
    }
}

fn get<'a, T: FromSql<'a>>(
    row: &'a Row,
    index: usize,
    convert: impl FnOnce(T) -> DbValue,
) -> Result<DbValue> {
    try_get(row, index, |value| Ok(convert(value)))
}

fn try_get<'a, T: FromSql<'a>>(
    row: &'a Row,
    index: usize,
    convert: impl FnOnce(T) -> Result<DbValue>,
) -> Result<DbValue> {
    let value: Option<T> = row.try_get(index)?;
    value.map_or(Ok(DbValue::DbNull), convert)
}

fn datetime(value: NaiveDateTime) -> Result<DbValue> {
    let (year, month, day) = date(value.date())?;
    let (hour, minute, second, nanosecond) = time(value.time())?;
    Ok(DbValue::Datetime((year, month, day, hour, minute, second, nanosecond)))
}

fn date(value: NaiveDate) -> Result<(i32, u8, u8)> {
    Ok((value.year(), value.month().try_into()?, value.day().try_into()?))
}

fn time(value: NaiveTime) -> Result<(u8, u8, u8, u32)> {
    Ok((value.hour().try_into()?, value.minute().try_into()?, value.second().try_into()?, value.nanosecond()))
}

fn json(value: serde_json::Value) -> Result<DbValue> {
    Ok(DbValue::Jsonb(serde_json::to_vec(&value).context("invalid JSON from database")?))
}

fn copy<T: Copy>(value: &T) -> T {
    *value
}

fn range_bound<S: BoundSided, T: Normalizable, V>(
    bound: Option<&RangeBound<S, T>>,
    convert: impl FnOnce(&T) -> V,
) -> Option<(V, RangeBoundKind)> {
    let bound = bound?;
    let kind = match bound.type_ {
        BoundType::Inclusive => RangeBoundKind::Inclusive,
        BoundType::Exclusive => RangeBoundKind::Exclusive,
    };
    Some((convert(&bound.value), kind))
}

/// Hands a query's rows to the guest, one at a time.
pub struct RowProducer(pub mpsc::Receiver<Vec<DbValue>>);

impl<T> StreamProducer<T> for RowProducer {
    type Item = Vec<DbValue>;
    type Buffer = Option<Vec<DbValue>>;

    fn poll_produce<'a>(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        store: StoreContextMut<'a, T>,
        mut destination: Destination<'a, Self::Item, Self::Buffer>,
        finish: bool,
    ) -> Poll<wasmtime::Result<StreamResult>> {
        if destination.remaining(store) == Some(0) {
            return Poll::Ready(Ok(StreamResult::Completed));
        }
        match self.0.poll_recv(context) {
            Poll::Ready(Some(row)) => {
                destination.set_buffer(Some(row));
                Poll::Ready(Ok(StreamResult::Completed))
            }
            Poll::Ready(None) => Poll::Ready(Ok(StreamResult::Dropped)),
            Poll::Pending if finish => Poll::Ready(Ok(StreamResult::Cancelled)),
            Poll::Pending => Poll::Pending,
        }
    }
}
