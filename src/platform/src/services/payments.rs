//! The payment service: asks for money, and sorts its answers into what is certain and what isn't.

use domain::{Money, OrderId, UserId};
use http::StatusCode;
use serde::Serialize;
use serde_json::{Map, Value};

use super::{CallError, Client, ServiceDown, exchange::Answer};
use crate::{Trace, ledger::Movement, metrics};

/// The specification's request to take or return money.
#[derive(Serialize)]
struct PaymentRequest<'a> {
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
    NotReached(ServiceDown),
    /// The money may or may not have moved: ask again with the same key.
    Unknown(String),
}

pub struct Payments {
    pub charges: Client,
    refunds: Client,
}

impl Payments {
    pub fn new(client: Client) -> Self {
        Self { refunds: client.apart("payment-refund"), charges: client }
    }

    /// Takes money from a customer.
    pub async fn charge(&self, movement: &Movement, trace: &Trace) -> PaymentOutcome {
        counted("charge", ask(&self.charges, "/payments/process", movement, trace).await)
    }

    /// Pays money back to a customer.
    pub async fn refund(&self, movement: &Movement, trace: &Trace) -> PaymentOutcome {
        counted("refund", ask(&self.refunds, "/payments/refund", movement, trace).await)
    }
}

async fn ask(client: &Client, path: &str, movement: &Movement, trace: &Trace) -> PaymentOutcome {
    let body =
        PaymentRequest { user_id: &movement.user_id, order_id: movement.order_id, amount: movement.amount };
    let call = (path, movement.idempotency_key.as_str());
    match client.post(call, &body, trace, outcome).await {
        Ok(outcome) => outcome,
        Err(CallError::NoAnswer(problem)) => PaymentOutcome::Unknown(problem),
        Err(error @ (CallError::NotReached(_) | CallError::CircuitOpen(_))) => {
            PaymentOutcome::NotReached(client.down(&error))
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

fn outcome(answer: &Answer) -> Result<PaymentOutcome, CallError> {
    match answer.status {
        status if status.is_success() => accepted(answer),
        // The way there is wrong, not the payment: nothing was charged.
        StatusCode::UNAUTHORIZED
        | StatusCode::FORBIDDEN
        | StatusCode::NOT_FOUND
        | StatusCode::METHOD_NOT_ALLOWED => Err(CallError::NotReached(format!("answered {}", answer.status))),
        // "Later", or "the same key is being worked on".
        StatusCode::REQUEST_TIMEOUT
        | StatusCode::CONFLICT
        | StatusCode::TOO_EARLY
        | StatusCode::TOO_MANY_REQUESTS => Err(answer.unexpected()),
        status if status.is_client_error() => Ok(PaymentOutcome::Declined),
        _ => Err(answer.unexpected()),
    }
}

/// Status words of a 2xx that leave the outcome open: ask again with the same key.
const UNDER_WAY: [&str; 12] = [
    "pending",
    "processing",
    "queued",
    "created",
    "submitted",
    "incomplete",
    "in_progress",
    "requires_action",
    "requires_capture",
    "requires_confirmation",
    "error",
    "unknown",
];

/// Status words of a 2xx that mean a refusal. Any other word, or none, counts as paid: the specification defines only the HTTP
/// status.
const REFUSED: [&str; 12] = [
    "declined",
    "denied",
    "rejected",
    "refused",
    "failed",
    "failure",
    "canceled",
    "cancelled",
    "expired",
    "voided",
    "unpaid",
    "requires_payment_method",
];

/// A success whose body says otherwise is a refusal; one that is under way or can't be read may become anything.
fn accepted(answer: &Answer) -> Result<PaymentOutcome, CallError> {
    let body: Map<String, Value> = answer.json()?;
    let status = body.get("status").and_then(Value::as_str).unwrap_or_default();
    let status = status.to_ascii_lowercase().replace([' ', '-'], "_");
    if answer.status == StatusCode::ACCEPTED || UNDER_WAY.contains(&status.as_str()) {
        return Err(answer.unexpected());
    }
    if body.get("success") == Some(&Value::Bool(false)) || REFUSED.contains(&status.as_str()) {
        return Ok(PaymentOutcome::Declined);
    }
    let named =
        ["payment_id", "refund_id", "transaction_id"].iter().find_map(|name| body.get(*name)?.as_str());
    let reference = named.map(|text| text.chars().filter(|c| *c != '\0').take(255).collect());
    Ok(PaymentOutcome::Approved { reference })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn answered(status: u16, body: &'static str) -> Result<PaymentOutcome, CallError> {
        outcome(&Answer { status: StatusCode::from_u16(status).unwrap(), body: body.into() })
    }

    #[test]
    fn only_a_readable_success_is_an_approval() {
        for (status, body, outcome) in [
            (200, r#"{"payment_id": "pay_1"}"#, PaymentOutcome::Approved { reference: Some("pay_1".into()) }),
            (201, "{}", PaymentOutcome::Approved { reference: None }),
            (200, r#"{"success": false}"#, PaymentOutcome::Declined),
            (200, r#"{"status": "declined"}"#, PaymentOutcome::Declined),
            (200, r#"{"status": "FAILED"}"#, PaymentOutcome::Declined),
            (200, r#"{"status": "Completed"}"#, PaymentOutcome::Approved { reference: None }),
        ] {
            assert_eq!(answered(status, body).unwrap(), outcome, "{body}");
        }
        for (status, body) in [
            (202, "{}"),
            (200, r#"{"status": "pending"}"#),
            (201, r#"{"status": "Processing"}"#),
            (200, r#"{"success": false, "status": "processing"}"#),
            (202, r#"{"success": false}"#),
        ] {
            assert!(matches!(answered(status, body), Err(CallError::NoAnswer(_))), "{status} {body}");
        }
        let answered_with = |status: &str| {
            let body = format!(r#"{{"status": "{}"}}"#, status.to_uppercase().replace('_', "-"));
            outcome(&Answer { status: StatusCode::OK, body: body.into() })
        };
        assert!(UNDER_WAY.iter().all(|word| matches!(answered_with(word), Err(CallError::NoAnswer(_)))));
        assert!(REFUSED.iter().all(|word| matches!(answered_with(word), Ok(PaymentOutcome::Declined))));
        for nonsense in ["", "<html>", "[]", "true"] {
            assert!(matches!(answered(200, nonsense), Err(CallError::NoAnswer(_))), "{nonsense}");
        }
    }

    #[test]
    fn a_status_is_a_refusal_a_wrong_way_or_no_answer() {
        for status in [400, 402, 410, 422] {
            assert_eq!(answered(status, "{}").unwrap(), PaymentOutcome::Declined, "{status}");
        }
        for status in [401, 403, 404, 405] {
            assert!(matches!(answered(status, ""), Err(CallError::NotReached(_))), "{status}");
        }
        for status in [302, 408, 409, 425, 429, 500, 502, 503, 504] {
            assert!(matches!(answered(status, ""), Err(CallError::NoAnswer(_))), "{status}");
        }
    }
}
