//! The Auth Service, asked whether a token still holds (RFC 7662).

use http::StatusCode;
use serde::Deserialize;
use spin_sdk::redis::RedisResult;

use super::{Client, ServiceDown};
use crate::{Redis, Trace, log::Line};

/// How long an answer counts, in seconds. Whether the token has expired is checked at each request.
const LIFETIME: &str = "30";

pub struct Tokens(pub Client);

#[derive(Deserialize)]
struct Introspection {
    active: bool,
}

impl Tokens {
    /// Whether the token holds. `digest` stands for it where others could read it.
    ///
    /// # Errors
    /// The service doesn't say.
    pub async fn is_active(
        &self,
        redis: &Redis,
        (token, digest): (&str, &str),
        trace: &Trace,
    ) -> Result<bool, ServiceDown> {
        let key = format!("orders:token:{digest}");
        let known = redis.execute("GET", [key.as_str()]).await;
        if let Ok([RedisResult::Binary(active)]) = known.as_deref() {
            return Ok(active == b"1");
        }
        let form = form_urlencoded::Serializer::new(String::new()).append_pair("token", token).finish();
        let answer = self.0.post_form("/introspect", form, trace, |answer| match answer.status {
            StatusCode::OK => answer.json::<Introspection>(),
            _ => Err(answer.unexpected()),
        });
        let Introspection { active } = answer.await.map_err(|error| self.0.down(&error))?;
        let kept = redis.execute("SET", [key.as_str(), if active { "1" } else { "0" }, "EX", LIFETIME]).await;
        if let Err(error) = kept {
            Line::debug("a token will be asked for again").trace(trace).field("error", error).write();
        }
        Ok(active)
    }
}
