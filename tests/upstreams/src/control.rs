//! What tests and curious people may look at and change, as JSON under `/_…`:
//!
//! | request | does |
//! | --- | --- |
//! | `GET /_carts/{user_id}`, `PUT` `{"items": […]}`, `DELETE` | shows a cart; fills it; takes it away (404) |
//! | `PUT /_products/{id}` `{"price": 1.5, …}`, `DELETE` | adds or changes a product; takes it away |
//! | `POST /_faults` `{"service", "mode", "user_id"?, "product_id"?, "path"?, "times"?}` | sets a fault (see `faults`) |
//! | `DELETE /_faults[?user_id=]` | ends the faults |
//! | `GET /_payments?order_id=` | an order's books |
//! | `GET /_notifications[?user_id=]` | the notifications accepted |
//! | `GET /_calls[?user_id=][&path=]` | the calls received |

use hyper::{Method, StatusCode, Uri};
use serde::de::DeserializeOwned;

use crate::carts::Cart;
use crate::catalogue::Product;
use crate::endpoint::decoded;
use crate::faults::Fault;
use crate::reply::Answer;
use crate::services::Services;

pub fn answer(services: &Services, method: &Method, uri: &Uri, body: &[u8]) -> Answer {
    let segments: Vec<&str> = uri.path().trim_start_matches('/').split('/').collect();
    let outcome = match (method.as_str(), segments.as_slice()) {
        (_, ["_carts", user_id]) => cart(services, method, user_id, body),
        (_, ["_products", id]) => product(services, method, id, body),
        ("POST", ["_faults"]) => json::<Fault>(body).map(|fault| {
            services.faults.lock().add(fault);
            Answer::ok(true)
        }),
        ("DELETE", ["_faults"]) => {
            let user_id = parameter(uri, "user_id");
            services.faults.lock().remove(user_id.as_deref());
            Ok(Answer::ok(true))
        }
        ("GET", ["_payments"]) => books(services, uri),
        ("GET", ["_notifications"]) => {
            let user_id = parameter(uri, "user_id");
            let notifications = services.notifications.lock();
            Ok(Answer::ok(notifications.of(user_id.as_deref())))
        }
        ("GET", ["_calls"]) => {
            let (user_id, path) = (parameter(uri, "user_id"), parameter(uri, "path"));
            let calls = services.calls.lock();
            Ok(Answer::ok(calls.matching(user_id.as_deref(), path.as_deref())))
        }
        _ => Ok(Answer::not_found("This control is")),
    };
    outcome.unwrap_or_else(Answer::invalid)
}

fn cart(services: &Services, method: &Method, user: &str, body: &[u8]) -> Result<Answer, String> {
    let user_id = decoded(user).ok_or("a user id is needed")?;
    let mut carts = services.carts.lock();
    match *method {
        Method::PUT => carts.set(&user_id, json::<Cart>(body)?),
        Method::DELETE => carts.remove(&user_id),
        Method::GET => {}
        _ => return Ok(not_allowed("GET, PUT or DELETE")),
    }
    Ok(Answer::ok(carts.get(&user_id)))
}

fn product(services: &Services, method: &Method, id: &str, body: &[u8]) -> Result<Answer, String> {
    let mut catalogue = services.catalogue.lock();
    match *method {
        Method::PUT => Ok(Answer::ok(catalogue.put(id, json::<Product>(body)?))),
        Method::DELETE => {
            catalogue.remove(id);
            Ok(Answer::ok(true))
        }
        _ => Ok(not_allowed("PUT or DELETE")),
    }
}

fn books(services: &Services, uri: &Uri) -> Result<Answer, String> {
    let order_id =
        parameter(uri, "order_id").and_then(|id| id.parse().ok()).ok_or("order_id must be a number")?;
    Ok(Answer::ok(services.payments.lock().books(order_id)))
}

fn not_allowed(allowed: &str) -> Answer {
    Answer::detail(StatusCode::METHOD_NOT_ALLOWED, allowed)
}

fn json<T: DeserializeOwned>(body: &[u8]) -> Result<T, String> {
    serde_json::from_slice(body).map_err(|error| error.to_string())
}

fn parameter(uri: &Uri, name: &str) -> Option<String> {
    form_urlencoded::parse(uri.query()?.as_bytes())
        .find(|(key, _)| key == name)
        .map(|(_, value)| value.into_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn call(services: &Services, method: Method, uri: &'static str, body: &str) -> Answer {
        answer(services, &method, &Uri::from_static(uri), body.as_bytes())
    }

    #[test]
    fn a_cart_is_filled_and_taken_away() {
        let services = Services::default();
        let cart = r#"{"items":[{"product_id":1,"quantity":3}]}"#;
        call(&services, Method::PUT, "/_carts/ann", cart);
        assert_eq!(services.carts.lock().get("ann").unwrap().items.len(), 1);
        assert_eq!(call(&services, Method::GET, "/_carts/ann", "").body["items"][0]["quantity"], 3);
        call(&services, Method::DELETE, "/_carts/ann", "");
        assert_eq!(services.carts.lock().get("ann"), None);
    }

    #[test]
    fn a_wrong_request_says_what_is_wrong() {
        let services = Services::default();
        for (method, uri, body) in [
            (Method::PUT, "/_carts/ann", "[]"),
            (Method::POST, "/_faults", r#"{"service":"cart","mode":"explode"}"#),
            (Method::POST, "/_faults", r#"{"service":"moon","mode":"drop"}"#),
            (Method::GET, "/_payments", ""),
        ] {
            let answer = call(&services, method, uri, body);
            assert_eq!(answer.status, StatusCode::UNPROCESSABLE_ENTITY, "{uri}");
            assert!(answer.body["detail"].is_string());
        }
    }
}
