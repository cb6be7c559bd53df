//! Requests with an `Idempotency-Key` (draft-ietf-httpapi-idempotency-key-header): carried out once,
//! and answered alike however often they are sent. ARCHITECTURE.md tells what a crash leaves.

use std::{collections::HashMap, time::Duration};

use bytes::Bytes;
use domain::IdempotencyKey;
use http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, header};
use platform::{
    DbError,
    idempotency::{self, Claim, Claimed, Kept},
    log::Line,
    random_id,
};
use sha2::{Digest, Sha256};

use crate::{
    App, Call,
    problem::{Kind, Problem},
    reply::{Body, Reply},
    router::{Answer, Route},
};

const IDEMPOTENCY_KEY: HeaderName = HeaderName::from_static("idempotency-key");
const IDEMPOTENCY_REPLAYED: HeaderName = HeaderName::from_static("idempotency-replayed");

/// Answers a request as its route does; one with a key that was answered before, as it was then.
pub async fn answer(route: &Route, path: &str, call: &mut Call) -> Answer {
    if !call.headers.contains_key(IDEMPOTENCY_KEY) {
        return (route.handler)(call).await;
    }
    let (app, user) = (call.app()?, call.actor()?.id.clone());
    let key = key_of(&call.headers)?;
    let fingerprint = fingerprint(&route.method, path, &call.body);
    let claimed = idempotency::claim(&app.db, user, key, fingerprint, random_id()).await?;
    call.claim = match claimed {
        Claimed::Ours(claim) => Some(claim),
        Claimed::Answered(kept) => return replayed(kept),
        Claimed::InFlight => return Err(in_flight()),
        Claimed::Reused => return Err(Problem::invalid(IdempotencyKey::reused())),
    };
    let reply = (route.handler)(call).await.unwrap_or_else(|problem| problem.reply(path, &call.trace));
    if let Some(claim) = &call.claim
        && let Err(error) = finish(app, claim, &reply).await
    {
        let line = Line::warn("an idempotency key is left to its lease").trace(&call.trace);
        line.field("error", error).write();
    }
    Ok(reply)
}

/// The one key of a request.
fn key_of(headers: &HeaderMap) -> Result<IdempotencyKey, Problem> {
    let mut values = headers.get_all(IDEMPOTENCY_KEY).iter();
    let key = match (values.next().map(HeaderValue::to_str), values.next()) {
        (Some(Ok(text)), None) => IdempotencyKey::parse(text),
        _ => Err(IdempotencyKey::malformed()),
    };
    key.map_err(Problem::invalid)
}

/// What a request asks for: its method, its path and its body to the byte, as a retry sends them again.
fn fingerprint(method: &Method, path: &str, body: &Bytes) -> [u8; 32] {
    let line = format!("{method} {}\n", path.trim_end_matches('/'));
    Sha256::new().chain_update(line).chain_update(body).finalize().into()
}

/// Keeps an answer; one that invites to try again, or to do so under another condition, is not kept, so that trying again
/// is of use.
async fn finish(app: &App, claim: &Claim, reply: &Reply) -> Result<(), DbError> {
    match kept(reply) {
        Some(answer) => idempotency::keep(&app.db, claim, &answer).await,
        None => idempotency::release(&app.db, claim).await,
    }
}

fn kept(reply: &Reply) -> Option<Kept> {
    let invites_a_retry = reply.status.is_server_error()
        || matches!(reply.status, StatusCode::TOO_MANY_REQUESTS | StatusCode::PRECONDITION_FAILED)
        || reply.headers.contains_key(header::RETRY_AFTER);
    if invites_a_retry {
        return None;
    }
    let Body::Whole(body) = &reply.body else { return None };
    let text = |value: &HeaderValue| value.to_str().ok().map(str::to_owned);
    let headers: Option<HashMap<_, _>> =
        reply.headers.iter().map(|(name, value)| Some((name.to_string(), text(value)?))).collect();
    let body = String::from_utf8(body.to_vec()).ok()?;
    Some(Kept { status: reply.status.as_u16(), headers: headers?, body })
}

fn replayed(kept: Kept) -> Answer {
    let unreadable = |error: http::Error| DbError::Failed(format!("a kept answer is none: {error}"));
    let status = StatusCode::from_u16(kept.status).map_err(|error| unreadable(error.into()))?;
    let headers = HeaderMap::try_from(&kept.headers).map_err(unreadable)?;
    let reply = Reply { status, headers, body: Body::Whole(Bytes::from(kept.body)) };
    Ok(reply.header(IDEMPOTENCY_REPLAYED, HeaderValue::from_static("true")))
}

/// 409: the same request is being carried out.
pub fn in_flight() -> Problem {
    let detail = "a request with this Idempotency-Key is being carried out; send it again for its answer";
    Problem::new(Kind::RequestInProgress, detail).retry_after(Duration::from_secs(1))
}
