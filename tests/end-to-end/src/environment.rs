//! What the tests are given by `cargo xtask test`: servers and programs.

use std::path::PathBuf;

use anyhow::{Context, Result, bail};
use url::Url;

pub struct Environment {
    /// The repository, as cargo tells it when it runs the tests: a build cache may come from another
    /// clone.
    pub root: PathBuf,
    /// A superuser's, on a server that belongs to the tests.
    pub database_url: Url,
    pub redis_url: Url,
    /// Spin or its stand-in: both take the same flags.
    pub host_program: PathBuf,
    pub upstreams_program: PathBuf,
}

impl Environment {
    pub fn read() -> Result<Environment> {
        let host_program = match variable("HOST")?.as_str() {
            "spin" => "spin".to_owned(),
            "standin" => variable("STANDIN")?,
            other => bail!("HOST must be spin or standin, not {other}"),
        };
        Ok(Environment {
            root: PathBuf::from(variable("CARGO_MANIFEST_DIR")?).join("../..").canonicalize()?,
            database_url: Url::parse(&variable("TEST_DATABASE_URL")?)?,
            redis_url: Url::parse(&variable("TEST_REDIS_URL")?)?,
            host_program: host_program.into(),
            upstreams_program: variable("UPSTREAMS")?.into(),
        })
    }
}

fn variable(name: &str) -> Result<String> {
    std::env::var(name)
        .with_context(|| format!("{name} is not set: run the end-to-end tests by `cargo xtask test`"))
}
