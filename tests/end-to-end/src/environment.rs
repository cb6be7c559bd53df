//! What the tests are given by `cargo xtask test`: servers and programs.

use std::path::PathBuf;

use anyhow::{Context, Result, bail};
use url::Url;

/// What the tests start.
pub struct Programs {
    /// The repository, as cargo tells it when it runs the tests: a build cache may come from another
    /// clone.
    pub root: PathBuf,
    /// Spin or its stand-in: both take the same flags.
    pub host: PathBuf,
    pub upstreams: PathBuf,
    /// Becomes a private Postgres or Redis: `xtask serve`.
    pub xtask: PathBuf,
}

impl Programs {
    pub fn find() -> Result<Programs> {
        let host = match variable("HOST")?.as_str() {
            "spin" => "spin".to_owned(),
            "standin" => variable("STANDIN")?,
            other => bail!("HOST must be spin or standin, not {other}"),
        };
        Ok(Programs {
            root: PathBuf::from(variable("CARGO_MANIFEST_DIR")?).join("../..").canonicalize()?,
            host: host.into(),
            upstreams: variable("UPSTREAMS")?.into(),
            xtask: variable("XTASK")?.into(),
        })
    }

    /// A new directory for what the programs write.
    pub fn logs(&self, name: &str) -> Result<PathBuf> {
        let directory = self.root.join("target/end-to-end").join(name);
        std::fs::create_dir_all(&directory)?;
        Ok(directory)
    }
}

/// The servers that the tests share.
pub struct Environment {
    pub programs: Programs,
    /// A superuser's, on a server that belongs to the tests.
    pub database_url: Url,
    /// What that server logs.
    pub database_log: PathBuf,
    pub redis_url: Url,
}

impl Environment {
    pub fn read() -> Result<Environment> {
        Ok(Environment {
            programs: Programs::find()?,
            database_url: Url::parse(&variable("TEST_DATABASE_URL")?)?,
            database_log: variable("TEST_DATABASE_LOG")?.into(),
            redis_url: Url::parse(&variable("TEST_REDIS_URL")?)?,
        })
    }
}

fn variable(name: &str) -> Result<String> {
    std::env::var(name)
        .with_context(|| format!("{name} is not set: run the end-to-end tests by `cargo xtask test`"))
}
