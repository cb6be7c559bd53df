//! `allowed_outbound_hosts`: what a component may connect to, parsed and matched as Spin does.

use std::ops::Range;

use anyhow::{Context as _, Result, bail, ensure};
use ip_network::IpNetwork;
use url::{Host, Url};

use crate::variables::Variables;

/// The destinations one component may connect to; none by default.
pub struct AllowedHosts(Vec<AllowedHost>);

impl AllowedHosts {
    pub fn parse(entries: &[String], variables: &Variables) -> Result<Self> {
        let mut hosts = Vec::new();
        for entry in entries {
            let expanded = variables.expand(entry)?;
            // A variable may be empty, for a destination that is optional.
            let optional = *entry != expanded && ["", "http://", "https://"].contains(&expanded.as_str());
            if !optional {
                hosts.push(
                    AllowedHost::parse(&expanded)
                        .with_context(|| format!("allowed_outbound_hosts entry {entry:?}"))?,
                );
            }
        }
        Ok(Self(hosts))
    }

    /// Whether `url` may be connected to; a URL without a scheme has `default_scheme`. A refusal is
    /// explained on stderr.
    pub fn allow(&self, url: &str, default_scheme: &str) -> bool {
        let Some(destination) = Destination::parse(url, default_scheme) else {
            eprintln!("A component tried to connect to {url:?}, which is not a URL.");
            return false;
        };
        let allowed = self.0.iter().any(|host| host.allows(&destination));
        if !allowed {
            let pattern = destination.pattern();
            eprintln!(
                "A component tried to make an outbound network connection to disallowed destination '{pattern}'.\n\
                 To allow this request, add 'allowed_outbound_hosts = [\"{pattern}\"]' to the manifest component section."
            );
        }
        allowed
    }
}

#[derive(Debug, PartialEq)]
struct AllowedHost {
    /// `None` allows any.
    scheme: Option<String>,
    host: HostPattern,
    ports: PortPattern,
}

#[derive(Debug, PartialEq)]
enum HostPattern {
    Any,
    /// Any domain that ends so, the dot included.
    Subdomain(String),
    Literal(Host),
    Network(IpNetwork),
}

#[derive(Debug, PartialEq)]
enum PortPattern {
    Any,
    One(u16),
    Range(Range<u16>),
}

impl AllowedHost {
    fn parse(text: &str) -> Result<Self> {
        let text = text.trim();
        let (scheme, rest) = text
            .split_once("://")
            .context("must be <scheme>://<host>[:<port>], with '*' wildcards allowed for each")?;
        ensure!(
            scheme == "*" || scheme.chars().all(char::is_alphabetic),
            "the scheme {scheme:?} may hold letters only"
        );
        let (host, port) = match rest.rsplit_once(':') {
            None => (rest, ""),
            // The colon may be one of an IPv6 address.
            Some(_) if HostPattern::parse(rest).is_ok() => (rest, ""),
            Some((host, tail)) => {
                let (port, path) = tail.split_once('/').unwrap_or((tail, ""));
                ensure!(path.is_empty(), "must not have a path");
                (host, port)
            }
        };
        Ok(Self {
            ports: PortPattern::parse(port, scheme)?,
            host: HostPattern::parse(host)?,
            scheme: (scheme != "*").then(|| scheme.to_owned()),
        })
    }

    fn allows(&self, destination: &Destination) -> bool {
        self.scheme.as_ref().is_none_or(|scheme| *scheme == destination.scheme)
            && self.host.allows(&destination.host)
            && self.ports.allows(destination.port)
    }
}

impl HostPattern {
    fn parse(text: &str) -> Result<Self> {
        let text = text.trim();
        if text == "*" {
            return Ok(Self::Any);
        }
        ensure!(
            text != "self" && text != "self.alt" && !text.ends_with(".spin.internal"),
            "requests of an application to itself are not implemented by the stand-in"
        );
        if let Ok(network) = IpNetwork::from_str_truncate(text) {
            return Ok(Self::Network(network));
        }
        let text = text.strip_suffix('/').unwrap_or(text);
        ensure!(!text.contains('/'), "must not have a path");
        match text.strip_prefix("*.") {
            Some(domain) => match Host::parse(domain)? {
                Host::Domain(domain) if !domain.contains('*') => Ok(Self::Subdomain(format!(".{domain}"))),
                _ => bail!("a wildcard must be followed by a domain"),
            },
            None => {
                ensure!(!text.contains('*'), "wildcards are allowed only as subdomains");
                Ok(Self::Literal(Host::parse(text)?))
            }
        }
    }

    fn allows(&self, host: &Host) -> bool {
        match (self, host) {
            (Self::Any, _) => true,
            (Self::Literal(literal), host) => literal == host,
            (Self::Subdomain(suffix), Host::Domain(domain)) => domain.ends_with(suffix),
            (Self::Network(network), Host::Ipv4(address)) => network.contains(*address),
            (Self::Network(network), Host::Ipv6(address)) => network.contains(*address),
            _ => false,
        }
    }
}

impl PortPattern {
    fn parse(text: &str, scheme: &str) -> Result<Self> {
        let number = |text: &str| text.parse().with_context(|| format!("port {text:?} is not a number"));
        match (text, text.split_once("..")) {
            ("", _) => well_known_port(scheme)
                .map(Self::One)
                .with_context(|| format!("the scheme {scheme:?} has no default port: give one")),
            ("*", _) => Ok(Self::Any),
            (_, Some((start, end))) => Ok(Self::Range(number(start)?..number(end)?)),
            (port, None) => Ok(Self::One(number(port)?)),
        }
    }

    fn allows(&self, port: Option<u16>) -> bool {
        match self {
            Self::Any => true,
            Self::One(allowed) => port == Some(*allowed),
            Self::Range(allowed) => port.is_some_and(|port| allowed.contains(&port)),
        }
    }
}

fn well_known_port(scheme: &str) -> Option<u16> {
    match scheme {
        "postgres" => Some(5432),
        "mysql" => Some(3306),
        "redis" => Some(6379),
        "mqtt" => Some(1883),
        "http" => Some(80),
        "https" => Some(443),
        _ => None,
    }
}

/// Where a component wants to connect to.
struct Destination {
    scheme: String,
    host: Host,
    /// `None` if neither the URL names one nor the scheme has one.
    port: Option<u16>,
    explicit_port: Option<u16>,
}

impl Destination {
    fn parse(url: &str, default_scheme: &str) -> Option<Self> {
        let url = without_user(url);
        let parsed = Url::parse(&url)
            .ok()
            .filter(Url::has_host)
            .or_else(|| Url::parse(&format!("{default_scheme}://{url}")).ok())?;
        let scheme = parsed.scheme().to_owned();
        Some(Self {
            host: Host::parse(parsed.host_str()?).ok()?,
            port: parsed.port().or_else(|| well_known_port(&scheme)),
            explicit_port: parsed.port(),
            scheme,
        })
    }

    fn pattern(&self) -> String {
        match self.explicit_port {
            Some(port) => format!("{}://{}:{port}", self.scheme, self.host),
            None => format!("{}://{}", self.scheme, self.host),
        }
    }
}

/// Drops a URL's user and password: they may hold characters a URL must not.
fn without_user(url: &str) -> String {
    let start = url.find("://").map_or(0, |end| end + 3);
    let path = url[start..].find('/').map_or(url.len(), |slash| start + slash);
    match url.find('@') {
        Some(at) if (start..path).contains(&at) => format!("{}{}", &url[..start], &url[at + 1..]),
        _ => url.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;

    fn hosts(entries: &[&str]) -> Result<AllowedHosts> {
        let entries: Vec<String> = entries.iter().map(|&entry| entry.into()).collect();
        let variables = Variables::resolve(&BTreeMap::new(), &[]).unwrap();
        AllowedHosts::parse(&entries, &variables)
    }

    #[test]
    fn nothing_is_allowed_by_default() {
        assert!(!hosts(&[]).unwrap().allow("http://127.0.0.1", "https"));
    }

    #[test]
    fn destinations_match_by_scheme_host_and_port() {
        let cases = [
            ("http://127.0.0.1:8002", "http://127.0.0.1:8002/products/1", true),
            ("http://127.0.0.1:8002/", "http://127.0.0.1:8002", true),
            ("http://127.0.0.1:8002", "http://127.0.0.1:8003", false),
            ("http://127.0.0.1:8002", "https://127.0.0.1:8002", false),
            ("http://example.com", "http://example.com:80/", true),
            ("http://example.com", "http://sub.example.com/", false),
            ("https://*.example.com", "https://sub.example.com/", true),
            ("https://*.example.com", "https://example.com/", false),
            ("*://*:*", "redis://anywhere:1", true),
            ("http://10.0.0.0/8", "http://10.1.2.3", true),
            ("http://10.0.0.0/8", "http://11.1.2.3", false),
            ("http://[::1]:80", "http://[::1]/", true),
            ("redis://localhost:6379", "redis://:p@ss@localhost", true),
            ("redis://localhost:6379", "redis://user:pass@localhost/0", true),
            ("postgres://db:5432", "db", true),
            ("http://h:8000..9000", "http://h:8999", true),
            ("http://h:8000..9000", "http://h:9000", false),
        ];
        for (entry, url, expected) in cases {
            assert_eq!(hosts(&[entry]).unwrap().allow(url, "postgres"), expected, "{entry} {url}");
        }
    }

    #[test]
    fn entries_that_spin_refuses_are_refused() {
        let entries =
            ["*", "", "localhost", "http://h/path", "http://h:80/path", "tcp://h", "h2c://h", "http://a.*"];
        for entry in entries {
            assert!(hosts(&[entry]).is_err(), "{entry}");
        }
    }
}
