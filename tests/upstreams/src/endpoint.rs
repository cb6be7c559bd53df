//! Which call of which service a request is, exactly as the specification's samples make them.

use hyper::Method;
use percent_encoding::percent_decode_str;
use serde::Deserialize;

#[derive(Clone, Copy, Debug, Deserialize, PartialEq, Eq)]
#[serde(rename_all = "snake_case")]
pub enum Service {
    Auth,
    Cart,
    Product,
    Payment,
    Notification,
}

#[derive(Debug, PartialEq, Eq)]
pub enum Endpoint {
    Cart { user_id: String },
    ClearCart { user_id: String },
    Product { id: String },
    Charge,
    Refund,
    OrderConfirmation,
    OrderStatus,
    Introspect,
    User { id: String },
}

impl Endpoint {
    pub fn of(method: &Method, path: &str) -> Option<Endpoint> {
        let segments: Vec<&str> = path.trim_start_matches('/').split('/').collect();
        let endpoint = match (method.as_str(), segments.as_slice()) {
            ("GET", ["api", "v1", "cart", user]) => Endpoint::Cart { user_id: decoded(user)? },
            ("DELETE", ["api", "v1", "cart", user, "clear"]) => {
                Endpoint::ClearCart { user_id: decoded(user)? }
            }
            ("GET", ["api", "products", id]) => Endpoint::Product { id: decoded(id)? },
            ("POST", ["payments", "process"]) => Endpoint::Charge,
            ("POST", ["payments", "refund"]) => Endpoint::Refund,
            ("POST", ["notifications", "order-confirmation"]) => Endpoint::OrderConfirmation,
            ("POST", ["notifications", "order-status"]) => Endpoint::OrderStatus,
            ("POST", ["introspect"]) => Endpoint::Introspect,
            ("GET", ["api", "v1", "users", id]) => Endpoint::User { id: decoded(id)? },
            _ => return None,
        };
        Some(endpoint)
    }

    pub fn service(&self) -> Service {
        match self {
            Endpoint::Cart { .. } | Endpoint::ClearCart { .. } => Service::Cart,
            Endpoint::Product { .. } => Service::Product,
            Endpoint::Charge | Endpoint::Refund => Service::Payment,
            Endpoint::OrderConfirmation | Endpoint::OrderStatus => Service::Notification,
            Endpoint::Introspect | Endpoint::User { .. } => Service::Auth,
        }
    }
}

/// One path segment in plain text. None when it is empty or not UTF-8.
pub fn decoded(segment: &str) -> Option<String> {
    let text = percent_decode_str(segment).decode_utf8().ok()?;
    (!text.is_empty()).then(|| text.into_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_call_of_the_specification_is_known() {
        let known = [
            ("GET", "/api/v1/cart/7", Service::Cart),
            ("DELETE", "/api/v1/cart/7/clear", Service::Cart),
            ("GET", "/api/products/5", Service::Product),
            ("POST", "/payments/process", Service::Payment),
            ("POST", "/payments/refund", Service::Payment),
            ("POST", "/notifications/order-confirmation", Service::Notification),
            ("POST", "/notifications/order-status", Service::Notification),
            ("POST", "/introspect", Service::Auth),
            ("GET", "/api/v1/users/7", Service::Auth),
        ];
        for (method, path, service) in known {
            let endpoint = Endpoint::of(&method.parse().unwrap(), path).unwrap();
            assert_eq!(endpoint.service(), service, "{method} {path}");
        }
    }

    #[test]
    fn user_ids_are_percent_decoded() {
        let user_id = "auth0|a/b".to_string();
        assert_eq!(
            Endpoint::of(&Method::GET, "/api/v1/cart/auth0%7Ca%2Fb"),
            Some(Endpoint::Cart { user_id })
        );
    }

    #[test]
    fn anything_else_is_unknown() {
        for (method, path) in [
            (Method::POST, "/api/v1/cart/7"),
            (Method::GET, "/api/v1/cart/"),
            (Method::GET, "/payments/process"),
            (Method::GET, "/"),
        ] {
            assert_eq!(Endpoint::of(&method, path), None, "{method} {path}");
        }
    }
}
