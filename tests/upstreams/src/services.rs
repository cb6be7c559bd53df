//! The services together: each request is told apart, recorded, struck by its fault, and answered.

use std::convert::Infallible;
use std::sync::{Mutex, MutexGuard, PoisonError};

use bytes::Bytes;
use http_body_util::{BodyExt, Limited};
use hyper::body::Incoming;
use hyper::http::request::Parts;
use hyper::{Request, StatusCode};
use serde_json::{Value, json};

use crate::calls::{Call, Calls, Trace, header};
use crate::carts::{self, Carts};
use crate::catalogue::{self, Catalogue};
use crate::endpoint::{Endpoint, Service};
use crate::faults::{Faults, Mode, Target};
use crate::notifications::{Notification, Notifications};
use crate::payments::{Kind, Movement, Payments};
use crate::reply::{self, Answer, Reply};
use crate::{control, users};

const MAX_BODY: usize = 1024 * 1024;

#[derive(Default)]
pub struct Services {
    pub carts: Shared<Carts>,
    pub catalogue: Shared<Catalogue>,
    pub payments: Shared<Payments>,
    pub notifications: Shared<Notifications>,
    pub calls: Shared<Calls>,
    pub faults: Shared<Faults>,
    /// For load: every product exists, no cart is ever empty, and no call is remembered.
    is_endless: bool,
}

/// State behind a lock that is never held across an await.
#[derive(Default)]
pub struct Shared<T>(Mutex<T>);

impl<T> Shared<T> {
    pub fn lock(&self) -> MutexGuard<'_, T> {
        // A panic elsewhere is no reason to fail here: every change is a single step.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The connection is to be closed without an answer.
#[derive(Debug)]
pub struct Dropped;

impl std::fmt::Display for Dropped {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("dropped by a fault")
    }
}

impl std::error::Error for Dropped {}

impl Services {
    pub fn endless() -> Services {
        Services { is_endless: true, ..Services::default() }
    }

    pub async fn answer(&self, request: Request<Incoming>) -> Result<Reply, Dropped> {
        let (parts, body) = request.into_parts();
        let Ok(body) = Limited::new(body, MAX_BODY).collect().await else {
            let detail = "The body is too large or ended early";
            return Ok(Answer::detail(StatusCode::PAYLOAD_TOO_LARGE, detail).into());
        };
        let body = body.to_bytes();
        if parts.uri.path().starts_with("/_") {
            return Ok(control::answer(self, &parts.method, &parts.uri, &body).into());
        }
        let Some(endpoint) = Endpoint::of(&parts.method, parts.uri.path()) else {
            return Ok(Answer::not_found("This path is").into());
        };
        if self.is_endless {
            return Ok(self.provide(&endpoint, &parts, &body).into());
        }
        match self.strike(&endpoint, &parts, &body) {
            None => Ok(self.carry_out(&endpoint, &parts, &body).into()),
            Some(mode) => self.answer_wrongly(mode, &endpoint, &parts, &body).await,
        }
    }

    /// Records the call and says what is to go wrong with it.
    fn strike(&self, endpoint: &Endpoint, parts: &Parts, body: &Bytes) -> Option<Mode> {
        let user_id = user_of(endpoint, body);
        let path = parts.uri.path();
        self.calls.lock().record(Call {
            method: parts.method.to_string(),
            path: path.to_owned(),
            user_id: user_id.clone(),
            trace: Trace::of(&parts.headers),
        });
        let product_id = match endpoint {
            Endpoint::Product { id } => Some(id.as_str()),
            _ => None,
        };
        self.faults.lock().strike(&Target {
            service: endpoint.service(),
            user_id: user_id.as_deref(),
            product_id,
            path,
        })
    }

    /// As `carry_out`, without an end to what is there.
    fn provide(&self, endpoint: &Endpoint, parts: &Parts, body: &Bytes) -> Answer {
        match endpoint {
            Endpoint::Cart { .. } => Answer::ok(carts::default_cart()),
            Endpoint::ClearCart { .. } => Answer::ok(json!({ "message": "Cart cleared" })),
            Endpoint::Product { id } => Answer::ok(
                self.catalogue.lock().get(id).cloned().unwrap_or_else(|| catalogue::plain_product(id)),
            ),
            Endpoint::OrderConfirmation | Endpoint::OrderStatus => Answer::ok(json!({ "status": "queued" })),
            _ => self.carry_out(endpoint, parts, body),
        }
    }

    fn carry_out(&self, endpoint: &Endpoint, parts: &Parts, body: &Bytes) -> Answer {
        match endpoint {
            Endpoint::Cart { user_id } => match self.carts.lock().get(user_id) {
                Some(cart) => Answer::ok(cart),
                None => Answer::not_found("Cart"),
            },
            Endpoint::ClearCart { user_id } => {
                self.carts.lock().clear(user_id);
                Answer::ok(json!({ "message": "Cart cleared" }))
            }
            Endpoint::Product { id } => match self.catalogue.lock().get(id) {
                Some(product) => Answer::ok(product),
                None => Answer::not_found("Product"),
            },
            Endpoint::Charge => self.move_money(Kind::Charge, parts, body),
            Endpoint::Refund => self.move_money(Kind::Refund, parts, body),
            Endpoint::OrderConfirmation | Endpoint::OrderStatus => self.notify(parts, body),
            Endpoint::Introspect => users::introspect(users::claims(body)),
            Endpoint::User { id } => users::user(id),
        }
    }

    fn move_money(&self, kind: Kind, parts: &Parts, body: &Bytes) -> Answer {
        match Movement::parse(kind, body) {
            Ok(movement) => {
                let key = header(&parts.headers, "idempotency-key");
                self.payments.lock().carry_out(movement, key.as_deref())
            }
            Err(problem) => Answer::invalid(problem),
        }
    }

    fn notify(&self, parts: &Parts, body: &Bytes) -> Answer {
        let Ok(body) = serde_json::from_slice(body) else {
            return Answer::invalid("The body is not JSON");
        };
        self.notifications.lock().accept(Notification {
            path: parts.uri.path().to_owned(),
            body,
            idempotency_key: header(&parts.headers, "idempotency-key"),
            trace: Trace::of(&parts.headers),
        });
        Answer::ok(json!({ "status": "queued" }))
    }

    async fn answer_wrongly(
        &self,
        mode: Mode,
        endpoint: &Endpoint,
        parts: &Parts,
        body: &Bytes,
    ) -> Result<Reply, Dropped> {
        let done = || self.carry_out(endpoint, parts, body);
        let reply = match mode {
            Mode::Status(status) => Answer::detail(status, "Failed on request").into(),
            Mode::Timeout => match std::future::pending::<Infallible>().await {},
            Mode::Slow(delay) => {
                let answer = done();
                tokio::time::sleep(delay).await;
                answer.into()
            }
            Mode::Drop => return Err(Dropped),
            Mode::DropAfter => {
                done();
                return Err(Dropped);
            }
            Mode::Cut => reply::cut(done()),
            Mode::Decline => {
                let key = header(&parts.headers, "idempotency-key");
                self.payments.lock().decline(key.as_deref()).into()
            }
            Mode::Inactive => users::inactive().into(),
            Mode::Garbage => {
                done();
                reply::json_text(StatusCode::OK, "<html>It works!</html>")
            }
            Mode::WrongTypes => {
                done();
                Answer::ok(wrong_types(endpoint.service())).into()
            }
            Mode::Huge => {
                done();
                reply::endless()
            }
            Mode::Mislabelled => reply::mislabelled(done()),
            Mode::Text(text) => reply::json_text(StatusCode::OK, text),
            Mode::Redirect => reply::redirect(parts.uri.path()),
        };
        Ok(reply)
    }
}

fn user_of(endpoint: &Endpoint, body: &Bytes) -> Option<String> {
    let text = |json: Value, field: &str| json.get(field)?.as_str().map(str::to_owned);
    match endpoint {
        Endpoint::Cart { user_id } | Endpoint::ClearCart { user_id } => Some(user_id.clone()),
        Endpoint::User { id } => Some(id.clone()),
        Endpoint::Product { .. } => None,
        Endpoint::Introspect => text(users::claims(body)?, "sub"),
        _ => text(serde_json::from_slice(body).ok()?, "user_id"),
    }
}

fn wrong_types(service: Service) -> Value {
    match service {
        Service::Cart => json!({ "items": [{ "product_id": "five", "quantity": [2] }] }),
        Service::Product => json!({ "id": "5", "price": {}, "stock_quantity": "many" }),
        Service::Auth => json!({ "active": "perhaps", "id": [] }),
        Service::Payment | Service::Notification => json!([{ "status": 7 }]),
    }
}
