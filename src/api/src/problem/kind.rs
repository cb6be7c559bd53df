//! The kinds of problems.

use http::StatusCode;
use schemars::JsonSchema;
use serde::Serialize;

/// The `type` of a problem, by which programs tell one from another. Each comes with one status.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, JsonSchema)]
#[schemars(rename = "ProblemType")]
pub enum Kind {
    #[serde(rename = "urn:order-service:problem:incomplete-body")]
    IncompleteBody,
    #[serde(rename = "urn:order-service:problem:unauthorized")]
    Unauthorized,
    #[serde(rename = "urn:order-service:problem:payment-declined")]
    PaymentDeclined,
    #[serde(rename = "urn:order-service:problem:forbidden")]
    Forbidden,
    #[serde(rename = "urn:order-service:problem:not-found")]
    NotFound,
    #[serde(rename = "urn:order-service:problem:method-not-allowed")]
    MethodNotAllowed,
    #[serde(rename = "urn:order-service:problem:slow-body")]
    SlowBody,
    /// The order's status doesn't allow it.
    #[serde(rename = "urn:order-service:problem:status-conflict")]
    StatusConflict,
    /// Somebody else changed the same at the same time.
    #[serde(rename = "urn:order-service:problem:overtaken")]
    Overtaken,
    /// The customer's cart is becoming an order already.
    #[serde(rename = "urn:order-service:problem:checkout-in-progress")]
    CheckoutInProgress,
    /// The order was cancelled while its payment was awaited.
    #[serde(rename = "urn:order-service:problem:order-cancelled")]
    OrderCancelled,
    /// A payment of the order is not settled yet.
    #[serde(rename = "urn:order-service:problem:payment-in-progress")]
    PaymentInProgress,
    /// Nobody has paid for the order, so that a difference alone can't be charged.
    #[serde(rename = "urn:order-service:problem:not-paid")]
    NotPaid,
    /// A request with the same `Idempotency-Key` is under way.
    #[serde(rename = "urn:order-service:problem:request-in-progress")]
    RequestInProgress,
    /// A worker has the task.
    #[serde(rename = "urn:order-service:problem:task-in-hand")]
    TaskInHand,
    /// The task's time has not come.
    #[serde(rename = "urn:order-service:problem:task-to-come")]
    TaskToCome,
    /// An order of this person is under way.
    #[serde(rename = "urn:order-service:problem:order-under-way")]
    OrderUnderWay,
    #[serde(rename = "urn:order-service:problem:precondition-failed")]
    PreconditionFailed,
    #[serde(rename = "urn:order-service:problem:body-too-large")]
    BodyTooLarge,
    #[serde(rename = "urn:order-service:problem:unsupported-encoding")]
    UnsupportedEncoding,
    #[serde(rename = "urn:order-service:problem:address-too-long")]
    AddressTooLong,
    #[serde(rename = "urn:order-service:problem:invalid-request")]
    InvalidRequest,
    #[serde(rename = "urn:order-service:problem:too-many-requests")]
    TooManyRequests,
    #[serde(rename = "urn:order-service:problem:headers-too-large")]
    HeadersTooLarge,
    #[serde(rename = "urn:order-service:problem:internal")]
    Internal,
    #[serde(rename = "urn:order-service:problem:unavailable")]
    Unavailable,
}

impl Kind {
    pub fn status(self) -> StatusCode {
        match self {
            Self::IncompleteBody => StatusCode::BAD_REQUEST,
            Self::Unauthorized => StatusCode::UNAUTHORIZED,
            Self::PaymentDeclined => StatusCode::PAYMENT_REQUIRED,
            Self::Forbidden => StatusCode::FORBIDDEN,
            Self::NotFound => StatusCode::NOT_FOUND,
            Self::MethodNotAllowed => StatusCode::METHOD_NOT_ALLOWED,
            Self::SlowBody => StatusCode::REQUEST_TIMEOUT,
            Self::StatusConflict
            | Self::Overtaken
            | Self::CheckoutInProgress
            | Self::OrderCancelled
            | Self::PaymentInProgress
            | Self::NotPaid
            | Self::RequestInProgress
            | Self::TaskInHand
            | Self::TaskToCome
            | Self::OrderUnderWay => StatusCode::CONFLICT,
            Self::PreconditionFailed => StatusCode::PRECONDITION_FAILED,
            Self::BodyTooLarge => StatusCode::PAYLOAD_TOO_LARGE,
            Self::AddressTooLong => StatusCode::URI_TOO_LONG,
            Self::UnsupportedEncoding => StatusCode::UNSUPPORTED_MEDIA_TYPE,
            Self::InvalidRequest => StatusCode::UNPROCESSABLE_ENTITY,
            Self::TooManyRequests => StatusCode::TOO_MANY_REQUESTS,
            Self::HeadersTooLarge => StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE,
            Self::Internal => StatusCode::INTERNAL_SERVER_ERROR,
            Self::Unavailable => StatusCode::SERVICE_UNAVAILABLE,
        }
    }
}
