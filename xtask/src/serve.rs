//! `cargo xtask serve`: becomes a private server, for tests that kill it and start it again.

use std::os::unix::process::CommandExt as _;
use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::{Context as _, Result};
use clap::{Args, ValueEnum};

use crate::postgres::{self, Keep};
use crate::redis;

#[derive(Clone, Copy, ValueEnum)]
enum Server {
    Postgres,
    Redis,
}

#[derive(Args)]
pub struct Options {
    server: Server,

    /// What it keeps lies there
    directory: PathBuf,

    port: u16,
}

/// Runs the server in place of this process, so that whoever started this one can end it.
pub async fn run(options: Options) -> Result<ExitCode> {
    let mut command = match options.server {
        Server::Postgres => {
            postgres::server(&options.directory.join("postgres"), options.port, Keep::Data).await?
        }
        Server::Redis => redis::server(&options.directory, options.port).await?,
    };
    Err(command.as_std_mut().exec()).context("the server can't be started")
}
