//! Tokens, right and wrong ones.

use chrono::Utc;
use jwt_simple::prelude::*;
use jwt_simple::reexports::ct_codecs::{Base64UrlSafeNoPadding, Encoder};
use serde_json::{Value, json};

pub const JWT_SECRET: &str = "a-secret-for-the-tests-of-32-bytes-or-more";

/// Claims as the gateway's tokens have them.
pub fn claims(user_id: &str, role: &str) -> Value {
    let now = Utc::now().timestamp();
    json!({
        "sub": user_id,
        "email": format!("{user_id}@example.com"),
        "role": role,
        "iat": now,
        "exp": now + 3600,
    })
}

pub struct Token;

impl Token {
    /// Signed as the service expects it, whatever the claims say.
    pub fn signed(claims: Value) -> String {
        Token::signed_with(JWT_SECRET, claims)
    }

    pub fn signed_with(secret: &str, claims: Value) -> String {
        let key = HS256Key::from_bytes(secret.as_bytes());
        key.authenticate(exactly(claims)).expect("claims can be signed")
    }

    pub fn signed_by_hs512(claims: Value) -> String {
        let key = HS512Key::from_bytes(JWT_SECRET.as_bytes());
        key.authenticate(exactly(claims)).expect("claims can be signed")
    }

    /// With another header but the signature of the right one.
    pub fn with_header(header: Value, claims: Value) -> String {
        let token = Token::signed(claims);
        let (_, rest) = token.split_once('.').expect("a token has three parts");
        format!("{}.{rest}", encoded(&header))
    }

    pub fn unsigned(claims: Value) -> String {
        format!("{}.{}.", encoded(&json!({ "alg": "none", "typ": "JWT" })), encoded(&claims))
    }
}

/// Nothing but these claims: jwt-simple adds none of its own.
pub fn exactly(claims: Value) -> JWTClaims<Value> {
    JWTClaims {
        issued_at: None,
        expires_at: None,
        invalid_before: None,
        issuer: None,
        subject: None,
        audiences: None,
        jwt_id: None,
        nonce: None,
        custom: claims,
    }
}

fn encoded(json: &Value) -> String {
    Base64UrlSafeNoPadding::encode_to_string(json.to_string()).expect("text can be encoded")
}
