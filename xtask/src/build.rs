//! What is built: the wasm components, and the programs that run and surround them.

use std::process::ExitCode;

use anyhow::{Context as _, Result};
use tokio::process::Command;

use crate::console::Step;
use crate::process;
use crate::project::{self, PROFILE};
use crate::toolchain::{TARGET, Toolchain};

/// The crates of the service that are wasm components.
pub const COMPONENTS: [&str; 3] = ["api", "tasks", "delivery-policy"];
/// The component with which the stand-in's own tests look at what a host offers.
pub const PROBE: &str = "probe";
/// The component that the service is measured against.
pub const BARE: &str = "bare";

pub async fn run() -> Result<ExitCode> {
    components(&Toolchain::ready().await?, &COMPONENTS).await?;
    Ok(ExitCode::SUCCESS)
}

/// Builds components into the place that spin.toml names.
pub async fn components(toolchain: &Toolchain, crates: &[&str]) -> Result<()> {
    let step = Step::begin("Building", format_args!("components: {}", crates.join(", ")));
    let mut command = cargo("build");
    command.args(["--release", "--target", TARGET]).args(crates.iter().flat_map(|name| ["--package", name]));
    toolchain.give_to(&mut command);
    process::run(&mut command).await.context("the components can't be built")?;
    step.done("components are built");
    Ok(())
}

/// Builds a native program of the workspace. Without `--package`, since its dependencies then have the
/// features that all the default members want, and are built once for whatever is built.
pub async fn program(name: &str) -> Result<()> {
    native(name, PROFILE, Step::begin("Building", name)).await
}

/// Builds a native program as it is measured, which takes much longer.
pub async fn release(name: &str) -> Result<()> {
    let what = format_args!("{name} as a release (minutes, the first time)");
    native(name, "release", Step::begin("Building", what)).await
}

async fn native(name: &str, profile: &str, step: Step) -> Result<()> {
    process::run(cargo("build").args(["--profile", profile, "--bin", name]))
        .await
        .with_context(|| format!("{name} can't be built"))?;
    step.done(format_args!("{name} is built"));
    Ok(())
}

/// This cargo, on this workspace.
pub fn cargo(subcommand: &str) -> Command {
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let mut command = Command::new(cargo);
    command.current_dir(project::root()).arg(subcommand).env("CARGO_TARGET_DIR", project::target());
    command
}
