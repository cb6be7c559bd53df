//! Requests with an idempotency key: carried out by one at a time, their change recorded in the
//! statement that makes it, their answer kept for a day.

use std::collections::HashMap;

use domain::{IdempotencyKey, UserId};
use serde::{Deserialize, Serialize, de::DeserializeOwned};
use serde_json::json;
use spin_sdk::pg::{DbValue, ParameterValue};

use crate::{
    Database, DbError,
    database::{Row, optional_document},
    parameters::text,
};

/// A claim lasts this long without an answer; longer than any request may take.
const LEASE: &str = "interval '60 seconds'";

/// A key stands for its request this long.
const LIFETIME: &str = "interval '24 hours'";

/// How many keys are forgotten at once.
const BATCH: i64 = 1_000;

/// The name by which `record_outcome` refuses a change.
const CLAIM_CONSTRAINT: &str = "idempotency_keys_token";

/// The right to carry out the request that a key stands for.
#[derive(Debug)]
pub struct Claim {
    user: UserId,
    key: IdempotencyKey,
    token: String,
    /// What the change answered when it was made before, by a request that didn't live to answer.
    outcome: Option<String>,
}

/// An answer as it is kept.
#[derive(Debug, Serialize, Deserialize)]
pub struct Kept {
    pub status: u16,
    pub headers: HashMap<String, String>,
    pub body: String,
}

/// What came of claiming a key.
#[derive(Debug)]
pub enum Claimed {
    /// The request is to be carried out.
    Ours(Claim),
    /// It was carried out and answered.
    Answered(Kept),
    /// It is being carried out.
    InFlight,
    /// The key stands for another request.
    Reused,
}

/// A change in SQL: the common table expressions that make it, and the query that answers with texts.
pub(crate) struct Change<'a> {
    pub with: &'a str,
    pub answer: &'a str,
}

/// A row of the table, as claiming reads it.
#[derive(Deserialize)]
struct Found {
    is_ours: bool,
    is_same: bool,
    outcome: Option<String>,
    answer: Option<Kept>,
}

/// Claims a user's key for the request of that fingerprint. `token` is unique to the try; claiming
/// again with it is harmless.
pub async fn claim(
    db: &Database,
    user: UserId,
    key: IdempotencyKey,
    fingerprint: [u8; 32],
    token: String,
) -> Result<Claimed, DbError> {
    let statement = format!(
        "with claimed as (
            insert into idempotency_keys as k (user_id, key, fingerprint, token, leased_until, expires_at)
            values ($1, $2, $3, $4, now() + {LEASE}, now() + {LIFETIME})
            on conflict (user_id, key) do update
                set fingerprint = excluded.fingerprint, token = excluded.token, leased_until = excluded.leased_until,
                    expires_at = excluded.expires_at, status = null, headers = null, body = null,
                    outcome = case when k.expires_at > now() then k.outcome end
                where k.expires_at <= now() or k.token = excluded.token
                   or k.status is null and k.leased_until <= now() and k.fingerprint = excluded.fingerprint
            returning outcome
        )
        select json_build_object('is_ours', true, 'is_same', true, 'outcome', outcome)::text from claimed
        union all
        select json_build_object('is_ours', false, 'is_same', fingerprint = $3, 'answer',
            case when status is not null then
                json_build_object('status', status, 'headers', headers, 'body', body) end)::text
        from idempotency_keys
        where user_id = $1 and key = $2 and expires_at > now() and not exists (select from claimed)"
    );
    let parameters =
        [text(user.as_str()), text(key.as_str()), ParameterValue::Binary(fingerprint.to_vec()), text(&token)];
    // Claiming twice with one token is claiming once.
    let found: Option<Found> = optional_document(&db.idempotent(&statement, &parameters).await?)?;
    Ok(match found {
        Some(Found { is_ours: true, outcome, .. }) => Claimed::Ours(Claim { user, key, token, outcome }),
        Some(Found { is_same: false, .. }) => Claimed::Reused,
        Some(Found { answer: Some(kept), .. }) => Claimed::Answered(kept),
        // No row: another transaction claimed the key, or claimed it anew, after our snapshot.
        Some(_) | None => Claimed::InFlight,
    })
}

/// Keeps the answer for whoever sends the request again.
pub async fn keep(db: &Database, claim: &Claim, answer: &Kept) -> Result<(), DbError> {
    let statement = "update idempotency_keys set status = $4, headers = $5::text::jsonb, body = $6
        where user_id = $1 and key = $2 and token = $3";
    let mut parameters = claim.parameters().to_vec();
    parameters.extend([
        i32::from(answer.status).into(),
        text(&json!(answer.headers).to_string()),
        text(&answer.body),
    ]);
    db.idempotent(statement, &parameters).await.map(drop)
}

/// Gives the key up: the request, sent again, is carried out anew; or is answered, if its change was
/// made after all and only this try doesn't know.
pub async fn release(db: &Database, claim: &Claim) -> Result<(), DbError> {
    let statement = "with ended as (
            update idempotency_keys set leased_until = now()
            where user_id = $1 and key = $2 and token = $3 and outcome is not null
        )
        delete from idempotency_keys where user_id = $1 and key = $2 and token = $3 and outcome is null";
    db.idempotent(statement, &claim.parameters()).await.map(drop)
}

/// Forgets that the change was made, which came to nothing: the request, sent again, is carried out anew.
pub async fn forget(db: &Database, claim: &Claim) -> Result<(), DbError> {
    let statement = "delete from idempotency_keys where user_id = $1 and key = $2 and token = $3";
    db.idempotent(statement, &claim.parameters()).await.map(drop)
}

/// Forgets keys whose time is over, a limited number of them.
pub async fn forget_expired(db: &Database) -> Result<(), DbError> {
    let statement = "delete from idempotency_keys where (user_id, key) in (
            select user_id, key from idempotency_keys where expires_at <= now()
            order by expires_at limit $1 for update skip locked
        )";
    db.idempotent(statement, &[BATCH.into()]).await.map(drop)
}

/// Makes a change, and with a claim records what it answered in the same statement. If it was
/// made before under this claim's key, it is not made again and answers the same.
///
/// A change that answers no rows was not made and is not recorded.
pub(crate) async fn change(
    db: &Database,
    claim: Option<&Claim>,
    Change { with, answer }: Change<'_>,
    parameters: &[ParameterValue],
) -> Result<Vec<Row>, DbError> {
    let Some(claim) = claim else {
        return db.change(&format!("with {with} {answer}"), parameters).await;
    };
    if let Some(rows) = claim.outcome()? {
        return Ok(rows);
    }
    let [user, key, token] = [1, 2, 3].map(|n| format!("${}", parameters.len() + n));
    let statement = format!(
        "with {with}, outcome (document) as ({answer}),
        outcomes (documents) as (select json_agg(document)::text from outcome having count(*) > 0),
        recorded (done) as materialized (select record_outcome({user}, {key}, {token}, documents) from outcomes)
        select document from outcome, recorded where done"
    );
    let parameters = [parameters, claim.parameters().as_slice()].concat();
    db.change(&statement, &parameters).await.map_err(|error| match error {
        DbError::Constraint(name) if name == CLAIM_CONSTRAINT => DbError::ClaimLost,
        error => error,
    })
}

impl Claim {
    /// What the change answered, where it is one document, when it was made before.
    pub fn recorded<T: DeserializeOwned>(&self) -> Result<Option<T>, DbError> {
        self.outcome()?.as_deref().map_or(Ok(None), optional_document)
    }

    fn outcome(&self) -> Result<Option<Vec<Row>>, DbError> {
        let Some(outcome) = &self.outcome else { return Ok(None) };
        let documents: Vec<String> =
            serde_json::from_str(outcome).map_err(|error| DbError::Failed(error.to_string()))?;
        Ok(Some(documents.into_iter().map(|document| vec![DbValue::Str(document)]).collect()))
    }

    fn parameters(&self) -> [ParameterValue; 3] {
        [text(self.user.as_str()), text(self.key.as_str()), text(&self.token)]
    }
}
