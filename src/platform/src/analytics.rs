//! Reports over all orders, each made by one statement on a connection of its own.

use chrono::NaiveDate;
use domain::{Figure, Period, UserId};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use spin_sdk::pg::ParameterValue;

use crate::{
    Database, DbError,
    database::{document, only_document, the_document},
    parameters::{moment, text},
};

/// What was sold on one day.
#[derive(Debug, Serialize, Deserialize, JsonSchema)]
pub struct Revenue {
    pub date: NaiveDate,
    pub order_count: i64,
    /// Delivery fees included.
    pub total_revenue: Figure,
}

/// How deliveries went.
#[derive(Debug, Serialize, JsonSchema)]
pub struct DeliveryPerformance {
    #[serde(flatten)]
    pub all: Deliveries,
    /// By courier, the busiest first.
    pub by_partner: Vec<Deliveries>,
}

/// Figures of some deliveries. Without any the counts are 0 and everything else is null.
#[derive(Debug, Serialize, Deserialize, JsonSchema)]
pub struct Deliveries {
    /// Where they are one courier's.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub delivery_partner_id: Option<UserId>,
    pub delivered_count: i64,
    /// Not later than estimated.
    pub on_time_count: i64,
    /// Percent of those that had an estimate.
    pub on_time_rate: Option<Figure>,
    /// From the order to the door, of orders that weren't scheduled for later.
    pub average_delivery_minutes: Option<Figure>,
    pub p50_delivery_minutes: Option<Figure>,
    pub p90_delivery_minutes: Option<Figure>,
    pub average_rating: Option<Figure>,
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

/// The time zone `$5`, if there is one. Looking through all zones takes a while; UTC needs no look.
const ZONE: &str = "zone as materialized (
        select $5::text as name where $5 = 'UTC'
        union all
        select name from pg_timezone_names where name = $5 and $5 <> 'UTC'
    )";

fn parameters(period: &Period) -> [ParameterValue; 5] {
    [
        moment(period.from),
        moment(period.to),
        period.first_day.into(),
        period.last_day.into(),
        text(&period.zone),
    ]
}

/// What was sold on each day of the period that has orders. None when there is no such time zone.
///
/// Orders are added up by quarters of an hour first, for to look up each one's day takes longer than all the rest: the
/// days of all time zones begin at one (but for Newfoundland's on its days of change until 2011, by a minute).
pub async fn revenue(db: &Database, period: &Period) -> Result<Option<Vec<Revenue>>, DbError> {
    const DAYS: &str = "select (quarter at time zone zone.name)::date as date, sum(orders) as order_count,
            sum(total) as total_revenue
        from (
            select date_bin('15 minutes', created_at, '2000-01-01 00:00:00Z') as quarter, count(*) as orders,
                sum(total_amount) as total
            from orders where status not in ('cancelled', 'refunded')
                and created_at >= $1::timestamp at time zone 'utc' and created_at <= $2::timestamp at time zone 'utc'
            group by 1
        ) q
        where (quarter at time zone zone.name)::date between $3::date and $4::date
        group by 1 order by 1";
    let statement = format!(
        "with {ZONE} select days.list::text from zone, lateral (
            select coalesce(json_agg(row_to_json(d)), '[]') as list from ({DAYS}) d
        ) days"
    );
    only_document(&db.report(&statement, &parameters(period)).await?)
}

/// How the deliveries of the period went. None when there is no such time zone.
pub async fn delivery_performance(
    db: &Database,
    period: &Period,
) -> Result<Option<DeliveryPerformance>, DbError> {
    const DELIVERIES: &str = "select o.delivery_partner_id, o.delivered_at <= o.estimated_delivery_time as on_time, f.rating,
            case when o.scheduled_for is null
                then extract(epoch from o.delivered_at - o.created_at)::float8 / 60 end as minutes
        from orders o left join order_feedback f on f.order_id = o.id
        where o.delivered_at >= $1::timestamp at time zone 'utc' and o.delivered_at <= $2::timestamp at time zone 'utc'
            and (o.delivered_at at time zone zone.name)::date between $3::date and $4::date";
    // The row of all comes first; orders without a courier count there alone.
    let statement = format!(
        "with {ZONE} select row_to_json(figures)::text from zone, lateral (
            select delivery_partner_id,
                count(*) as delivered_count,
                count(*) filter (where on_time) as on_time_count,
                round(100.0 * count(*) filter (where on_time) / nullif(count(on_time), 0), 2) as on_time_rate,
                round(avg(minutes)::numeric, 2) as average_delivery_minutes,
                round((percentile_cont(0.5) within group (order by minutes))::numeric, 2) as p50_delivery_minutes,
                round((percentile_cont(0.9) within group (order by minutes))::numeric, 2) as p90_delivery_minutes,
                round(avg(rating), 2) as average_rating
            from ({DELIVERIES}) delivery
            group by grouping sets ((), (delivery_partner_id))
            having grouping(delivery_partner_id) = 1 or delivery_partner_id is not null
            order by grouping(delivery_partner_id) desc, delivered_count desc, delivery_partner_id
        ) figures"
    );
    let rows = db.report(&statement, &parameters(period)).await?;
    let Some((all, by_partner)) = rows.split_first() else { return Ok(None) };
    let by_partner = by_partner.iter().map(document).collect::<Result<_, _>>()?;
    Ok(Some(DeliveryPerformance { all: document(all)?, by_partner }))
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
    db.report(&statement, &[i64::from(limit).into()]).await?.iter().map(document).collect()
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
    the_document(&db.report(statement, &[i64::from(days).into()]).await?)
}
