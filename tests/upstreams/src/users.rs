//! The auth service: user records, and token introspection (RFC 7662).

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Value, json};

use crate::reply::Answer;

pub fn user(id: &str) -> Answer {
    Answer::ok(json!({
        "id": id,
        "email": format!("{id}@example.com"),
        "name": id,
        "is_active": true,
    }))
}

/// Every token is active unless a fault says otherwise: the order service checks signatures itself.
pub fn introspect(claims: Option<Value>) -> Answer {
    let mut answer = claims.unwrap_or_else(|| json!({}));
    answer["active"] = true.into();
    Answer::ok(answer)
}

pub fn inactive() -> Answer {
    Answer::ok(json!({ "active": false }))
}

/// The claims of the token in an introspection form, unchecked.
pub fn claims(form: &[u8]) -> Option<Value> {
    let (_, token) = form_urlencoded::parse(form).find(|(name, _)| name == "token")?;
    let payload = URL_SAFE_NO_PAD.decode(token.split('.').nth(1)?).ok()?;
    let claims: Value = serde_json::from_slice(&payload).ok()?;
    claims.is_object().then_some(claims)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_introspected_token_is_active_with_its_claims() {
        let payload = URL_SAFE_NO_PAD.encode(r#"{"sub":"ann"}"#);
        let form = format!("token=head.{payload}.signature");
        let answer = introspect(claims(form.as_bytes()));
        assert_eq!(answer.body, json!({ "sub": "ann", "active": true }));
    }

    #[test]
    fn a_token_without_claims_is_active_too() {
        assert_eq!(claims(b"token=opaque"), None);
        assert_eq!(introspect(None).body, json!({ "active": true }));
    }
}
