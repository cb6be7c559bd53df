//! Installs what a machine lacks, with the package manager it has.

use anyhow::{Context as _, Result, bail};
use tokio::process::Command;

use crate::console::Step;
use crate::process::{answer, find_program, run_quietly};

/// A program's package, as each manager calls it.
pub struct Package {
    pub what: &'static str,
    pub apt: &'static str,
    pub brew: &'static str,
}

impl Package {
    pub async fn install(&self) -> Result<()> {
        if find_program("brew", &[]).is_some() {
            self.install_with_brew().await
        } else if find_program("apt-get", &[]).is_some() {
            self.install_with_apt().await
        } else {
            bail!("{} isn't installed, and there is neither apt nor brew to install it with", self.what)
        }
    }

    async fn install_with_brew(&self) -> Result<()> {
        let step = Step::begin("Installing", format_args!("{} with `brew install {}`", self.what, self.brew));
        run_quietly(&step, Command::new("brew").args(["install", self.brew])).await?;
        step.done(self.brew);
        Ok(())
    }

    async fn install_with_apt(&self) -> Result<()> {
        let by_hand = format!("sudo apt-get install {}", self.apt);
        let is_root = rustix::process::geteuid().is_root();
        if !is_root && answer(Command::new("sudo").args(["-n", "true"])).await.is_none() {
            bail!(
                "{} isn't installed, and this user may not install it without a password: run `{by_hand}`",
                self.what
            );
        }
        let step =
            Step::begin("Installing", format_args!("{} with `apt-get install {}`", self.what, self.apt));
        let install = ["install", "-y", "--no-install-recommends", self.apt];
        // A fresh container has no package lists, an old machine outdated ones.
        if run_quietly(&step, &mut apt_get(is_root, &install)).await.is_err() {
            run_quietly(&step, &mut apt_get(is_root, &["update"])).await.context("apt can't be used")?;
            run_quietly(&step, &mut apt_get(is_root, &install))
                .await
                .with_context(|| format!("{} can't be installed (by hand: `{by_hand}`)", self.what))?;
        }
        step.done(self.apt);
        Ok(())
    }
}

/// Waits for another apt to finish, asks no questions.
fn apt_get(is_root: bool, args: &[&str]) -> Command {
    let mut command = Command::new(if is_root { "env" } else { "sudo" });
    if !is_root {
        command.args(["-n", "env"]);
    }
    command
        .args(["DEBIAN_FRONTEND=noninteractive", "apt-get", "-q", "-o", "DPkg::Lock::Timeout=300"])
        .args(args);
    command
}
