//! Commands that run to their end: each in a process group of its own, ended with the step that waits for it.

use std::path::{Path, PathBuf};
use std::process::{ExitStatus, Output, Stdio};
use std::time::Duration;

use anyhow::{Context as _, Result, bail};
use rustix::process::{Pid, Signal, kill_process_group};
use tokio::process::Command;

use crate::console::{self, Step};

const REMINDER: Duration = Duration::from_secs(15);

/// Runs `command` with its output on the terminal; anything but success is an error.
pub async fn run(command: &mut Command) -> Result<()> {
    let status = status(command).await?;
    if !status.success() {
        bail!("`{}` failed ({status})", line(command));
    }
    Ok(())
}

/// Runs `command` with its output on the terminal.
pub async fn status(command: &mut Command) -> Result<ExitStatus> {
    let mut child = spawn(command)?;
    let group = Group::of(&child);
    let status = child.wait().await.with_context(|| format!("lost sight of `{}`", line(command)))?;
    group.ended();
    Ok(status)
}

/// Runs `command` without showing its output, which an error quotes; `step` is reminded of now and then.
pub async fn run_quietly(step: &Step, command: &mut Command) -> Result<String> {
    let output = output(Some(step), command).await?;
    if !output.status.success() {
        bail!("`{}` failed ({}):\n{}", line(command), output.status, last_lines(&output));
    }
    Ok(String::from_utf8_lossy(&output.stdout).into_owned())
}

/// The standard output of a quick `command`, or nothing when it can't be run or fails.
pub async fn answer(command: &mut Command) -> Option<String> {
    let output = output(None, command).await.ok()?;
    output.status.success().then(|| String::from_utf8_lossy(&output.stdout).trim().to_owned())
}

async fn output(step: Option<&Step>, command: &mut Command) -> Result<Output> {
    let child = spawn(command.stdout(Stdio::piped()).stderr(Stdio::piped()))?;
    let group = Group::of(&child);
    let mut waiting = std::pin::pin!(child.wait_with_output());
    let output = loop {
        tokio::select! {
            output = &mut waiting => break output,
            () = tokio::time::sleep(REMINDER) => {
                if let Some(step) = step {
                    step.still_running();
                }
            }
        }
    };
    group.ended();
    output.with_context(|| format!("lost sight of `{}`", line(command)))
}

fn spawn(command: &mut Command) -> Result<tokio::process::Child> {
    command
        .stdin(Stdio::null())
        .process_group(0)
        .spawn()
        .with_context(|| format!("`{}` can't be started", command.as_std().get_program().display()))
}

/// The processes of a step. Dropped before the step has ended (Ctrl-C), it ends them all.
struct Group(Option<Pid>);

impl Group {
    fn of(child: &tokio::process::Child) -> Group {
        Group(child.id().and_then(|id| Pid::from_raw(id.cast_signed())))
    }

    fn ended(mut self) {
        self.0 = None;
    }
}

impl Drop for Group {
    fn drop(&mut self) {
        if let Some(leader) = self.0
            && let Err(error) = kill_process_group(leader, Signal::TERM)
        {
            console::say("warning", format_args!("process group {leader} can't be ended: {error}"));
        }
    }
}

/// The command as one would type it.
fn line(command: &Command) -> String {
    let command = command.as_std();
    let program = Path::new(command.get_program()).file_name().unwrap_or(command.get_program());
    std::iter::once(program)
        .chain(command.get_args())
        .map(|word| word.to_string_lossy())
        .collect::<Vec<_>>()
        .join(" ")
}

fn last_lines(output: &Output) -> String {
    let text = [&output.stdout[..], &output.stderr[..]].map(String::from_utf8_lossy).concat();
    tail(&text, 12)
}

/// The last `count` lines of `text`.
pub fn tail(text: &str, count: usize) -> String {
    let lines: Vec<&str> = text.lines().collect();
    lines[lines.len().saturating_sub(count)..].join("\n")
}

/// Where `program` is: on the PATH, or else in one of `more` directories.
pub fn find_program(program: &str, more: &[&str]) -> Option<PathBuf> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    std::env::split_paths(&path)
        .chain(more.iter().map(PathBuf::from))
        .map(|directory| directory.join(program))
        .find(|file| file.is_file())
}
