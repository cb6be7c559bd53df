//! Who may send how much: by user, or by network address for those without a valid token.

use std::net::{IpAddr, SocketAddr};

use http::{HeaderMap, HeaderName, HeaderValue};
use ipnet::IpNet;
use platform::{
    log::Line,
    metrics,
    rate_limit::{Class, Verdict},
    variables::{self, Misconfigured},
};

use crate::{
    Call,
    problem::{Kind, Problem, whole_seconds},
    router::Route,
};

const X_FORWARDED_FOR: HeaderName = HeaderName::from_static("x-forwarded-for");
const RATE_LIMIT: HeaderName = HeaderName::from_static("ratelimit");
const RATE_LIMIT_POLICY: HeaderName = HeaderName::from_static("ratelimit-policy");

/// Counts a request; answers the headers that tell its sender how much is left.
///
/// Without Redis every request passes: a shop that sells is worth more than a limit that holds.
///
/// # Errors
/// 429: this one is too many.
pub async fn check(route: &Route, call: &Call) -> Result<HeaderMap, Problem> {
    let (Some(class), Ok(app)) = (route.class, &call.app) else { return Ok(HeaderMap::new()) };
    if app.limits.is_off() {
        return Ok(HeaderMap::new());
    }
    let (class, sender) = match call.actor() {
        Ok(actor) => (class, format!("user:{}", actor.id.as_str())),
        Err(_) => {
            let network = network(client(&call.headers, &app.trusted_proxies));
            (Class::Anonymous, format!("from:{network}"))
        }
    };
    match app.limits.check(&app.redis, class, &sender).await {
        Ok(Some(verdict)) => judge(class, &verdict),
        Ok(None) => Ok(HeaderMap::new()),
        Err(error) => {
            let line = Line::warn("requests are not limited at the moment").trace(&call.trace);
            line.field("error", error).write();
            Ok(HeaderMap::new())
        }
    }
}

/// The headers of draft-ietf-httpapi-ratelimit-headers.
fn judge(class: Class, verdict: &Verdict) -> Result<HeaderMap, Problem> {
    let Verdict { quota, remaining, reset_after, retry_after } = verdict;
    let name = class.as_str();
    let policy = format!("\"{name}\";q={};w={}", quota.requests, quota.seconds);
    let state = format!("\"{name}\";r={remaining};t={}", reset_after.as_secs_f64().ceil());
    let headers = [(RATE_LIMIT_POLICY, policy), (RATE_LIMIT, state)].map(|(name, text)| {
        (name, HeaderValue::try_from(text).expect("names and numbers make a valid header"))
    });
    let Some(wait) = retry_after else { return Ok(HeaderMap::from_iter(headers)) };
    metrics::rate_limited(name);
    let detail = format!(
        "too many requests: {} in {} seconds are allowed here; come again in {} seconds",
        quota.requests,
        quota.seconds,
        whole_seconds(*wait)
    );
    let problem = Problem::new(Kind::TooManyRequests, detail).retry_after(*wait);
    Err(headers.into_iter().fold(problem, |problem, (name, value)| problem.header(name, value)))
}

/// Reads `trusted_proxies`: the networks whose word on a client's address counts.
///
/// # Errors
/// One of them isn't a network.
pub async fn trusted_proxies() -> Result<Vec<IpNet>, Misconfigured> {
    let text = variables::text("trusted_proxies").await?;
    let networks = text.split(',').map(str::trim).filter(|text| !text.is_empty()).map(|text| {
        text.parse::<IpNet>().or_else(|_| text.parse::<IpAddr>().map(IpNet::from)).map_err(|_| {
            let problem = format!("{text}: must be networks such as 10.0.0.0/8, separated by commas");
            Misconfigured::new("trusted_proxies", problem)
        })
    });
    networks.collect()
}

/// The address a request comes from: the peer's, or what trusted proxies say of it. Each proxy adds
/// whom it was called by at the end of `X-Forwarded-For`, so the last that isn't a trusted proxy counts:
/// what stands before it is anybody's invention.
fn client(headers: &HeaderMap, trusted: &[IpNet]) -> Option<IpAddr> {
    let is_trusted = |address: &IpAddr| trusted.iter().any(|network| network.contains(address));
    // A client's own header of that name comes first; Spin's is the last.
    let peer = headers.get_all("spin-client-addr").iter().next_back()?.to_str().ok()?;
    let peer = peer.parse::<SocketAddr>().ok()?.ip().to_canonical();
    if !is_trusted(&peer) {
        return Some(peer);
    }
    let forwarded = headers.get_all(X_FORWARDED_FOR);
    let hops: Vec<_> =
        forwarded.iter().filter_map(|value| value.to_str().ok()).flat_map(|text| text.split(',')).collect();
    let mut client = peer;
    for hop in hops.iter().rev() {
        let Ok(address) = hop.trim().parse::<IpAddr>() else { break };
        client = address.to_canonical();
        if !is_trusted(&client) {
            break;
        }
    }
    Some(client)
}

/// What one subscriber has: an address of IPv4, a /64 of IPv6.
fn network(address: Option<IpAddr>) -> String {
    match address {
        Some(IpAddr::V6(address)) => IpNet::new_assert(address.into(), 64).trunc().to_string(),
        Some(address) => address.to_string(),
        None => "unknown".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn client_of(headers: &[(&'static str, &str)], trusted: &str) -> Option<IpAddr> {
        let mut map = HeaderMap::new();
        for (name, value) in headers {
            map.append(HeaderName::from_static(name), HeaderValue::from_str(value).unwrap());
        }
        let trusted: Vec<_> = trusted.split_whitespace().map(|text| text.parse().unwrap()).collect();
        client(&map, &trusted)
    }

    fn address(text: &str) -> Option<IpAddr> {
        Some(text.parse().unwrap())
    }

    #[test]
    fn a_clients_word_on_its_address_counts_for_nothing() {
        let forged = [
            ("spin-client-addr", "6.6.6.6:6"),
            ("spin-client-addr", "203.0.113.9:5000"),
            ("x-forwarded-for", "7.7.7.7"),
        ];
        assert_eq!(client_of(&forged, ""), address("203.0.113.9"));
        assert_eq!(client_of(&forged, "10.0.0.0/8"), address("203.0.113.9"));
    }

    #[test]
    fn a_trusted_proxys_word_counts_as_far_as_it_goes() {
        let peer = ("spin-client-addr", "10.0.0.1:5000");
        let trusted = "10.0.0.0/8";
        assert_eq!(client_of(&[peer, ("x-forwarded-for", "198.51.100.7")], trusted), address("198.51.100.7"));
        let chain = ("x-forwarded-for", "1.2.3.4, 198.51.100.7, 10.0.0.2");
        assert_eq!(client_of(&[peer, chain], trusted), address("198.51.100.7"));
        assert_eq!(client_of(&[peer, ("x-forwarded-for", "nonsense")], trusted), address("10.0.0.1"));
        assert_eq!(client_of(&[peer], trusted), address("10.0.0.1"));
        let mapped = ("spin-client-addr", "[::ffff:10.0.0.1]:5000");
        assert_eq!(
            client_of(&[mapped, ("x-forwarded-for", "198.51.100.7")], trusted),
            address("198.51.100.7")
        );
    }

    #[test]
    fn addresses_of_one_subscriber_are_one_sender() {
        assert_eq!(network(address("2001:db8::1")), network(address("2001:db8::2")));
        assert_ne!(network(address("192.0.2.1")), network(address("192.0.2.2")));
    }
}
