//! Tickets: a minute's right to follow one order, for browsers, whose EventSource can't send a token.
//! Redis keeps them and forgets them by itself.

use chrono::{DateTime, Utc};
use domain::{Actor, Identity, OrderId, Role, UserId};
use serde::{Deserialize, Serialize};
use spin_sdk::redis::RedisResult;

use crate::{Redis, to_json};

/// How long a ticket holds.
pub const LIFETIME_SECONDS: u32 = 60;

/// What is known of a ticket.
#[derive(Serialize, Deserialize)]
struct Ticket {
    order_id: OrderId,
    user_id: UserId,
    role: Role,
    until: DateTime<Utc>,
}

/// Lets whoever shows `ticket`, which nobody can guess, follow the order as its holder.
///
/// # Errors
/// Redis can't be reached; a sentence for the log.
pub async fn issue(redis: &Redis, ticket: &str, order: OrderId, holder: &Identity) -> Result<(), String> {
    let Identity { actor, until } = holder;
    let kept = Ticket { order_id: order, user_id: actor.id.clone(), role: actor.role, until: *until };
    let kept = to_json(&kept);
    redis.execute("SET", [key(ticket), kept, "EX".to_owned(), LIFETIME_SECONDS.to_string()]).await.map(drop)
}

/// Who holds the ticket; none unless it was issued for that order within the last minute.
///
/// # Errors
/// As [`issue`].
pub async fn holder(redis: &Redis, ticket: &str, order: OrderId) -> Result<Option<Identity>, String> {
    let found = redis.execute("GET", [key(ticket)]).await?;
    let Some(RedisResult::Binary(kept)) = found.first() else { return Ok(None) };
    // Of another release, it may be unreadable: another ticket is soon asked for.
    let kept = serde_json::from_slice(kept).ok().filter(|kept: &Ticket| kept.order_id == order);
    Ok(kept.map(|kept| Identity {
        actor: Actor { id: kept.user_id, role: kept.role, email: None },
        until: kept.until,
    }))
}

fn key(ticket: &str) -> String {
    format!("orders:ticket:{ticket}")
}
