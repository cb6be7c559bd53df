//! Reports over all orders, each made by one statement on a connection of its own.

mod deliveries;
mod span;

use chrono::NaiveDate;
use domain::{Figure, UserId};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

pub use self::deliveries::{Deliveries, DeliveryPerformance, delivery_performance};
pub use self::span::Span;
use crate::{
    Database, DbError,
    database::{documents, one_document},
};

/// What was sold on one day.
#[derive(Debug, Serialize, Deserialize, JsonSchema)]
pub struct Revenue {
    pub date: NaiveDate,
    pub order_count: i64,
    /// Delivery fees included.
    pub total_revenue: Figure,
}

/// A customer and what they bought.
#[derive(Debug, Serialize, Deserialize, JsonSchema)]
pub struct TopCustomer {
    pub user_id: UserId,
    pub order_count: i64,
    pub total_spent: Figure,
}

/// Which customers are the top ones.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ranking {
    Spent,
    Orders,
}

/// How many orders came to nothing.
#[derive(Debug, Serialize, Deserialize, JsonSchema)]
pub struct CancellationRate {
    pub period: String,
    /// Percent.
    pub cancellation_rate: Figure,
    pub total_orders: i64,
    pub cancelled_orders: i64,
}

/// What was sold on each day of the span that has orders.
///
/// Orders are added up by quarter-hours first, because looking up the day of each order takes longer than everything
/// else. In every time zone days begin on a quarter-hour (except in Newfoundland on clock-change days until 2011, off by
/// a minute).
pub async fn revenue(db: &Database, span: &Span) -> Result<Vec<Revenue>, DbError> {
    let statement = "select coalesce(json_agg(row_to_json(days)), '[]')::text from (
            select (quarter at time zone $3::text)::date as date, sum(orders) as order_count, sum(total) as total_revenue
            from (
                select date_bin('15 minutes', created_at, '2000-01-01 00:00:00Z') as quarter, count(*) as orders,
                    sum(total_amount) as total
                from orders where status not in ('cancelled', 'refunded')
                    and created_at >= $1::timestamp at time zone 'utc' and created_at < $2::timestamp at time zone 'utc'
                group by 1
            ) quarters
            group by 1 order by 1
        ) days";
    let [from, until] = span.bounds();
    one_document(&db.alone(statement, &[from, until, span.zone()]).await?)
}

/// The customers who spent or ordered most, cancelled and refunded orders left out.
pub async fn top_customers(db: &Database, limit: u32, by: Ranking) -> Result<Vec<TopCustomer>, DbError> {
    let ranking = match by {
        Ranking::Spent => "total_spent desc, order_count desc",
        Ranking::Orders => "order_count desc, total_spent desc",
    };
    let statement = format!(
        "select row_to_json(c)::text from (
            select user_id, count(*) as order_count, sum(total_amount) as total_spent
            from orders where status not in ('cancelled', 'refunded')
            group by user_id order by {ranking}, user_id limit $1
        ) c"
    );
    documents(&db.alone(&statement, &[i64::from(limit).into()]).await?)
}

/// How many of the orders of the last days were cancelled.
pub async fn cancellation_rate(db: &Database, days: u32) -> Result<CancellationRate, DbError> {
    let statement = "select row_to_json(r)::text from (
            select $1::int8 || ' days' as period,
                coalesce(round(100.0 * cancelled_orders / nullif(total_orders, 0), 2), 0) as cancellation_rate,
                total_orders, cancelled_orders
            from (
                select count(*) as total_orders, count(*) filter (where status = 'cancelled') as cancelled_orders
                from orders where created_at >= now() - $1::int8 * interval '1 day'
            ) counted
        ) r";
    one_document(&db.alone(statement, &[i64::from(days).into()]).await?)
}
