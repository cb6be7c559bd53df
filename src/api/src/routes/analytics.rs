//! Reports for admins.

use std::ops::RangeInclusive;

use domain::{Invalid, Period, both, query_integer};
use platform::analytics::{self, Ranking, Span};

use crate::{call::Call, problem::Problem, reply::Reply, router::Answer};

/// How many customers `limit` may ask for, and how many it does where it isn't given.
pub const CUSTOMERS: RangeInclusive<u32> = 1..=100;
pub const DEFAULT_CUSTOMERS: u32 = 10;

/// How many days `period_days` may ask for, and how many it does where it isn't given.
pub const DAYS: RangeInclusive<u32> = 1..=3_650;
pub const DEFAULT_DAYS: u32 = 30;

/// `GET /analytics/revenue`: what was sold, day by day.
pub async fn revenue(call: &Call) -> Answer {
    let app = call.app()?;
    call.admin()?;
    let period = Period::bounded(|name| call.query(name)).map_err(Problem::invalid)?;
    let span = Span::of(&app.db, &period).await?.map_err(Problem::invalid)?;
    Ok(Reply::ok(&analytics::revenue(&app.db, &span).await?))
}

/// `GET /analytics/delivery-performance`: how fast and how punctual deliveries were.
pub async fn delivery_performance(call: &Call) -> Answer {
    let app = call.app()?;
    call.admin()?;
    let period = Period::parse(|name| call.query(name)).map_err(Problem::invalid)?;
    let span = Span::of(&app.db, &period).await?.map_err(Problem::invalid)?;
    Ok(Reply::ok(&analytics::delivery_performance(&app.db, &span).await?))
}

/// `GET /analytics/top-customers`: who spent or ordered most.
pub async fn top_customers(call: &Call) -> Answer {
    let app = call.app()?;
    call.admin()?;
    let limit = query_integer("limit", call.query("limit"), CUSTOMERS, DEFAULT_CUSTOMERS);
    let ranking = match call.query("sort") {
        None | Some("spent") => Ok(Ranking::Spent),
        Some("orders") => Ok(Ranking::Orders),
        Some(_) => Err(Invalid::new("sort", "must be spent or orders")),
    };
    let (limit, ranking) = both(limit, ranking).map_err(Problem::invalid)?;
    Ok(Reply::ok(&analytics::top_customers(&app.db, limit, ranking).await?))
}

/// `GET /analytics/cancellation-rate`: how many of the latest orders were cancelled.
pub async fn cancellation_rate(call: &Call) -> Answer {
    let app = call.app()?;
    call.admin()?;
    let days = query_integer("period_days", call.query("period_days"), DAYS, DEFAULT_DAYS);
    let days = days.map_err(Problem::invalid)?;
    Ok(Reply::ok(&analytics::cancellation_rate(&app.db, days).await?))
}
