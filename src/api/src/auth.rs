//! Who is asking: the token of the gateway, verified with exactly one algorithm and key.

use std::collections::HashSet;

use chrono::{DateTime, Utc};
use domain::{Actor, Identity, Role, UserId};
use http::{HeaderMap, header};
use jwt_simple::{JWTError, prelude::*};
use platform::variables::{self, Misconfigured};
use serde_json::Value;
use sha2::{Digest, Sha256};

use crate::{Call, problem::Problem};

/// Shorter secrets can be guessed (RFC 7518, 3.2).
const MIN_SECRET: usize = 32;

/// How far the issuer's clock may be ahead of ours.
const LEEWAY: u64 = 60;

enum Key {
    Hs256(HS256Key),
    Hs384(HS384Key),
    Hs512(HS512Key),
    Rs256(Box<RS256PublicKey>),
    Es256(ES256PublicKey),
    EdDsa(Ed25519PublicKey),
}

/// The variables that begin with `jwt_`.
#[derive(Default)]
struct Settings {
    algorithm: String,
    secret_key: String,
    public_key: String,
    issuer: String,
    audience: String,
}

/// Verifies tokens.
pub struct Verifier {
    key: Key,
    options: VerificationOptions,
}

/// The claims beside the registered ones. Their types are checked where they are used.
#[derive(Serialize, Deserialize)]
struct Claims {
    role: Option<Value>,
    email: Option<Value>,
}

impl Verifier {
    /// Reads the variables that begin with `jwt_`.
    ///
    /// # Errors
    /// There is no usable key, or the algorithm isn't one of those supported.
    pub async fn load() -> Result<Self, Misconfigured> {
        Self::new(&Settings {
            algorithm: variables::text("jwt_algorithm").await?,
            secret_key: variables::text("jwt_secret_key").await?,
            public_key: variables::text("jwt_public_key").await?,
            issuer: variables::text("jwt_issuer").await?,
            audience: variables::text("jwt_audience").await?,
        })
    }

    fn new(settings: &Settings) -> Result<Self, Misconfigured> {
        let Settings { algorithm, secret_key, public_key, issuer, audience } = settings;
        let key = match algorithm.trim() {
            "HS256" => Key::Hs256(HS256Key::from_bytes(long_enough(secret_key)?)),
            "HS384" => Key::Hs384(HS384Key::from_bytes(long_enough(secret_key)?)),
            "HS512" => Key::Hs512(HS512Key::from_bytes(long_enough(secret_key)?)),
            "RS256" => Key::Rs256(Box::new(RS256PublicKey::from_pem(public_key).map_err(not_a_key)?)),
            "ES256" => Key::Es256(ES256PublicKey::from_pem(public_key).map_err(not_a_key)?),
            "EdDSA" => Key::EdDsa(Ed25519PublicKey::from_pem(public_key).map_err(not_a_key)?),
            _ => {
                return Err(Misconfigured::new(
                    "jwt_algorithm",
                    "must be HS256, HS384, HS512, RS256, ES256 or EdDSA",
                ));
            }
        };
        let only = |text: &str| (!text.trim().is_empty()).then(|| HashSet::from([text.trim().to_owned()]));
        let options = VerificationOptions {
            allowed_issuers: only(issuer),
            allowed_audiences: only(audience),
            time_tolerance: Some(Duration::from_secs(LEEWAY)),
            ..Default::default()
        };
        Ok(Self { key, options })
    }

    fn verify(&self, token: &str) -> Result<JWTClaims<Claims>, jwt_simple::Error> {
        let options = Some(self.options.clone());
        match &self.key {
            Key::Hs256(key) => key.verify_token(token, options),
            Key::Hs384(key) => key.verify_token(token, options),
            Key::Hs512(key) => key.verify_token(token, options),
            Key::Rs256(key) => key.verify_token(token, options),
            Key::Es256(key) => key.verify_token(token, options),
            Key::EdDsa(key) => key.verify_token(token, options),
        }
    }
}

fn long_enough(secret: &str) -> Result<&[u8], Misconfigured> {
    if secret.len() < MIN_SECRET {
        return Err(Misconfigured::new("jwt_secret_key", "must have at least 32 bytes"));
    }
    Ok(secret.as_bytes())
}

fn not_a_key(_: jwt_simple::Error) -> Misconfigured {
    Misconfigured::new("jwt_public_key", "must be a PEM public key of the kind that jwt_algorithm needs")
}

/// Who sent a request, by its `Authorization: Bearer` or the older `token` header.
///
/// # Errors
/// 401 without a token that holds at `now`.
pub fn authenticate(
    headers: &HeaderMap,
    verifier: &Verifier,
    now: DateTime<Utc>,
) -> Result<Identity, Problem> {
    let token = token_of(headers).ok_or_else(Problem::unauthenticated)?;
    let claims = verifier.verify(token).map_err(|error| match error.downcast_ref() {
        Some(JWTError::TokenHasExpired) => expired(),
        _ => Problem::unauthorized("the token is not valid; get a new one"),
    })?;
    // No leeway here: an expired token is expired.
    let end = claims.expires_at.and_then(|end| i64::try_from(end.as_secs()).ok()).ok_or_else(expired)?;
    // What is beyond chrono's time never comes.
    let until = DateTime::from_timestamp(end, 0).unwrap_or(DateTime::<Utc>::MAX_UTC);
    if until <= now {
        return Err(expired());
    }
    let actor = actor_of(claims);
    let actor = actor.ok_or_else(|| Problem::unauthorized("the token lacks a valid subject or role"))?;
    Ok(Identity { actor, until })
}

fn expired() -> Problem {
    Problem::unauthorized("the token has expired, or has no expiry; get a new one")
}

/// Has the Auth Service confirm a token that holds by itself, where that is configured.
///
/// # Errors
/// 401 for one that was revoked; 503 while the service doesn't say.
pub async fn confirm(call: &Call) -> Result<(), Problem> {
    let (Ok(app), Ok(_), Some(token)) = (&call.app, call.actor(), token_of(&call.headers)) else {
        return Ok(());
    };
    let Some(tokens) = &app.tokens else { return Ok(()) };
    let digest: String = Sha256::digest(token).iter().map(|byte| format!("{byte:02x}")).collect();
    if tokens.is_active(&app.redis, (token, &digest), &call.trace).await? {
        return Ok(());
    }
    Err(Problem::unauthorized("the token was revoked; sign in again"))
}

fn token_of(headers: &HeaderMap) -> Option<&str> {
    let bearer = headers.get(header::AUTHORIZATION).and_then(|value| {
        let (scheme, token) = value.to_str().ok()?.split_once(' ')?;
        scheme.eq_ignore_ascii_case("bearer").then(|| token.trim())
    });
    bearer.or_else(|| headers.get("token")?.to_str().ok().map(str::trim))
}

fn actor_of(claims: JWTClaims<Claims>) -> Option<Actor> {
    let id = UserId::try_from(claims.subject?).ok()?;
    let role = match claims.custom.role {
        None | Some(Value::Null) => Role::User,
        Some(Value::String(name)) => Role::named(&name)?,
        Some(_) => return None,
    };
    let email = claims.custom.email.and_then(|email| email.as_str().map(str::to_owned));
    // An address that can't be one is left out: the order matters more than the e-mail.
    let email =
        email.filter(|text| text.contains('@') && text.len() <= 320 && !text.contains(char::is_control));
    Some(Actor { id, role, email })
}

#[cfg(test)]
mod tests {
    use super::*;
    use http::HeaderValue;

    const SECRET: &str = "0123456789abcdef0123456789abcdef";

    fn verifier() -> Verifier {
        Verifier::new(&settings("HS256", SECRET)).ok().unwrap()
    }

    fn settings(algorithm: &str, secret_key: &str) -> Settings {
        Settings { algorithm: algorithm.to_owned(), secret_key: secret_key.to_owned(), ..Settings::default() }
    }

    fn signed(claims: JWTClaims<Value>) -> String {
        HS256Key::from_bytes(SECRET.as_bytes()).authenticate(claims).unwrap()
    }

    fn claims(custom: Value) -> JWTClaims<Value> {
        jwt_simple::claims::Claims::with_custom_claims(custom, Duration::from_hours(1)).with_subject("ann")
    }

    fn authenticated(token: &str) -> Result<Actor, Problem> {
        let value = HeaderValue::try_from(format!("Bearer {token}")).unwrap();
        let headers = HeaderMap::from_iter([(header::AUTHORIZATION, value)]);
        authenticate(&headers, &verifier(), Utc::now()).map(|identity| identity.actor)
    }

    #[test]
    fn subject_role_and_email_make_the_actor() {
        let actor =
            authenticated(&signed(claims(serde_json::json!({"role": "admin", "email": "a@b.c"})))).unwrap();
        assert_eq!(
            (actor.id.as_str(), actor.role, actor.email.as_deref()),
            ("ann", Role::Admin, Some("a@b.c"))
        );
        assert_eq!(authenticated(&signed(claims(serde_json::json!({})))).unwrap().role, Role::User);
    }

    #[test]
    fn a_role_that_isnt_one_opens_nothing() {
        for role in [serde_json::json!("root"), serde_json::json!(1), serde_json::json!(["admin"])] {
            assert!(authenticated(&signed(claims(serde_json::json!({ "role": role })))).is_err(), "{role}");
        }
    }

    #[test]
    fn a_token_without_expiry_or_past_it_is_refused() {
        let mut endless = claims(serde_json::json!({}));
        endless.expires_at = None;
        assert!(authenticated(&signed(endless)).is_err());
        let mut expired = claims(serde_json::json!({}));
        expired.issued_at = Some(Clock::now_since_epoch() - Duration::from_secs(10));
        expired.expires_at = Some(Clock::now_since_epoch() - Duration::from_secs(1));
        assert!(authenticated(&signed(expired)).is_err());
    }

    #[test]
    fn only_the_configured_algorithm_and_key_count() {
        let other =
            HS384Key::from_bytes(SECRET.as_bytes()).authenticate(claims(serde_json::json!({}))).unwrap();
        assert!(authenticated(&other).is_err());
        let forged = HS256Key::generate().authenticate(claims(serde_json::json!({}))).unwrap();
        assert!(authenticated(&forged).is_err());
        for (algorithm, secret) in [("none", SECRET), ("HS256", "short"), ("RS256", SECRET)] {
            assert!(Verifier::new(&settings(algorithm, secret)).is_err(), "{algorithm}");
        }
    }

    #[test]
    fn asymmetric_keys_verify() {
        let pair = ES256KeyPair::generate();
        let pem = pair.public_key().to_pem().unwrap();
        let settings = Settings { public_key: pem.clone(), ..settings("ES256", "") };
        let verifier = Verifier::new(&settings).ok().unwrap();
        let token = pair.sign(claims(serde_json::json!({}))).unwrap();
        assert!(verifier.verify(&token).is_ok());
        // Key confusion: the public key used as an HMAC secret.
        let confused =
            HS256Key::from_bytes(pem.as_bytes()).authenticate(claims(serde_json::json!({}))).unwrap();
        assert!(verifier.verify(&confused).is_err());
    }

    #[test]
    fn issuer_and_audience_are_checked_where_configured() {
        let (issuer, audience) = ("gateway".to_owned(), "orders".to_owned());
        let settings = Settings { issuer, audience, ..settings("HS256", SECRET) };
        let verifier = Verifier::new(&settings).ok().unwrap();
        let good = claims(serde_json::json!({})).with_issuer("gateway").with_audience("orders");
        assert!(verifier.verify(&signed(good)).is_ok());
        assert!(verifier.verify(&signed(claims(serde_json::json!({})))).is_err());
    }
}
