//! Which compiler makes the components: the user's own, or a private one where it can't get the target.

use std::path::PathBuf;

use anyhow::{Context as _, Result};
use tokio::process::Command;

use crate::console::{Step, say};
use crate::debian_rust;
use crate::process::{answer, run_quietly};

pub const TARGET: &str = "wasm32-wasip2";

pub enum Toolchain {
    /// The one that runs this command.
    Active,
    /// Debian's, unpacked into a directory of ours.
    Private(PathBuf),
}

impl Toolchain {
    /// A toolchain that compiles for the components' target, which may first have to be fetched.
    pub async fn ready() -> Result<Toolchain> {
        if has_target().await {
            return Ok(Toolchain::Active);
        }
        if let Some(directory) = debian_rust::present().await? {
            say("Toolchain", format_args!("Debian's Rust in {} for {TARGET}", directory.display()));
            return Ok(Toolchain::Private(directory));
        }
        match add_target().await {
            Ok(()) => Ok(Toolchain::Active),
            Err(reason) => {
                say("Toolchain", format_args!("rustup can't add {TARGET}: {}", gist(&reason)));
                let directory = debian_rust::fetch().await.with_context(|| {
                    format!("no toolchain for {TARGET} (`rustup target add {TARGET}` failed)")
                })?;
                Ok(Toolchain::Private(directory))
            }
        }
    }

    /// Lets a cargo command compile with this toolchain.
    pub fn give_to(&self, command: &mut Command) {
        if let Toolchain::Private(directory) = self {
            command.env("RUSTC", directory.join("bin/rustc")).env("RUSTDOC", directory.join("bin/rustdoc"));
        }
    }

    /// The lints' driver, where it isn't the one that `cargo clippy` finds.
    pub fn clippy_driver(&self) -> Option<PathBuf> {
        match self {
            Toolchain::Active => None,
            Toolchain::Private(directory) => Some(directory.join("bin/clippy-driver")),
        }
    }
}

/// Whether the active compiler has the target's standard library, from rustup or elsewhere.
async fn has_target() -> bool {
    let rustc = std::env::var_os("RUSTC").unwrap_or_else(|| "rustc".into());
    let libraries = answer(Command::new(rustc).args(["--print", "target-libdir", "--target", TARGET])).await;
    let entries = libraries.and_then(|directory| std::fs::read_dir(directory).ok());
    entries.is_some_and(|mut entries| {
        entries
            .any(|entry| entry.is_ok_and(|entry| entry.path().extension().is_some_and(|end| end == "rlib")))
    })
}

/// Adds the target to the active toolchain, and changes nothing else about it.
async fn add_target() -> Result<()> {
    let step = Step::begin("Toolchain", format_args!("rustup target add {TARGET}"));
    let mut rustup = Command::new("rustup");
    run_quietly(&step, rustup.args(["target", "add", TARGET]).env("RUST_BACKTRACE", "0")).await?;
    step.done("target added");
    Ok(())
}

/// The line of rustup's complaint that says what is wrong.
fn gist(error: &anyhow::Error) -> String {
    let text = format!("{error:#}");
    let line = text.lines().find(|line| line.contains("error:")).or(text.lines().last());
    line.unwrap_or_default().trim().to_owned()
}
