//! The service's settings: environment names, the earlier service's among them, become Spin variables.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use anyhow::{Context as _, Result, bail, ensure};
use serde::Deserialize;
use tokio::process::Command;
use url::Url;

use crate::project;

/// The variables for the dependent services, in the order in which the specification lists them.
pub const SERVICES: [&str; 5] = [
    "user_service_url",
    "product_service_url",
    "cart_service_url",
    "payment_service_url",
    "notification_service_url",
];

/// The least length of a key for signing tokens, which the service insists on.
pub const MIN_KEY: usize = 32;

/// Values for the variables of spin.toml; those it doesn't hold keep their defaults.
#[derive(Debug, Default)]
pub struct Settings(BTreeMap<String, String>);

#[derive(Deserialize)]
struct Manifest {
    variables: BTreeMap<String, toml::Table>,
}

impl Settings {
    /// What the environment and `.env` say; the environment counts more.
    pub fn load() -> Result<Settings> {
        let declared = declared(&project::root().join("spin.toml"))?;
        let mut given = dotenv(&project::root().join(".env"))?;
        given.extend(
            std::env::vars_os()
                .filter_map(|(key, value)| Some((key.into_string().ok()?, value.into_string().ok()?))),
        );
        Settings::from_env(&given, &declared)
    }

    /// Every variable can be set by its name in capitals, and by Spin's own `SPIN_VARIABLE_<NAME>`, which
    /// counts more. An empty value is none.
    fn from_env(given: &BTreeMap<String, String>, declared: &BTreeSet<String>) -> Result<Settings> {
        let mut settings = Settings::default();
        for name in declared {
            let plain = name.to_uppercase();
            let found = [format!("SPIN_VARIABLE_{plain}"), plain].into_iter().find_map(|key| {
                Some((given.get(&key).filter(|value| !value.trim().is_empty())?.trim(), key))
            });
            if let Some((value, key)) = found {
                settings.set(name, value).with_context(|| format!("{key} can't be used"))?;
            }
        }
        Ok(settings)
    }

    /// Sets a variable, and those that follow from it.
    pub fn set(&mut self, name: &str, value: &str) -> Result<()> {
        let value = match name {
            "database_url" => {
                let (url, address) = database(value)?;
                self.0.insert("database_address".into(), address);
                url
            }
            "redis_url" => {
                let (url, address) = redis(value)?;
                self.0.insert("redis_address".into(), address);
                url
            }
            "debug" => truth(value)?.to_string(),
            _ if SERVICES.contains(&name) => origin(value)?,
            _ => value.to_owned(),
        };
        self.0.insert(name.to_owned(), value);
        Ok(())
    }

    pub fn get(&self, name: &str) -> Option<&str> {
        self.0.get(name).map(String::as_str)
    }

    /// Hands the variables to a host. Not as arguments: those are for everyone to read.
    pub fn give_to(&self, host: &mut Command) {
        for (name, value) in &self.0 {
            host.env(format!("SPIN_VARIABLE_{}", name.to_uppercase()), value);
        }
    }
}

fn declared(manifest: &Path) -> Result<BTreeSet<String>> {
    let text =
        std::fs::read_to_string(manifest).with_context(|| format!("{} can't be read", manifest.display()))?;
    let manifest: Manifest = toml::from_str(&text).context("spin.toml isn't valid")?;
    Ok(manifest.variables.into_keys().collect())
}

fn dotenv(file: &Path) -> Result<BTreeMap<String, String>> {
    if !file.exists() {
        return Ok(BTreeMap::new());
    }
    dotenvy::from_path_iter(file)
        .and_then(Iterator::collect)
        .with_context(|| format!("{} can't be read", file.display()))
}

/// A database's URL as Spin takes it, and its address. SQLAlchemy's forms name a driver, which is dropped.
fn database(value: &str) -> Result<(String, String)> {
    let (scheme, rest) =
        value.split_once("://").context("it isn't a URL such as postgres://user@host/database")?;
    let dialect = scheme.split_once('+').map_or(scheme, |(dialect, _driver)| dialect);
    ensure!(matches!(dialect, "postgres" | "postgresql"), "`{scheme}` isn't Postgres");
    let url = format!("postgres://{rest}");
    let address = address(&url, 5432)?;
    Ok((url, address))
}

fn redis(value: &str) -> Result<(String, String)> {
    ensure!(value.starts_with("redis://"), "it must begin with `redis://`");
    Ok((value.to_owned(), address(value, 6379)?))
}

fn address(url: &str, default_port: u16) -> Result<String> {
    let url = Url::parse(url).context("it isn't a URL")?;
    let host = url.host_str().filter(|host| !host.is_empty()).context("it names no host")?;
    Ok(format!("{host}:{}", url.port().unwrap_or(default_port)))
}

/// A service's URL as `allowed_outbound_hosts` takes it: scheme, host and port.
fn origin(value: &str) -> Result<String> {
    let url = Url::parse(value).context("it isn't a URL such as http://host:8000")?;
    ensure!(matches!(url.scheme(), "http" | "https"), "it must begin with http:// or https://");
    ensure!(
        url.username().is_empty() && url.password().is_none(),
        "it may not hold a user's name or password"
    );
    ensure!(
        url.path() == "/" && url.query().is_none() && url.fragment().is_none(),
        "it may not go on after host and port, since Spin allows outbound calls by host alone: `{}` is too much",
        &url[url::Position::BeforePath..]
    );
    Ok(value.trim_end_matches('/').to_owned())
}

/// A truth value as the earlier service took it.
fn truth(value: &str) -> Result<bool> {
    match value.to_lowercase().as_str() {
        "true" | "1" | "yes" | "on" | "t" | "y" => Ok(true),
        "false" | "0" | "no" | "off" | "f" | "n" => Ok(false),
        _ => bail!("it is either true or false, not `{value}`"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn settings(given: &[(&str, &str)]) -> Result<Settings> {
        let given = given.iter().map(|(key, value)| (key.to_string(), value.to_string())).collect();
        Settings::from_env(&given, &declared(&project::root().join("spin.toml")).unwrap())
    }

    fn value(given: &[(&str, &str)], name: &str) -> Option<String> {
        settings(given).unwrap().get(name).map(str::to_owned)
    }

    fn refusal(key: &str, value: &str) -> String {
        format!("{:#}", settings(&[(key, value)]).unwrap_err())
    }

    #[test]
    fn the_earlier_services_names_stand() {
        let settings = settings(&[
            ("DATABASE_URL", "postgresql+asyncpg://user:p%40ss@db:5433/order_db"),
            ("REDIS_URL", "redis://localhost:6379/0"),
            ("JWT_SECRET_KEY", "a-key-of-at-least-thirty-two-bytes"),
            ("JWT_ALGORITHM", "HS512"),
            ("CORS_ORIGINS", r#"["http://localhost:3000"]"#),
            ("APP_NAME", "Orders"),
            ("DEBUG", "True"),
            ("USER_SERVICE_URL", "http://auth-service:8001"),
            ("PRODUCT_SERVICE_URL", "http://product-service:8002"),
            ("CART_SERVICE_URL", "http://cart-service:8003"),
            ("PAYMENT_SERVICE_URL", "http://payment-service:8005"),
            ("NOTIFICATION_SERVICE_URL", "http://notification-service:8006"),
            ("HOME", "/root"),
        ])
        .unwrap();
        let expected = [
            ("app_name", "Orders"),
            ("cart_service_url", "http://cart-service:8003"),
            ("cors_origins", r#"["http://localhost:3000"]"#),
            ("database_address", "db:5433"),
            ("database_url", "postgres://user:p%40ss@db:5433/order_db"),
            ("debug", "true"),
            ("jwt_algorithm", "HS512"),
            ("jwt_secret_key", "a-key-of-at-least-thirty-two-bytes"),
            ("notification_service_url", "http://notification-service:8006"),
            ("payment_service_url", "http://payment-service:8005"),
            ("product_service_url", "http://product-service:8002"),
            ("redis_address", "localhost:6379"),
            ("redis_url", "redis://localhost:6379/0"),
            ("user_service_url", "http://auth-service:8001"),
        ];
        let expected = expected.map(|(name, value)| (name.to_owned(), value.to_owned()));
        assert_eq!(settings.0, BTreeMap::from(expected));
    }

    #[test]
    fn every_variable_has_its_name_in_capitals() {
        assert_eq!(value(&[("RETURN_WINDOW_DAYS", "14")], "return_window_days").unwrap(), "14");
        assert_eq!(value(&[("JWT_ISSUER", "https://issuer")], "jwt_issuer").unwrap(), "https://issuer");
    }

    #[test]
    fn spins_own_name_counts_more() {
        let given = [("DELIVERY_FEE", "1.00"), ("SPIN_VARIABLE_DELIVERY_FEE", "2.00")];
        assert_eq!(value(&given, "delivery_fee").unwrap(), "2.00");
    }

    #[test]
    fn nothing_given_and_empty_values_leave_the_defaults() {
        assert!(settings(&[]).unwrap().0.is_empty());
        assert!(settings(&[("DATABASE_URL", ""), ("JWT_SECRET_KEY", " ")]).unwrap().0.is_empty());
    }

    #[test]
    fn a_database_may_be_named_in_several_ways() {
        for (given, url, address) in [
            ("postgres://u@h/d", "postgres://u@h/d", "h:5432"),
            ("postgresql://u:p@h:1/d", "postgres://u:p@h:1/d", "h:1"),
            ("postgresql+psycopg://h/d?sslmode=require", "postgres://h/d?sslmode=require", "h:5432"),
            ("postgres://u@[::1]:5434/d", "postgres://u@[::1]:5434/d", "[::1]:5434"),
        ] {
            assert_eq!(database(given).unwrap(), (url.to_owned(), address.to_owned()));
        }
    }

    #[test]
    fn another_database_is_refused() {
        assert_eq!(
            refusal("DATABASE_URL", "mysql://h/d"),
            "DATABASE_URL can't be used: `mysql` isn't Postgres"
        );
        assert!(refusal("DATABASE_URL", "h:5432").contains("isn't a URL"));
        assert!(refusal("DATABASE_URL", "postgres:///d").contains("names no host"));
    }

    #[test]
    fn redis_has_a_default_port_and_no_tls() {
        assert_eq!(
            value(&[("REDIS_URL", "redis://:secret@cache/1")], "redis_address").unwrap(),
            "cache:6379"
        );
        assert!(refusal("REDIS_URL", "rediss://cache").contains("redis://"));
    }

    #[test]
    fn a_services_url_ends_with_its_port() {
        let given = [("CART_SERVICE_URL", "https://cart.example.com/")];
        assert_eq!(value(&given, "cart_service_url").unwrap(), "https://cart.example.com");
        for wrong in ["http://cart/api/v1", "http://cart?x=1", "http://u:p@cart", "ftp://cart", "cart:8003"] {
            assert!(refusal("CART_SERVICE_URL", wrong).starts_with("CART_SERVICE_URL can't be used: it "));
        }
        assert!(refusal("CART_SERVICE_URL", "http://cart/api/v1").contains("`/api/v1`"));
    }

    #[test]
    fn truth_is_what_the_earlier_service_took_for_it() {
        for (given, expected) in [("1", "true"), ("Yes", "true"), ("False", "false"), ("off", "false")] {
            assert_eq!(value(&[("DEBUG", given)], "debug").unwrap(), expected);
        }
        assert!(refusal("DEBUG", "express:*").contains("`express:*`"));
    }

    #[test]
    fn a_dotenv_file_is_read_and_a_missing_one_is_empty() {
        let directory = tempfile::tempdir().unwrap();
        let file = directory.path().join(".env");
        assert!(dotenv(&file).unwrap().is_empty());
        std::fs::write(&file, "# seed\nAPP_NAME=\"Order Service\"\nexport DEBUG=1\n").unwrap();
        let expected = [("APP_NAME", "Order Service"), ("DEBUG", "1")].map(|(k, v)| (k.into(), v.into()));
        assert_eq!(dotenv(&file).unwrap(), BTreeMap::from(expected));
    }
}
