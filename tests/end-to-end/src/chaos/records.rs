//! What the service's database holds when all is over.

use std::collections::BTreeSet;

use anyhow::Result;
use domain::Status;
use serde::Deserialize;
use sqlx::types::Json;
use sqlx::{Connection as _, PgConnection};
use url::Url;

#[derive(Debug, Deserialize)]
pub struct Record {
    pub id: i64,
    pub user_id: String,
    pub status: Status,
    pub version: i64,
    pub total: i64,
    pub fee: i64,
    pub delivery_address: String,
    pub is_scheduled: bool,
    /// The worth of its items.
    pub items: i64,
    pub events: Vec<Event>,
    pub ledger: Vec<Movement>,
    /// What is still to be done for it.
    pub tasks: Vec<String>,
    pub is_checking_out: bool,
}

#[derive(Debug, Deserialize)]
pub struct Event {
    pub version: i64,
    #[serde(rename = "type")]
    pub kind: String,
    pub actor_role: String,
    pub status: Option<Status>,
    pub total: Option<i64>,
    /// Whether the customer's payment was approved.
    pub is_approval: bool,
}

impl Event {
    /// The time of a scheduled order has come.
    pub fn is_due(&self) -> bool {
        self.kind == "order.due"
    }
}

#[derive(Debug, Deserialize)]
pub struct Movement {
    pub kind: String,
    pub cents: i64,
    pub status: String,
    pub key: String,
}

/// Everything, read in one moment.
pub struct Records {
    pub orders: Vec<Record>,
    pub templates: BTreeSet<i64>,
    /// The highest number an order may have.
    pub last_order_id: i64,
}

impl Records {
    pub async fn read(url: &Url) -> Result<Records> {
        let mut connection = PgConnection::connect(url.as_str()).await?;
        let orders = sqlx::query_scalar::<_, Json<Record>>(
            "select to_json(r) from (
                select o.id, o.user_id, o.status, o.version, (o.total_amount * 100)::int8 as total,
                    (o.delivery_fee * 100)::int8 as fee, o.delivery_address,
                    o.scheduled_for is not null as is_scheduled,
                    (select coalesce(sum(price * quantity) * 100, 0)::int8 from order_items where order_id = o.id) as items,
                    array(select json_build_object('version', version, 'type', type, 'actor_role', actor_role,
                        'status', data->>'status', 'total', ((data->>'total_amount')::numeric * 100)::int8,
                        'is_approval', data ? 'paid')
                        from order_events where order_id = o.id order by version) as events,
                    array(select json_build_object('kind', kind, 'cents', (amount * 100)::int8, 'status', status,
                        'key', idempotency_key) from payments where order_id = o.id order by seq) as ledger,
                    array(select kind || ' (' || status || coalesce(', ' || last_error, '') || ')'
                        from tasks where order_id = o.id) as tasks,
                    exists (select from checkouts where order_id = o.id) as is_checking_out
                from orders o order by o.id
            ) r",
        )
        .fetch_all(&mut connection)
        .await?;
        let templates: Vec<i64> =
            sqlx::query_scalar("select id::int8 from order_templates").fetch_all(&mut connection).await?;
        let last_order_id =
            sqlx::query_scalar("select last_value from orders_id_seq").fetch_one(&mut connection).await?;
        let orders = orders.into_iter().map(|Json(record)| record).collect();
        Ok(Records { orders, templates: templates.into_iter().collect(), last_order_id })
    }

    /// How many scheduled orders came due.
    pub fn due(&self) -> usize {
        self.orders.iter().filter(|order| order.events.iter().any(Event::is_due)).count()
    }
}
