//! What happened to an order: its history, and the courier's location among it.

use chrono::{DateTime, Utc};
use domain::{Coordinates, Order, OrderId};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json, value::RawValue};

use crate::{
    Author, Database, DbError,
    database::{documents, optional_document},
    parameters::text,
};

/// One entry of an order's history.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
pub struct Event {
    pub order_id: OrderId,
    /// The order's version that this event made: from 1 without gaps.
    pub version: i32,
    #[serde(rename = "type")]
    pub kind: String,
    pub actor_id: String,
    pub actor_role: String,
    /// What changed, an object: as Postgres wrote it, so that money keeps its decimals.
    #[schemars(with = "Value")]
    pub data: Box<RawValue>,
    pub created_at: DateTime<Utc>,
}

impl Event {
    /// Its data, taken apart.
    pub fn value(&self) -> Value {
        serde_json::from_str(self.data.get()).expect("raw JSON is JSON")
    }
}

/// A history with more events takes its time.
const LONG: i32 = 10_000;

/// Everything that happened to an order, oldest first.
pub async fn history(db: &Database, order: &Order) -> Result<Vec<Event>, DbError> {
    let statement = "select row_to_json(e)::text from (
            select * from order_events where order_id = $1 order by version
        ) e";
    let id = [order.id.get().into()];
    let rows = if order.version > LONG {
        db.alone(statement, &id).await?
    } else {
        db.idempotent(statement, &id).await?
    };
    documents(&rows)
}

/// What happened to orders after the version that was seen of each; by order, oldest first, and of a
/// long history only a first part.
pub async fn events_after(db: &Database, seen: &[(OrderId, i32)]) -> Result<Vec<Event>, DbError> {
    let statement = "select row_to_json(e)::text from unnest($1::int4[], $2::int4[]) as seen (id, version)
        cross join lateral (
            select * from order_events where order_id = seen.id and version > seen.version
            order by version limit 250
        ) e
        order by e.order_id, e.version";
    let (ids, versions): (Vec<i32>, Vec<i32>) = seen.iter().map(|(id, version)| (id.get(), *version)).unzip();
    documents(&db.idempotent(statement, &[ids.into(), versions.into()]).await?)
}

/// Where the courier last was; none before the first report. One that was erased tells nothing.
pub async fn latest_location(db: &Database, order: OrderId) -> Result<Option<Event>, DbError> {
    let statement = "select row_to_json(e)::text from (
            select * from order_events where order_id = $1 and type = 'location' and data ? 'latitude'
            order by version desc limit 1
        ) e";
    optional_document(&db.idempotent(statement, &[order.get().into()]).await?)
}

/// Notes where the courier is; none when the order's version has moved on.
pub async fn report_location(
    db: &Database,
    order: &Order,
    place: &Coordinates,
    author: Author<'_>,
) -> Result<Option<Event>, DbError> {
    let statement = "with changed as (
            update orders set version = version + 1, updated_at = now() where id = $1 and version = $2
            returning id, version
        ), event as (
            insert into order_events (order_id, version, type, actor_id, actor_role, data, request_id)
            select id, version, 'location', $4, $5, $3::text::jsonb, $6 from changed
            returning *
        )
        select row_to_json(e)::text from event e";
    let place = json!({ "latitude": place.latitude(), "longitude": place.longitude() });
    let [actor, role, request, _] = author.parameters();
    let parameters =
        [order.id.get().into(), order.version.into(), text(&place.to_string()), actor, role, request];
    optional_document(&db.change(statement, &parameters).await?)
}
