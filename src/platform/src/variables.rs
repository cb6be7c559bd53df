//! The component's variables, as typed values.

use std::{fmt::Display, str::FromStr, time::Duration};

use http::uri::Authority;
use spin_sdk::variables;

/// Leases, holds and the settling of payments count on it that no call takes longer.
const MAX_TIMEOUT: Duration = Duration::from_secs(10);

/// A variable can't be used; a sentence for the operator.
#[derive(Clone, Debug, thiserror::Error)]
#[error("variable {name}: {problem}")]
pub struct Misconfigured {
    pub name: String,
    pub problem: String,
}

impl Misconfigured {
    pub fn new(name: &str, problem: impl ToString) -> Self {
        Self { name: name.to_owned(), problem: problem.to_string() }
    }
}

/// The variable's text.
///
/// # Errors
/// The manifest doesn't give the component this variable, or its provider fails.
pub async fn text(name: &str) -> Result<String, Misconfigured> {
    variables::get(name).await.map_err(|error| Misconfigured::new(name, error))
}

/// The variable's text read as a `T`.
///
/// # Errors
/// As [`text`], and for a text that isn't a `T`. The text itself isn't repeated: it may be a secret.
pub async fn parsed<T: FromStr<Err: Display>>(name: &str) -> Result<T, Misconfigured> {
    text(name).await?.trim().parse().map_err(|error: T::Err| Misconfigured::new(name, error))
}

/// The variable's number of milliseconds that a call of another service may take.
///
/// # Errors
/// As [`parsed`], and for none or more than ten seconds.
pub async fn timeout(name: &str) -> Result<Duration, Misconfigured> {
    let timeout = Duration::from_millis(u64::from(parsed::<u32>(name).await?));
    if timeout.is_zero() || timeout > MAX_TIMEOUT {
        return Err(Misconfigured::new(name, format!("must be from 1 to {}", MAX_TIMEOUT.as_millis())));
    }
    Ok(timeout)
}

/// The variable's number as seconds.
///
/// # Errors
/// As [`parsed`].
pub async fn seconds(name: &str) -> Result<Duration, Misconfigured> {
    Ok(Duration::from_secs(u64::from(parsed::<u32>(name).await?)))
}

/// Whether the variable says the first of two words, in capital letters or not.
///
/// # Errors
/// As [`text`], and for what is neither: a slip of the pen must not switch off what protects.
pub async fn says(name: &str, [yes, no]: [&str; 2]) -> Result<bool, Misconfigured> {
    match text(name).await?.trim() {
        word if word.eq_ignore_ascii_case(yes) => Ok(true),
        word if word.eq_ignore_ascii_case(no) => Ok(false),
        _ => Err(Misconfigured::new(name, format!("must be {yes} or {no}"))),
    }
}

/// A service's address without a slash at its end.
///
/// # Errors
/// As [`text`], and for anything but `http://` or `https://`, a host and perhaps a port. (With more Spin would let the
/// component call nobody at all.)
pub async fn service_url(name: &str) -> Result<String, Misconfigured> {
    let url = text(name).await?.trim().trim_end_matches('/').to_owned();
    if is_origin(&url) {
        return Ok(url);
    }
    Err(Misconfigured::new(name, "must be an address without a path, such as https://cart.example.com:8003"))
}

fn is_origin(url: &str) -> bool {
    let Some(authority) = url.strip_prefix("http://").or_else(|| url.strip_prefix("https://")) else {
        return false;
    };
    authority.parse::<Authority>().is_ok_and(|it| it == authority && !authority.contains('@'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_service_has_an_address_without_a_path() {
        for good in ["http://cart:8003", "https://cart.example.com", "http://10.0.0.7", "http://[::1]:8003"] {
            assert!(is_origin(good), "{good}");
        }
        for wrong in
            ["", "http://", "cart:8003", "ftp://cart", "http://cart/v1", "http://cart?x", "http://a@b"]
        {
            assert!(!is_origin(wrong), "{wrong}");
        }
    }
}
