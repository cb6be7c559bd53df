//! Following an order live, as a stream of Server-Sent Events.

use chrono::{DateTime, SubsecRound, TimeDelta, Utc};
use domain::{Identity, Order};
use http::{HeaderName, HeaderValue, StatusCode};
use platform::{orders, random_id, tickets};
use schemars::JsonSchema;
use serde::Serialize;
use spin_sdk::wasip3::random::random;

use super::{visible, visible_to};
use crate::{
    call::Call,
    problem::Problem,
    reply::Reply,
    router::Answer,
    tracking::{self, Follower, current_state},
};

/// A stream lasts this long, and up to a fifth longer, so that those of one moment don't all come back
/// in one moment, but no longer than its client's token. Then its instance can retire, and the client shows a token anew.
const LIFETIME: TimeDelta = TimeDelta::minutes(15);

const LAST_EVENT_ID: HeaderName = HeaderName::from_static("last-event-id");
const X_ACCEL_BUFFERING: HeaderName = HeaderName::from_static("x-accel-buffering");

/// A minute's right to open an order's stream, by `?ticket=`.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "TrackingTicket")]
pub struct Ticket {
    ticket: String,
    expires_at: DateTime<Utc>,
}

/// `GET /orders/{order_id}/tracking-stream`: the order as it stands, or what the client has missed,
/// then what happens to it until nothing more can.
pub async fn stream(call: &Call) -> Answer {
    let (app, spectator) = (call.app()?, spectator(call).await?);
    let order = visible_to(call, &spectator.actor).await?;
    let seen = last_seen(call, &order);
    if order.status.is_final() && seen == Some(order.version) {
        // By this status EventSource knows that it need not come back.
        return Ok(Reply::no_content());
    }
    let mut opening = format!("retry: {}\n\n", 1_000 + random::get_random_u64() % 2_000);
    if seen.is_none() {
        let location = match order.standing().check_has_location() {
            Ok(()) => orders::latest_location(&app.db, order.id).await?,
            Err(_) => None,
        };
        opening.push_str(&current_state(&order, location.as_ref()));
    }
    let is_over = order.status.is_final() && seen.is_none();
    let follower = (!is_over).then(|| follower(call, &spectator, &order, seen));
    let reply =
        Reply::stream("text/event-stream", move |writer| tracking::serve(app, opening, follower, writer));
    Ok(reply.header(X_ACCEL_BUFFERING, HeaderValue::from_static("no")))
}

/// `POST /orders/{order_id}/tracking-ticket`: lets a browser follow the order, whose EventSource sends
/// no token.
pub async fn issue_ticket(call: &Call) -> Answer {
    let (app, identity) = (call.app()?, call.identity()?);
    let order = visible(call).await?;
    let ticket = random_id();
    tickets::issue(&app.redis, &ticket, order.id, identity).await.map_err(no_tickets)?;
    let expires_at = call.now + TimeDelta::seconds(tickets::LIFETIME_SECONDS.into());
    let expires_at = expires_at.min(identity.until).trunc_subsecs(6);
    let reply = Reply::json(StatusCode::CREATED, &Ticket { ticket, expires_at });
    // The stream's address without the ticket: addresses end up in logs.
    Ok(reply.located(format!("/orders/{}/tracking-stream", order.id)))
}

/// Who wants to follow: the holder of the ticket, or of the token where there is no ticket.
async fn spectator(call: &Call) -> Result<Identity, Problem> {
    let Some(ticket) = call.query("ticket") else { return call.identity().cloned() };
    let (app, order) = (call.app()?, call.order_id()?);
    let holder = tickets::holder(&app.redis, ticket, order).await.map_err(no_tickets)?;
    holder
        .filter(|holder| holder.until > call.now)
        .ok_or_else(|| Problem::unauthorized("the ticket is not for this order, or has expired"))
}

/// The last version that the client has seen: by the header that EventSource sends when it comes
/// back, or by the query of one that was made anew. What the order never was counts as nothing.
fn last_seen(call: &Call, order: &Order) -> Option<i32> {
    let header = call.headers.get(LAST_EVENT_ID).and_then(|value| value.to_str().ok());
    let seen = header.or_else(|| call.query("last_event_id"))?.parse().ok()?;
    (0..=order.version).contains(&seen).then_some(seen)
}

fn follower(call: &Call, Identity { actor, until }: &Identity, order: &Order, seen: Option<i32>) -> Follower {
    let spread = random::get_random_u64() % (LIFETIME.num_seconds() as u64 / 5);
    Follower {
        order: order.id,
        seen: seen.unwrap_or(order.version),
        courier: order.standing().is_lent_to(actor).then(|| actor.id.clone()),
        admitted_at: order.version,
        until: (*until).min(call.now + LIFETIME + TimeDelta::seconds(spread as i64)),
    }
}

fn no_tickets(error: String) -> Problem {
    Problem::unavailable("the store of tickets", error)
}
