//! The repository's commands, as `cargo xtask <command>`.

mod bench;
mod build;
mod chaos;
mod check;
mod chromium;
mod console;
mod contract;
mod debian_rust;
mod host;
mod identity;
mod interrupt;
mod migrate;
mod nginx;
mod packages;
mod postgres;
mod process;
mod project;
mod redis;
mod serve;
mod servers;
mod settings;
mod test;
mod tokens;
mod toolchain;
mod up;
mod upstreams;

use std::process::ExitCode;

use clap::{Parser, Subcommand};

#[derive(Parser)]
#[command(
    bin_name = "cargo xtask",
    about = "Set up, run, test and check the order service",
    disable_help_subcommand = true
)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Set up everything that is missing and run the service until Ctrl-C
    Up(up::Options),
    /// Run every test: unit, component and end to end
    Test(test::Options),
    /// Let servers and services fail under load, then check that nothing was lost or charged twice
    Chaos(chaos::Options),
    /// Ask the running service about everything its description says (Schemathesis)
    Contract(contract::Options),
    /// Measure what the service can do, beside a component that does the least there is to do
    Bench(bench::Options),
    /// Check format, lints (native and wasm) and dependencies
    Check,
    /// Build the wasm components named in spin.toml
    Build,
    /// Apply the migrations to DATABASE_URL, or to the private server that `up` uses
    Migrate,
    /// Become a private server
    #[command(hide = true)]
    Serve(serve::Options),
}

#[tokio::main]
async fn main() -> ExitCode {
    let outcome = match Cli::parse().command {
        Command::Up(options) => up::run(options).await,
        Command::Test(options) => test::run(options).await,
        Command::Chaos(options) => chaos::run(options).await,
        Command::Contract(options) => contract::run(options).await,
        Command::Bench(options) => bench::run(options).await,
        Command::Check => check::run().await,
        Command::Build => build::run().await,
        Command::Migrate => migrate::run().await,
        Command::Serve(options) => serve::run(options).await,
    };
    outcome.unwrap_or_else(|error| {
        console::error(&error);
        ExitCode::FAILURE
    })
}
