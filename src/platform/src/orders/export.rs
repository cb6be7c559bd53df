//! All orders as one file, oldest first, in chunks that Postgres formats: at no time is more than one
//! chunk held.

use spin_sdk::pg::DbValue;

use super::Filter;
use crate::{Database, DbError};

/// How many orders make a chunk: about a megabyte.
const CHUNK: i64 = 2_000;

/// The form of the file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    /// One JSON array.
    Json,
    /// A line with the names, then one for each order (RFC 4180).
    Csv,
    /// A JSON object on each line.
    Ndjson,
}

/// The columns of the file, and what they are in Postgres: those of the API's order that don't
/// depend on who asks or what other services say.
const COLUMNS: [(&str, &str); 17] = [
    ("id", "id"),
    ("user_id", "user_id"),
    ("delivery_partner_id", "delivery_partner_id"),
    ("total_amount", "total_amount"),
    ("delivery_fee", "delivery_fee"),
    ("status", "status"),
    ("delivery_address", "delivery_address"),
    ("delivery_latitude", "delivery_latitude"),
    ("delivery_longitude", "delivery_longitude"),
    ("estimated_delivery_time", "rfc3339(estimated_delivery_time)"),
    ("delivered_at", "rfc3339(delivered_at)"),
    ("cancelled_at", "rfc3339(cancelled_at)"),
    ("scheduled_for", "rfc3339(scheduled_for)"),
    ("created_at", "rfc3339(created_at)"),
    ("updated_at", "rfc3339(updated_at)"),
    ("version", "version"),
    (
        "items",
        "(select coalesce(json_agg(row_to_json(i) order by i.id), '[]') from (
            select id, product_id, quantity, price, product_name from order_items where order_id = o.id
        ) i)",
    ),
];

/// The columns for a `select` from `orders o`.
pub fn exported_columns() -> String {
    COLUMNS.map(|(name, value)| format!("{value} as {name}")).join(", ")
}

/// An export under way.
pub struct Export {
    filter: Filter,
    format: Format,
    /// The last order that was written, 0 before the first.
    last_id: i32,
    is_complete: bool,
}

impl Export {
    pub fn new(filter: Filter, format: Format) -> Self {
        Self { filter, format, last_id: 0, is_complete: false }
    }

    /// The next part of the file; none after the last.
    pub async fn next(&mut self, db: &Database) -> Result<Option<String>, DbError> {
        if self.is_complete {
            return Ok(None);
        }
        let mut conditions = self.filter.conditions();
        conditions.add("id > {}", self.last_id.into());
        let limit = conditions.parameter(CHUNK.into());
        let clause = conditions.clause();
        let columns = exported_columns();
        let (order, separator) = (self.format.order(), self.format.separator());
        let statement = format!(
            "select count(*), coalesce(max(id), 0), coalesce(string_agg({order}, {separator} order by id), '')
            from (
                select {columns} from (select * from orders {clause} order by id limit {limit}) o
            ) d"
        );
        let rows = db.alone(&statement, &conditions.parameters).await?;
        let Some([DbValue::Int64(count), DbValue::Int32(last_id), DbValue::Str(orders)]) =
            rows.first().map(Vec::as_slice)
        else {
            return Err(DbError::Failed("an export's chunk is none".to_owned()));
        };
        let is_first = self.last_id == 0;
        self.is_complete = *count < CHUNK;
        self.last_id = (*last_id).max(self.last_id);
        Ok(Some(self.framed(orders, is_first)))
    }

    /// The orders of a chunk with what stands before and after them in the file.
    fn framed(&self, orders: &str, is_first: bool) -> String {
        let ends = if orders.is_empty() { "" } else { self.format.line_end() };
        match self.format {
            Format::Json => {
                let before = match (is_first, orders.is_empty()) {
                    (true, _) => "[",
                    (false, true) => "",
                    (false, false) => ",\n",
                };
                let after = if self.is_complete { "]\n" } else { "" };
                format!("{before}{orders}{after}")
            }
            Format::Csv if is_first => {
                let header = COLUMNS.map(|(name, _)| name).join(",");
                format!("{header}\r\n{orders}{ends}")
            }
            Format::Csv | Format::Ndjson => format!("{orders}{ends}"),
        }
    }
}

impl Format {
    pub const ALL: [Self; 3] = [Self::Json, Self::Csv, Self::Ndjson];

    pub fn as_str(self) -> &'static str {
        match self {
            Self::Json => "json",
            Self::Csv => "csv",
            Self::Ndjson => "ndjson",
        }
    }

    /// The format of that name; none for a name that isn't one.
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|format| format.as_str() == name)
    }

    /// The expression that makes a text of the order `d`.
    fn order(self) -> String {
        match self {
            Self::Json | Self::Ndjson => "row_to_json(d)::text".to_owned(),
            Self::Csv => COLUMNS.map(|(name, _)| format!("csv_cell({name}::text)")).join(" || ',' || "),
        }
    }

    /// What stands between two orders, as a literal.
    fn separator(self) -> &'static str {
        match self {
            Self::Json => r"E',\n'",
            Self::Csv => r"E'\r\n'",
            Self::Ndjson => r"E'\n'",
        }
    }

    /// What stands after the last order of a chunk.
    fn line_end(self) -> &'static str {
        match self {
            Self::Json => "",
            Self::Csv => "\r\n",
            Self::Ndjson => "\n",
        }
    }
}
