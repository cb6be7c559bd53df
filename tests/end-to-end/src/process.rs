//! Child processes that end when the tests do, however the tests end.

use std::fs::{self, File};
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use anyhow::{Context, Result, ensure};

/// The shell ends the program when its own stdin closes. That is when the `Process` is dropped or the
/// test process ends, also when it is killed: statics are never dropped, but pipes are always closed.
const WATCH: &str = r#"
exec 3<&0
"$@" 3<&- </dev/null & program=$!
{ read -r _ <&3; kill "$program"; } 2>/dev/null & watch=$!
exec 3<&-
wait "$program"; status=$?
kill "$watch" 2>/dev/null
exit "$status"
"#;

/// A program that runs as long as this value, or the test process, lives.
pub struct Process {
    shell: Child,
    log: PathBuf,
}

impl Process {
    /// Starts `program`, which writes what it has to say to the file `log`.
    pub fn start(program: &Path, configure: impl FnOnce(&mut Command), log: PathBuf) -> Result<Process> {
        let output = File::create(&log).with_context(|| format!("cannot write {}", log.display()))?;
        let mut command = Command::new("sh");
        command.args(["-c", WATCH, "sh"]).arg(program);
        configure(&mut command);
        let shell = command
            .stdin(Stdio::piped())
            .stdout(output.try_clone()?)
            .stderr(output)
            .process_group(0)
            .spawn()
            .with_context(|| format!("cannot start {}", program.display()))?;
        Ok(Process { shell, log })
    }

    /// Ends the program as a crash would, with what it has started itself: `spin up` has a process for each trigger.
    pub fn kill(mut self) -> Result<()> {
        if self.has_ended() {
            return Ok(());
        }
        let group = self.shell.id().to_string();
        let killed = Command::new("sh").args(["-c", r#"kill -s KILL -- "-$0""#, &group]).status()?;
        ensure!(killed.success(), "the program can't be killed");
        Ok(())
    }

    pub fn has_ended(&mut self) -> bool {
        !matches!(self.shell.try_wait(), Ok(None))
    }

    pub fn output(&self) -> String {
        fs::read_to_string(&self.log).unwrap_or_default()
    }

    /// For a failure's message: where the output is, and its end.
    pub fn last_words(&self) -> String {
        let output = self.output();
        let lines: Vec<&str> = output.lines().collect();
        let end = lines[lines.len().saturating_sub(20)..].join("\n");
        format!("{}:\n{end}", self.log.display())
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        drop(self.shell.stdin.take());
        if let Err(error) = self.shell.wait() {
            eprintln!("{}: {error}", self.log.display());
        }
    }
}
