//! The browser that the end-to-end tests look through: Chromium, or Chrome.

use std::path::PathBuf;

use crate::console::say;
use crate::packages::Package;
use crate::process::find_program;

const PACKAGE: Package = Package { what: "Chromium", apt: "chromium", brew: "google-chrome" };

const NAMES: [&str; 5] =
    ["chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "Google Chrome"];
const MACOS: &str = "/Applications/Google Chrome.app/Contents/MacOS";

/// The browser's program. Where none can be installed, the test that needs it says so itself; the
/// others need none.
pub async fn program() -> Option<PathBuf> {
    if let Some(named) = std::env::var_os("CHROMIUM") {
        return Some(named.into());
    }
    if find().is_none()
        && let Err(error) = PACKAGE.install().await
    {
        say("warning", format_args!("{error:#}"));
    }
    find()
}

fn find() -> Option<PathBuf> {
    NAMES.into_iter().find_map(|name| find_program(name, &[MACOS]))
}
