//! `cargo xtask check`: format, lints for both targets, and what the dependencies bring along.

use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::{Context as _, Result};
use tokio::process::Command;

use crate::build::{BARE, COMPONENTS, PROBE, cargo};
use crate::console::{Step, leave_out};
use crate::process::{self, find_program, run_quietly};
use crate::project::{self, PROFILE};
use crate::toolchain::{TARGET, Toolchain};

pub async fn run() -> Result<ExitCode> {
    let format = Step::begin("Checking", "format");
    process::run(cargo("fmt").args(["--all", "--check"]))
        .await
        .context("the format isn't rustfmt's (`cargo fmt --all`)")?;
    format.done("format");

    let native = Step::begin("Checking", "lints");
    let mut clippy = cargo("clippy");
    clippy.args(["--locked", "--profile", PROFILE, "--all-targets", "--", "-D", "warnings"]);
    process::run(&mut clippy).await.context("clippy objects")?;
    native.done("lints");

    let toolchain = Toolchain::ready().await?;
    let wasm = Step::begin("Checking", format_args!("lints for {TARGET}"));
    process::run(&mut lint_components(&toolchain))
        .await
        .with_context(|| format!("clippy objects on {TARGET}"))?;
    wasm.done(format_args!("lints for {TARGET}"));

    check_dependencies().await?;
    Ok(ExitCode::SUCCESS)
}

fn lint_components(toolchain: &Toolchain) -> Command {
    let crates = COMPONENTS.iter().chain([&PROBE, &BARE]).flat_map(|name| ["--package", name]);
    let mut command = match toolchain.clippy_driver() {
        // cargo-clippy only ever runs the driver beside it, so the private one is put in its place.
        Some(driver) => {
            let mut command = cargo("check");
            command
                .env("RUSTC_WORKSPACE_WRAPPER", driver)
                .env("CLIPPY_ARGS", "-D__CLIPPY_HACKERY__warnings__CLIPPY_HACKERY__");
            command
        }
        None => cargo("clippy"),
    };
    toolchain.give_to(&mut command);
    command.args(["--locked", "--target", TARGET]).args(crates);
    if toolchain.clippy_driver().is_none() {
        command.args(["--", "-D", "warnings"]);
    }
    command
}

/// Licences, sources and known weaknesses, as deny.toml says.
async fn check_dependencies() -> Result<()> {
    let Some(deny) = cargo_deny().await? else {
        return leave_out("dependencies aren't checked: `cargo install --locked cargo-deny` is missing");
    };
    let step = Step::begin("Checking", "dependencies");
    let command = |args: &[&str]| {
        let mut command = Command::new(&deny);
        command.current_dir(project::root()).args(args);
        command
    };
    process::run(&mut command(&["check", "bans", "licenses", "sources"]))
        .await
        .context("cargo-deny objects")?;
    match run_quietly(&step, &mut command(&["fetch", "db"])).await {
        Ok(_) => {
            process::run(&mut command(&["check", "--disable-fetch", "advisories"]))
                .await
                .context("cargo-deny objects")?;
        }
        Err(_) => leave_out("advisories aren't checked: their database can't be reached")?,
    }
    step.done("dependencies");
    Ok(())
}

/// cargo-deny, which CI installs into its cache.
async fn cargo_deny() -> Result<Option<PathBuf>> {
    let tools = project::cache()?.join("tools");
    let bin = tools.join("bin");
    if let Some(program) = find_program("cargo-deny", &[&bin.to_string_lossy()]) {
        return Ok(Some(program));
    }
    if std::env::var_os("CI").is_none() {
        return Ok(None);
    }
    let step = Step::begin("Installing", "cargo-deny");
    let mut install = cargo("install");
    install.args(["--locked", "cargo-deny", "--root"]).arg(&tools);
    if let Err(error) = run_quietly(&step, &mut install).await {
        leave_out(format_args!("cargo-deny can't be installed: {error:#}"))?;
        return Ok(None);
    }
    step.done("cargo-deny");
    Ok(Some(bin.join("cargo-deny")))
}
