//! What customers think of their orders: one rating for each.

use chrono::{DateTime, Utc};
use domain::{OrderId, Rating};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{
    Database, DbError,
    database::{one_document, optional_document},
    idempotency::{self, Change, Claim},
    parameters::optional_text,
};

/// A rating as it is kept.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
pub struct Feedback {
    pub id: i32,
    pub order_id: OrderId,
    pub rating: i32,
    pub comment: Option<String>,
    pub created_at: DateTime<Utc>,
}

/// Keeps a rating in place of an earlier one. With a claim it is done once.
pub async fn rate(
    db: &Database,
    order: OrderId,
    rating: &Rating,
    claim: Option<&Claim>,
) -> Result<Feedback, DbError> {
    const CHANGE: Change<'_> = Change {
        with: "given as (
            insert into order_feedback (order_id, rating, comment) values ($1, $2, $3)
            on conflict (order_id) do update
                set rating = excluded.rating, comment = excluded.comment, created_at = now()
            returning *
        )",
        answer: "select row_to_json(g)::text from given g",
    };
    let parameters =
        [order.get().into(), i32::from(rating.stars).into(), optional_text(rating.comment.as_deref())];
    one_document(&idempotency::change(db, claim, CHANGE, &parameters).await?)
}

/// The rating of an order.
pub async fn feedback_of(db: &Database, order: OrderId) -> Result<Option<Feedback>, DbError> {
    let statement = "select row_to_json(f)::text from order_feedback f where order_id = $1";
    optional_document(&db.idempotent(statement, &[order.get().into()]).await?)
}
