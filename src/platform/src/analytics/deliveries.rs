//! How fast and how punctual deliveries were.
//!
//! They are added up by courier and tenth of a minute first, which takes a third of the time of sorting each courier's.
//! All figures are exact, but for percentiles among three or more deliveries within the same six seconds, which are taken
//! to lie at equal distances.

use domain::{Figure, UserId};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::Span;
use crate::{
    Database, DbError,
    database::{document, documents},
};

/// How deliveries went.
#[derive(Debug, Serialize, JsonSchema)]
pub struct DeliveryPerformance {
    #[serde(flatten)]
    pub all: Deliveries,
    /// By courier, the busiest first.
    pub by_partner: Vec<Deliveries>,
}

/// Figures of some deliveries. Without any the counts are 0 and everything else is null. A percentile may be off by less
/// than six seconds where three or more deliveries lie as close together.
#[derive(Debug, Default, Serialize, Deserialize, JsonSchema)]
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

/// The deliveries of a courier that took the same tenth of a minute; those that were scheduled for later have none,
/// and no duration that counts. Postgres does it in parallel if it knows how few these are (migration 0016).
const TENTHS: &str = "select o.delivery_partner_id,
        case when o.scheduled_for is null
            then (date_part('epoch', o.delivered_at - o.created_at) / 6)::int8 end as tenth,
        min(date_part('epoch', o.delivered_at - o.created_at)) as shortest,
        max(date_part('epoch', o.delivered_at - o.created_at)) as longest,
        sum(date_part('epoch', o.delivered_at - o.created_at)) as seconds,
        count(*) as delivered, count(*) filter (where o.delivered_at <= o.estimated_delivery_time) as on_time,
        count(o.estimated_delivery_time) as estimated, sum(f.rating) as stars, count(f.rating) as ratings
    from orders o left join order_feedback f on f.order_id = o.id
    where o.delivered_at >= $1::timestamp at time zone 'utc' and o.delivered_at < $2::timestamp at time zone 'utc'
    group by o.delivery_partner_id, tenth";

/// Those of each courier, and those of all, of orders without a courier too.
const SERIES: &str = "select grouping(delivery_partner_id) = 1 as is_all, delivery_partner_id, tenth,
        min(shortest) as shortest, max(longest) as longest, sum(seconds) as seconds,
        sum(delivered)::int8 as delivered, sum(on_time) as on_time, sum(estimated) as estimated,
        sum(stars) as stars, sum(ratings) as ratings
    from tenths group by grouping sets ((tenth), (delivery_partner_id, tenth))";

/// How many of a series took no longer, and the place of its last one, the first's being 0.
const RANKED: &str = "select *, sum(delivered) over (timed order by tenth) as up_to,
        case when tenth is not null then sum(delivered) over timed - 1 end as last
    from series window timed as (partition by is_all, delivery_partner_id, tenth is null)";

/// How the deliveries of the span went.
pub async fn delivery_performance(db: &Database, span: &Span) -> Result<DeliveryPerformance, DbError> {
    let statement = format!(
        "with tenths as ({TENTHS}), series as ({SERIES}), ranked as ({RANKED})
        select row_to_json(figures)::text from (
            select delivery_partner_id, sum(delivered) as delivered_count, sum(on_time) as on_time_count,
                round(100 * sum(on_time) / nullif(sum(estimated), 0), 2) as on_time_rate,
                round((sum(seconds / 60) filter (where tenth is not null)
                    / sum(delivered) filter (where tenth is not null))::numeric, 2) as average_delivery_minutes,
                {} as p50_delivery_minutes, {} as p90_delivery_minutes,
                round(sum(stars) / nullif(sum(ratings), 0), 2) as average_rating
            from ranked where is_all or delivery_partner_id is not null
            group by is_all, delivery_partner_id
            order by is_all desc, delivered_count desc, delivery_partner_id
        ) figures",
        percentile("0.5"),
        percentile("0.9"),
    );
    let rows = db.alone(&statement, &span.bounds()).await?;
    let all = rows.first().map(document).transpose()?.unwrap_or_default();
    let by_partner = documents(rows.get(1..).unwrap_or_default())?;
    Ok(DeliveryPerformance { all, by_partner })
}

/// The minutes that so great a part of a series took at most; where that falls between two deliveries, between theirs.
fn percentile(part: &str) -> String {
    let at = |round: &str| {
        let place = format!("{round}({part} * last)");
        format!(
            "min(shortest + (longest - shortest)
                * (greatest({place} - up_to + delivered, 0) / greatest(delivered - 1, 1))::float8)
                filter (where up_to > {place})"
        )
    };
    let (low, high) = (at("floor"), at("ceil"));
    format!("round((({low} + ({high} - {low}) * ({part} * max(last) % 1)::float8) / 60)::numeric, 2)")
}
