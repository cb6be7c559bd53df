//! Where things are: the checkout, its private state, and the cache that checkouts share.

use std::fs::{self, File, TryLockError};
use std::path::{Path, PathBuf};
use std::sync::LazyLock;

use anyhow::{Context as _, Result};

/// The root of the checkout. Cargo says where it is; what it was at compile time may be another
/// checkout, whose builds this one shares.
pub fn root() -> &'static Path {
    static ROOT: LazyLock<PathBuf> = LazyLock::new(|| {
        let xtask = std::env::var_os("CARGO_MANIFEST_DIR").expect("this is run as `cargo xtask`");
        Path::new(&xtask).parent().expect("xtask lies in the checkout").to_owned()
    });
    &ROOT
}

/// Where everything is built: the directory that spin.toml's sources point into.
pub fn target() -> PathBuf {
    root().join("target")
}

/// The profile of everything native, so that each dependency is built once.
pub const PROFILE: &str = "tools";

/// A native program of the workspace.
pub fn program(name: &str) -> PathBuf {
    target().join(PROFILE).join(name)
}

/// A native program of the workspace as it is measured.
pub fn release(name: &str) -> PathBuf {
    target().join("release").join(name)
}

/// What all checkouts of this user share: downloaded tools.
pub fn cache() -> Result<PathBuf> {
    let base = match std::env::var_os("XDG_CACHE_HOME").filter(|value| !value.is_empty()) {
        Some(directory) => PathBuf::from(directory),
        None => std::env::home_dir().context("the home directory is unknown: set HOME")?.join(".cache"),
    };
    Ok(base.join("order-service"))
}

/// The folder of one set of private servers, held by one run at a time.
pub struct State {
    pub directory: PathBuf,
    _lock: File,
}

impl State {
    /// The folder's path, whoever holds it: in the checkout, unless `ORDER_SERVICE_STATE` names another
    /// place.
    pub fn path(name: &str) -> PathBuf {
        let elsewhere = std::env::var_os("ORDER_SERVICE_STATE").map(PathBuf::from);
        elsewhere.unwrap_or_else(|| root().join(".order-service")).join(name)
    }

    /// Takes the folder, or nothing when another run holds it.
    pub fn claim(name: &str) -> Result<Option<State>> {
        let directory = Self::path(name);
        fs::create_dir_all(&directory).with_context(|| format!("can't create {}", directory.display()))?;
        let lock = lock_file(&directory)?;
        match lock.try_lock() {
            Ok(()) => Ok(Some(State { directory, _lock: lock })),
            Err(TryLockError::WouldBlock) => Ok(None),
            Err(TryLockError::Error(error)) => {
                Err(error).with_context(|| format!("can't lock {}", directory.display()))
            }
        }
    }
}

/// The file whose lock says that `directory` is in use.
pub fn lock_file(directory: &Path) -> Result<File> {
    let path = directory.join("lock");
    File::create(&path).with_context(|| format!("can't create {}", path.display()))
}
