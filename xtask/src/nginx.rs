//! The gateway that the end-to-end tests put before the service: nginx.

use std::path::PathBuf;

use crate::console::say;
use crate::packages::Package;
use crate::process::find_program;

const PACKAGE: Package = Package { what: "nginx", apt: "nginx-light", brew: "nginx" };

/// Debian keeps it where only root looks.
const DEBIAN: &str = "/usr/sbin";

/// The program. Where it can't be installed, the tests that need it say so themselves.
pub async fn program() -> Option<PathBuf> {
    if find().is_none()
        && let Err(error) = PACKAGE.install().await
    {
        say("warning", format_args!("{error:#}"));
    }
    find()
}

fn find() -> Option<PathBuf> {
    find_program("nginx", &[DEBIAN])
}
