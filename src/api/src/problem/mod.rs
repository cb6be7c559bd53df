//! Errors as answers: problem documents (RFC 9457) with the same shape everywhere.

mod kind;

use std::time::Duration;

use domain::{Invalid, Refusal};
use http::{HeaderName, HeaderValue, header};
use platform::{DbError, Trace, log::Line, services::ServiceDown, variables::Misconfigured};
use schemars::JsonSchema;
use serde::Serialize;

pub use self::kind::Kind;
use crate::{idempotency, reply::Reply};

/// Why a request has no other answer.
#[derive(Clone, Debug)]
pub struct Problem {
    kind: Kind,
    /// A sentence that says what to do, for people.
    detail: String,
    errors: Vec<Invalid>,
    headers: Vec<(HeaderName, HeaderValue)>,
    /// What only the log may know.
    internal: Option<String>,
}

/// What stood in the way of a request (RFC 9457).
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "Problem")]
pub struct Document<'a> {
    #[serde(rename = "type")]
    kind: Kind,
    title: &'a str,
    status: u16,
    /// A sentence that says what to do, for people.
    detail: &'a str,
    /// The path that was asked for.
    instance: &'a str,
    /// Names the request in the logs.
    request_id: &'a str,
    /// Each thing that is wrong with the request, where the status is 422.
    #[serde(skip_serializing_if = "<[_]>::is_empty")]
    errors: &'a [Invalid],
}

impl Problem {
    pub fn new(kind: Kind, detail: impl Into<String>) -> Self {
        Self { kind, detail: detail.into(), errors: Vec::new(), headers: Vec::new(), internal: None }
    }

    /// 401: who is asking isn't known.
    pub fn unauthorized(detail: &'static str) -> Self {
        let challenge =
            format!("Bearer realm=\"orders\", error=\"invalid_token\", error_description=\"{detail}\"");
        let challenge = HeaderValue::try_from(challenge).unwrap_or(HeaderValue::from_static("Bearer"));
        Self::new(Kind::Unauthorized, detail).header(header::WWW_AUTHENTICATE, challenge)
    }

    /// 401: nobody is named. The challenge has no error then (RFC 6750, 3.1).
    pub fn unauthenticated() -> Self {
        let detail = "a token is required: Authorization: Bearer <JWT>";
        let challenge = HeaderValue::from_static("Bearer realm=\"orders\"");
        Self::new(Kind::Unauthorized, detail).header(header::WWW_AUTHENTICATE, challenge)
    }

    /// 403: the role, or the person, may never do this.
    pub fn forbidden(detail: impl Into<String>) -> Self {
        Self::new(Kind::Forbidden, detail)
    }

    /// 404: there is no such thing, or it isn't theirs; nobody learns which.
    pub fn not_found(detail: impl Into<String>) -> Self {
        Self::new(Kind::NotFound, detail)
    }

    /// 422: each thing that is wrong with the request.
    pub fn invalid(errors: impl Into<Vec<Invalid>>) -> Self {
        let errors = errors.into();
        let said = |fault: &Invalid| format!("{} {}", fault.pointer, fault.detail).trim().to_owned();
        let detail = errors.iter().map(said).collect::<Vec<_>>().join("; ");
        Self { errors, ..Self::new(Kind::InvalidRequest, detail) }
    }

    /// 503: something this service needs is down.
    pub fn unavailable(what: &str, internal: impl ToString) -> Self {
        Self::unavailable_for(Duration::from_secs(2), what, internal)
    }

    /// 503 for whoever runs the service: a variable it needs. Its value, perhaps a secret, is not shown.
    pub fn misconfigured(what: &str, error: &Misconfigured) -> Self {
        let detail = format!("{what}: {} is missing, too short or otherwise not as it must be", error.name);
        Self::new(Kind::Unavailable, detail).retry_after(Duration::from_secs(2)).internally(error)
    }

    fn unavailable_for(wait: Duration, what: &str, internal: impl ToString) -> Self {
        let detail = format!(
            "{what} is unavailable at the moment; please try again, with the same Idempotency-Key if you sent one"
        );
        Self::new(Kind::Unavailable, detail).retry_after(wait).internally(internal)
    }

    /// 500: a fault of this service.
    fn internal(internal: impl ToString) -> Self {
        let detail = "something went wrong on our side; please report the request_id";
        Self::new(Kind::Internal, detail).internally(internal)
    }

    /// Whether the request could not be carried out as it is, and was not.
    pub fn is_refusal(&self) -> bool {
        self.kind.status().is_client_error()
    }

    pub fn header(mut self, name: HeaderName, value: HeaderValue) -> Self {
        self.headers.push((name, value));
        self
    }

    /// When to try again.
    pub fn retry_after(self, wait: Duration) -> Self {
        self.header(header::RETRY_AFTER, HeaderValue::from(whole_seconds(wait)))
    }

    fn internally(mut self, internal: impl ToString) -> Self {
        self.internal = Some(internal.to_string());
        self
    }

    /// Answers a request with this problem, and tells the log what the client may not know.
    pub fn reply(self, path: &str, trace: &Trace) -> Reply {
        if let Some(internal) = &self.internal {
            let line = if self.kind == Kind::Internal { Line::error } else { Line::warn };
            line(&self.detail).trace(trace).field("error", internal).write();
        }
        let status = self.kind.status();
        let document = Document {
            kind: self.kind,
            title: status.canonical_reason().unwrap_or("Error"),
            status: status.as_u16(),
            detail: &self.detail,
            instance: path,
            request_id: &trace.request_id,
            errors: &self.errors,
        };
        let mut reply = Reply::json(status, &document);
        reply.content_type("application/problem+json");
        self.headers.into_iter().fold(reply, |reply, (name, value)| reply.header(name, value))
    }
}

/// Rounded up, and one at least: earlier would be in vain.
pub fn whole_seconds(wait: Duration) -> u64 {
    u64::try_from(wait.as_millis().div_ceil(1_000)).unwrap_or(u64::MAX).max(1)
}

impl From<Refusal> for Problem {
    fn from(refusal: Refusal) -> Self {
        match refusal {
            Refusal::Role(_) | Refusal::Person(_) => Self::forbidden(refusal.to_string()),
            Refusal::Step { .. } | Refusal::Status { .. } | Refusal::Now(_) => {
                Self::new(Kind::StatusConflict, refusal.to_string())
            }
        }
    }
}

impl From<DbError> for Problem {
    fn from(error: DbError) -> Self {
        match error {
            DbError::Unavailable(_) => Self::unavailable("the database", error),
            DbError::ClaimLost => idempotency::in_flight(),
            // Checked before, so only a race or a fault of ours gets here.
            DbError::Constraint(_) | DbError::Failed(_) => Self::internal(error),
        }
    }
}

impl From<ServiceDown> for Problem {
    fn from(error: ServiceDown) -> Self {
        let what = format!("the {} service", error.service);
        match error.retry_after {
            Some(wait) => Self::unavailable_for(wait, &what, error),
            None => Self::unavailable(&what, error),
        }
    }
}

impl From<Misconfigured> for Problem {
    fn from(error: Misconfigured) -> Self {
        Self::unavailable("this service", error)
    }
}
