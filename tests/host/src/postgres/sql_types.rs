//! SQL types that the driver has no Rust type for.

use std::error::Error;

use bytes::{Buf as _, BufMut as _, BytesMut};
use postgres_range::{BoundSided, Normalizable, RangeBound};
use rust_decimal::Decimal;
use tokio_postgres::types::{FromSql, IsNull, ToSql, Type, to_sql_checked};

use crate::bindings::spin::postgres::postgres::Interval;

type Converted<T> = Result<T, Box<dyn Error + Sync + Send>>;

impl ToSql for Interval {
    fn to_sql(&self, _type: &Type, out: &mut BytesMut) -> Converted<IsNull> {
        out.put_i64(self.micros);
        out.put_i32(self.days);
        out.put_i32(self.months);
        Ok(IsNull::No)
    }

    fn accepts(sql_type: &Type) -> bool {
        *sql_type == Type::INTERVAL
    }

    to_sql_checked!();
}

impl FromSql<'_> for Interval {
    fn from_sql(_type: &Type, mut raw: &[u8]) -> Converted<Self> {
        if raw.len() != size_of::<i64>() + 2 * size_of::<i32>() {
            return Err("unexpected binary format for Postgres INTERVAL".into());
        }
        Ok(Self { micros: raw.get_i64(), days: raw.get_i32(), months: raw.get_i32() })
    }

    fn accepts(sql_type: &Type) -> bool {
        *sql_type == Type::INTERVAL
    }
}

/// A decimal as a bound of a range.
#[derive(Clone, Copy, Debug, PartialEq, PartialOrd)]
pub struct Bound(pub Decimal);

impl ToSql for Bound {
    fn to_sql(&self, sql_type: &Type, out: &mut BytesMut) -> Converted<IsNull> {
        self.0.to_sql(sql_type, out)
    }

    fn accepts(sql_type: &Type) -> bool {
        <Decimal as ToSql>::accepts(sql_type)
    }

    to_sql_checked!();
}

impl<'a> FromSql<'a> for Bound {
    fn from_sql(sql_type: &Type, raw: &'a [u8]) -> Converted<Self> {
        Decimal::from_sql(sql_type, raw).map(Self)
    }

    fn accepts(sql_type: &Type) -> bool {
        <Decimal as FromSql>::accepts(sql_type)
    }
}

impl Normalizable for Bound {
    fn normalize<S: BoundSided>(bound: RangeBound<S, Self>) -> RangeBound<S, Self> {
        bound
    }
}

/// A null for any type; the driver's own `None` belongs to one.
#[derive(Debug)]
pub struct Null;

impl ToSql for Null {
    fn to_sql(&self, _type: &Type, _out: &mut BytesMut) -> Converted<IsNull> {
        Ok(IsNull::Yes)
    }

    fn accepts(_type: &Type) -> bool {
        true
    }

    to_sql_checked!();
}

/// The bytes of a value whose type Spin does not know.
pub struct Unsupported(pub Vec<u8>);

impl FromSql<'_> for Unsupported {
    fn from_sql(_type: &Type, raw: &[u8]) -> Converted<Self> {
        Ok(Self(raw.to_owned()))
    }

    fn accepts(_type: &Type) -> bool {
        true
    }
}
