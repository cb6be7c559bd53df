//! Tickets: a minute's right to follow one order, for browsers, whose EventSource can't send a token.
//! Redis keeps them and forgets them by itself.

use domain::{Actor, OrderId, Role, UserId};
use serde::{Deserialize, Serialize};
use spin_sdk::redis::RedisResult;

use crate::Redis;

/// How long a ticket holds.
pub const LIFETIME_SECONDS: u32 = 60;

/// What is known of a ticket.
#[derive(Serialize, Deserialize)]
struct Ticket {
    order_id: OrderId,
    user_id: UserId,
    role: Role,
}

/// Lets whoever shows `ticket`, which nobody can guess, follow the order as `holder`.
///
/// # Errors
/// Redis can't be reached; a sentence for the log.
pub async fn issue(redis: &Redis, ticket: &str, order: OrderId, holder: &Actor) -> Result<(), String> {
    let kept = Ticket { order_id: order, user_id: holder.id.clone(), role: holder.role };
    let kept = serde_json::to_string(&kept).expect("our own types have no unserializable values");
    redis.execute("SET", [key(ticket), kept, "EX".to_owned(), LIFETIME_SECONDS.to_string()]).await.map(drop)
}

/// Who holds the ticket; none unless it was issued for that order within the last minute.
///
/// # Errors
/// As [`issue`].
pub async fn holder(redis: &Redis, ticket: &str, order: OrderId) -> Result<Option<Actor>, String> {
    let found = redis.execute("GET", [key(ticket)]).await?;
    let Some(RedisResult::Binary(kept)) = found.first() else { return Ok(None) };
    let kept: Ticket = serde_json::from_slice(kept).map_err(|error| error.to_string())?;
    let holder = Actor { id: kept.user_id, role: kept.role, email: None };
    Ok((kept.order_id == order).then_some(holder))
}

fn key(ticket: &str) -> String {
    format!("tracking-ticket:{ticket}")
}
