//! Which part of a list is asked for: by offset, or by a cursor that stays fast at any depth.

use std::{fmt, str::FromStr};

use chrono::{DateTime, Utc};

use crate::{Invalid, Order, Template, both, query_integer, time::is_storable};

/// A stretch of a list, newest first, ties broken by id.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Page {
    pub limit: u32,
    pub start: Start,
}

/// Where a page begins.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Start {
    Offset(u32),
    After(Cursor),
}

/// A page of a list.
#[derive(Debug)]
pub struct Listing<T> {
    pub entries: Vec<T>,
    /// Where the next page begins, if there are more.
    pub next: Option<Cursor>,
}

/// The place of an entry in a list: the next page begins after it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Cursor {
    pub created_at: DateTime<Utc>,
    pub id: i64,
}

impl Page {
    pub const DEFAULT_LIMIT: u32 = 20;
    pub const MAX_LIMIT: u32 = 50;

    /// Reads `limit`, `offset` and `cursor` of a query.
    ///
    /// # Errors
    /// Each value that is out of its range, by its name.
    pub fn parse<'q>(value_of: impl Fn(&str) -> Option<&'q str>) -> Result<Self, Vec<Invalid>> {
        let limit = query_integer("limit", value_of("limit"), 1..=Self::MAX_LIMIT, Self::DEFAULT_LIMIT);
        let offset = query_integer("offset", value_of("offset"), 0..=i32::MAX as u32, 0);
        let cursor = value_of("cursor").map(str::parse::<Cursor>).transpose();
        let start = both(offset, cursor).and_then(|start| match start {
            (offset, None) => Ok(Start::Offset(offset)),
            (0, Some(cursor)) => Ok(Start::After(cursor)),
            (_, Some(_)) => Err(Invalid::new("offset", "can't be combined with cursor").into()),
        });
        let (limit, start) = both(limit, start)?;
        Ok(Self { limit, start })
    }

    /// How many rows are read for it: one more than it holds, which tells whether there are more.
    pub fn rows(&self) -> i64 {
        i64::from(self.limit) + 1
    }

    /// Makes a listing of the rows that were read for it.
    pub fn cut<T>(&self, mut rows: Vec<T>) -> Listing<T>
    where
        for<'t> Cursor: From<&'t T>,
    {
        let limit = self.limit as usize;
        let is_last = rows.len() <= limit;
        rows.truncate(limit);
        let next = rows.last().filter(|_| !is_last).map(Cursor::from);
        Listing { entries: rows, next }
    }
}

impl From<&Order> for Cursor {
    fn from(order: &Order) -> Self {
        Self { created_at: order.created_at, id: order.id.get().into() }
    }
}

impl From<&Template> for Cursor {
    fn from(template: &Template) -> Self {
        Self { created_at: template.created_at, id: template.id.get().into() }
    }
}

impl fmt::Display for Cursor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}", self.created_at.timestamp_micros(), self.id)
    }
}

impl FromStr for Cursor {
    type Err = Invalid;

    fn from_str(text: &str) -> Result<Self, Invalid> {
        let parse = || {
            let (micros, id) = text.split_once('.')?;
            let created_at = DateTime::from_timestamp_micros(micros.parse().ok()?)?;
            let id = id.parse().ok().filter(|id| *id > 0)?;
            is_storable(&created_at).then_some(Self { created_at, id })
        };
        parse().ok_or_else(|| Invalid::new("cursor", "must be taken from a Link header of this list"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(query: &[(&str, &str)]) -> Result<Page, Vec<Invalid>> {
        let query = query.to_vec();
        Page::parse(move |name| query.iter().find(|(n, _)| *n == name).map(|(_, v)| *v))
    }

    #[test]
    fn limits_and_offsets_have_defaults_and_bounds() {
        assert_eq!(parse(&[]), Ok(Page { limit: 20, start: Start::Offset(0) }));
        assert_eq!(
            parse(&[("limit", "50"), ("offset", "7")]),
            Ok(Page { limit: 50, start: Start::Offset(7) })
        );
        for (name, value) in [
            ("limit", "0"),
            ("limit", "51"),
            ("limit", "-1"),
            ("limit", "x"),
            ("limit", ""),
            ("offset", "-1"),
            ("offset", "2147483648"),
            ("cursor", "x"),
            ("cursor", "1.0"),
            ("cursor", "999999999999999999.1"),
        ] {
            assert_eq!(parse(&[(name, value)]).unwrap_err()[0].pointer, name, "{name}={value}");
        }
        assert_eq!(parse(&[("limit", "0"), ("offset", "x")]).unwrap_err().len(), 2);
    }

    #[test]
    fn a_cursor_survives_its_text() {
        let cursor = Cursor { created_at: "2026-11-22T22:59:41.203728Z".parse().unwrap(), id: 7 };
        let page = parse(&[("cursor", &cursor.to_string())]).unwrap();
        assert_eq!(page.start, Start::After(cursor));
        assert!(parse(&[("cursor", &cursor.to_string()), ("offset", "1")]).is_err());
    }
}
