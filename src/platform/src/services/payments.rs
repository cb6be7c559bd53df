//! The payment service: asks for money, and sorts its answers into what is certain and what isn't.

use domain::{Money, OrderId, UserId};
use http::StatusCode;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::{CallError, Client, client::Answer};
use crate::{Trace, metrics};

/// A movement of money as it stands in the ledger: a charge or a refund.
#[derive(Clone, Debug, Deserialize)]
pub struct Entry {
    pub order_id: OrderId,
    /// Numbers the order's movements of money from 1.
    pub seq: i32,
    pub user_id: UserId,
    pub amount: Money,
    /// Makes asking again harmless.
    pub idempotency_key: String,
}

/// The specification's request to take or return money.
#[derive(Serialize)]
struct Movement<'a> {
    user_id: &'a UserId,
    order_id: OrderId,
    amount: Money,
}

/// What is known about a movement of money after asking for it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum PaymentOutcome {
    /// The money moved; the service's name for it, where it gave one.
    Approved { reference: Option<String> },
    /// The money certainly did not move, and won't.
    Declined,
    /// The service was certainly not reached.
    NotReached(String),
    /// The money may or may not have moved: ask again with the same key.
    Unknown(String),
}

pub struct Payments(pub Client);

impl Payments {
    /// Takes money from a customer.
    pub async fn charge(&self, entry: &Entry, trace: &Trace) -> PaymentOutcome {
        counted("charge", self.ask("/payments/process", entry, trace).await)
    }

    /// Pays money back to a customer.
    pub async fn refund(&self, entry: &Entry, trace: &Trace) -> PaymentOutcome {
        counted("refund", self.ask("/payments/refund", entry, trace).await)
    }

    async fn ask(&self, path: &str, entry: &Entry, trace: &Trace) -> PaymentOutcome {
        let body = Movement { user_id: &entry.user_id, order_id: entry.order_id, amount: entry.amount };
        match self.0.post(path, &entry.idempotency_key, &body, trace).await {
            Ok(answer) => outcome(&answer),
            Err(CallError::NotReached(problem)) => PaymentOutcome::NotReached(problem),
            Err(CallError::NoAnswer(problem)) => PaymentOutcome::Unknown(problem),
        }
    }
}

fn counted(kind: &str, outcome: PaymentOutcome) -> PaymentOutcome {
    let name = match outcome {
        PaymentOutcome::Approved { .. } => "approved",
        PaymentOutcome::Declined => "declined",
        PaymentOutcome::NotReached(_) => "not_reached",
        PaymentOutcome::Unknown(_) => "unknown",
    };
    metrics::payment(kind, name);
    outcome
}

fn outcome(answer: &Answer) -> PaymentOutcome {
    let unknown = || PaymentOutcome::Unknown(format!("answered {}", answer.status));
    match answer.status {
        status if status.is_success() => accepted(&answer.body),
        // The way there is wrong, not the payment: nothing was charged.
        StatusCode::UNAUTHORIZED
        | StatusCode::FORBIDDEN
        | StatusCode::NOT_FOUND
        | StatusCode::METHOD_NOT_ALLOWED => PaymentOutcome::NotReached(format!("answered {}", answer.status)),
        // "Later", or "the same key is being worked on".
        StatusCode::REQUEST_TIMEOUT
        | StatusCode::CONFLICT
        | StatusCode::TOO_EARLY
        | StatusCode::TOO_MANY_REQUESTS => unknown(),
        status if status.is_client_error() => PaymentOutcome::Declined,
        _ => unknown(),
    }
}

/// A success whose body says otherwise is a refusal; one that can't be read may be anything.
fn accepted(body: &[u8]) -> PaymentOutcome {
    let Ok(Value::Object(answer)) = serde_json::from_slice(body) else {
        return PaymentOutcome::Unknown("its answer is no JSON object".to_owned());
    };
    let status = answer.get("status").and_then(Value::as_str).unwrap_or_default();
    if answer.get("success") == Some(&Value::Bool(false))
        || matches!(status, "declined" | "failed" | "rejected")
    {
        return PaymentOutcome::Declined;
    }
    let named =
        ["payment_id", "refund_id", "transaction_id"].iter().find_map(|name| answer.get(*name)?.as_str());
    let reference = named.map(|text| text.chars().filter(|c| *c != '\0').take(255).collect());
    PaymentOutcome::Approved { reference }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn answered(status: u16, body: &'static str) -> PaymentOutcome {
        outcome(&Answer { status: StatusCode::from_u16(status).unwrap(), body: body.into() })
    }

    #[test]
    fn only_a_readable_success_is_an_approval() {
        let reference = Some("pay_1".to_owned());
        assert_eq!(answered(200, r#"{"payment_id": "pay_1"}"#), PaymentOutcome::Approved { reference });
        assert_eq!(answered(201, "{}"), PaymentOutcome::Approved { reference: None });
        assert_eq!(answered(200, r#"{"success": false}"#), PaymentOutcome::Declined);
        assert_eq!(answered(200, r#"{"status": "declined"}"#), PaymentOutcome::Declined);
        for nonsense in ["", "<html>", "[]", "true"] {
            assert!(matches!(answered(200, nonsense), PaymentOutcome::Unknown(_)), "{nonsense}");
        }
    }

    #[test]
    fn a_status_is_a_refusal_a_wrong_way_or_no_answer() {
        for status in [400, 402, 410, 422] {
            assert_eq!(answered(status, "{}"), PaymentOutcome::Declined, "{status}");
        }
        for status in [401, 403, 404, 405] {
            assert!(matches!(answered(status, ""), PaymentOutcome::NotReached(_)), "{status}");
        }
        for status in [302, 408, 409, 425, 429, 500, 502, 503, 504] {
            assert!(matches!(answered(status, ""), PaymentOutcome::Unknown(_)), "{status}");
        }
    }
}
