//! Debian's Rust, unpacked privately: for machines that reach a Debian mirror, but not rustup's server.
//!
//! rustc, the wasm standard library built from the same source, clippy, and the libc and LLVM they need come
//! from one suite. They are only unpacked: nothing is installed, and no root is needed. cargo stays the
//! machine's own, and its `cc` links build scripts and proc macros.

use std::fs::{self, TryLockError};
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context as _, Result, bail, ensure};
use tokio::process::Command;

use crate::console::{Step, say};
use crate::process::{answer, find_program, run_quietly};
use crate::project;
use crate::toolchain::TARGET;

/// Where a new enough Rust is looked for, most settled first.
const SUITES: [&str; 2] = ["forky", "sid"];
const DEBIAN: &str = "http://deb.debian.org/debian";
const KEYRING: &str = "usr/share/keyrings/debian-archive-keyring.gpg";
/// What packages of one architecture hold and nobody here needs.
const UNNEEDED: [&str; 4] =
    ["etc", "usr/share", "usr/lib/rustlib/wasm32-unknown-unknown", "usr/lib/rustlib/wasm32-wasip1"];

/// The directory of the toolchain, if it was fetched before and still runs.
pub async fn present() -> Result<Option<PathBuf>> {
    let home = home()?;
    let works =
        home.join("ok").exists() && answer(Command::new(home.join("bin/rustc")).arg("-V")).await.is_some();
    Ok(works.then_some(home))
}

/// Fetches the toolchain, and returns its directory.
pub async fn fetch() -> Result<PathBuf> {
    for program in ["apt-get", "apt-cache", "dpkg", "dpkg-deb", "cc"] {
        ensure!(
            find_program(program, &[]).is_some(),
            "Debian's Rust can't be unpacked here: there is no {program}"
        );
    }
    let home = home()?;
    fs::create_dir_all(&home).with_context(|| format!("can't create {}", home.display()))?;
    let lock = project::lock_file(&home)?;
    while let Err(error) = lock.try_lock() {
        match error {
            TryLockError::WouldBlock => tokio::time::sleep(Duration::from_secs(1)).await,
            TryLockError::Error(error) => return Err(error).context("can't lock the toolchain's directory"),
        }
    }
    if present().await?.is_some() {
        return Ok(home);
    }
    for suite in SUITES {
        for mirror in mirrors().await {
            let step = Step::begin(
                "Toolchain",
                format_args!("Debian's Rust ({suite}, {mirror}) into {}", home.display()),
            );
            let attempt =
                Attempt { root: home.join("root"), work: home.join("work"), home: &home, step: &step };
            match attempt.run(&mirror, suite).await {
                Ok(version) => {
                    step.done(format_args!("rustc {version} is ready"));
                    return Ok(home);
                }
                Err(error) => say("Toolchain", format_args!("{suite} won't do: {error:#}")),
            }
        }
    }
    bail!("no Debian suite has a Rust from {} on for {TARGET}", env!("CARGO_PKG_RUST_VERSION"))
}

fn home() -> Result<PathBuf> {
    Ok(project::cache()?.join("rust"))
}

/// The mirrors this machine uses already, and Debian's own.
async fn mirrors() -> Vec<String> {
    let uris = answer(Command::new("apt-get").args(["update", "--print-uris"])).await.unwrap_or_default();
    let mut mirrors = debian_mirrors(&uris);
    if !mirrors.iter().any(|mirror| mirror == DEBIAN) {
        mirrors.push(DEBIAN.to_owned());
    }
    mirrors
}

/// Mirrors of the Debian archive in what `apt-get update --print-uris` prints.
fn debian_mirrors(uris: &str) -> Vec<String> {
    let mut mirrors = Vec::new();
    for line in uris.lines() {
        let mirror =
            line.strip_prefix('\'').and_then(|line| line.split_once("/dists/")).map(|(mirror, _)| mirror);
        if let Some(mirror) =
            mirror.filter(|mirror| mirror.ends_with("/debian") || mirror.ends_with("/debian/"))
            && !mirrors.iter().any(|known| known == mirror)
        {
            mirrors.push(mirror.to_owned());
        }
    }
    mirrors
}

/// One try to get the toolchain from one suite of one mirror.
struct Attempt<'a> {
    home: &'a Path,
    /// Where packages are unpacked.
    root: PathBuf,
    /// apt's private state, and the packages.
    work: PathBuf,
    step: &'a Step,
}

impl Attempt<'_> {
    async fn run(&self, mirror: &str, suite: &str) -> Result<String> {
        for directory in [&self.root, &self.work] {
            if directory.exists() {
                fs::remove_dir_all(directory)?;
            }
            fs::create_dir_all(directory)?;
        }
        self.configure(mirror, suite).await?;
        run_quietly(self.step, &mut self.apt("apt-get", &["update"])).await?;
        let version = self.matching_version().await?;
        self.download().await?;
        self.unpack().await?;
        self.wrap()?;
        self.try_out().await.context("what was unpacked doesn't compile")?;
        fs::remove_dir_all(&self.work)?;
        fs::write(self.home.join("ok"), &version)?;
        Ok(version)
    }

    /// An apt of our own: its sources, its lists and its idea of what is installed (nothing).
    async fn configure(&self, mirror: &str, suite: &str) -> Result<()> {
        for directory in ["state/lists/partial", "cache/archives/partial"] {
            fs::create_dir_all(self.work.join(directory))?;
        }
        let work = self.work.display();
        let architecture = answer(Command::new("dpkg").arg("--print-architecture"))
            .await
            .context("dpkg names no architecture")?;
        let keyring = self.keyring().await?;
        let source = format!(
            "deb [arch={architecture} target=Packages signed-by={}] {mirror} {suite} main\n",
            keyring.display()
        );
        fs::write(self.work.join("sources.list"), source)?;
        fs::write(self.work.join("state/status"), "")?;
        fs::write(
            self.work.join("apt.conf"),
            format!(
                r#"Dir::Etc::SourceList "{work}/sources.list";
Dir::Etc::SourceParts "/dev/null";
Dir::State "{work}/state";
Dir::State::status "{work}/state/status";
Dir::Cache "{work}/cache";
Acquire::Languages "none";
Acquire::Retries "3";
APT::Sandbox::User "";
APT::Update::Error-Mode "any";
#clear APT::Update::Post-Invoke;
#clear APT::Update::Post-Invoke-Success;
"#
            ),
        )?;
        Ok(())
    }

    /// Debian's keys: the machine's, or (Ubuntu has them as a package) fetched by its own apt.
    async fn keyring(&self) -> Result<PathBuf> {
        let installed = Path::new("/").join(KEYRING);
        if installed.exists() {
            return Ok(installed);
        }
        let mut download = Command::new("apt-get");
        download.current_dir(&self.work).args(["download", "debian-archive-keyring"]);
        run_quietly(self.step, &mut download).await.context("Debian's keys can't be had")?;
        for package in packages_in(&self.work)? {
            let keys = self.work.join("keys");
            run_quietly(self.step, Command::new("dpkg-deb").arg("-x").args([&package, &keys])).await?;
            fs::remove_file(package)?;
        }
        Ok(self.work.join("keys").join(KEYRING))
    }

    /// rustc's version, if the suite has the rest of the same source: rustc refuses any other library.
    async fn matching_version(&self) -> Result<String> {
        let rustc = self.version("rustc").await?;
        for package in ["libstd-rust-dev-wasm32", "rust-clippy"] {
            let other = self.version(package).await?;
            ensure!(
                source_version(&rustc) == source_version(&other),
                "its rustc is {rustc}, its {package} {other}"
            );
        }
        let least = env!("CARGO_PKG_RUST_VERSION");
        let compared = answer(Command::new("dpkg").args(["--compare-versions", &rustc, "ge", least])).await;
        ensure!(compared.is_some(), "its rustc {rustc} is older than {least}");
        Ok(rustc)
    }

    async fn version(&self, package: &str) -> Result<String> {
        self.field(package, "Version").await
    }

    async fn field(&self, package: &str, name: &str) -> Result<String> {
        let about = answer(&mut self.apt("apt-cache", &["show", "--no-all-versions", package])).await;
        about
            .as_deref()
            .and_then(|about| field(about, name))
            .map(str::to_owned)
            .with_context(|| format!("it has no {package}"))
    }

    async fn download(&self) -> Result<()> {
        let depends = self.field("rust-llvm", "Depends").await?;
        let lld = linker(&depends).context("its rust-llvm needs no lld")?;
        let libraries = ["libstd-rust-dev", "libstd-rust-dev-wasm32", lld];
        let mut install =
            self.apt("apt-get", &["install", "-y", "--download-only", "--no-install-recommends"]);
        run_quietly(self.step, install.args(libraries)).await?;
        // These without what they depend on: a C compiler, clang and LLVM's tools aren't needed.
        let mut programs = self.apt("apt-get", &["download", "rustc", "rust-llvm", "rust-clippy"]);
        run_quietly(self.step, programs.current_dir(self.work.join("cache/archives"))).await?;
        Ok(())
    }

    async fn unpack(&self) -> Result<()> {
        for package in packages_in(&self.work.join("cache/archives"))? {
            run_quietly(self.step, Command::new("dpkg-deb").arg("-x").args([&package, &self.root])).await?;
        }
        for unneeded in UNNEEDED.map(|path| self.root.join(path)).iter().filter(|path| path.exists()) {
            fs::remove_dir_all(unneeded)?;
        }
        Ok(())
    }

    /// Makes programs that run the unpacked ones with the unpacked libc, as the machine's may be older.
    fn wrap(&self) -> Result<()> {
        let usr = self.root.join("usr");
        let libraries = only(&usr.join("lib"), "", "-linux-gnu")?;
        let loader = only(&libraries, "ld-linux-", "")?;
        let tools = only(&usr.join("lib/rustlib"), "", "-unknown-linux-gnu")?.join("bin");
        let lld = only(&usr.join("lib"), "llvm-", "")?.join("bin/lld");
        let linker = tools.join("wasm-component-ld");
        let real_linker = self.root.join("wasm-component-ld");
        fs::rename(&linker, &real_linker).context("it has no wasm-component-ld")?;

        let bin = self.home.join("bin");
        fs::create_dir_all(&bin)?;
        for (file, program) in [
            (bin.join("rustc"), usr.join("bin/rustc")),
            (bin.join("rustdoc"), usr.join("bin/rustdoc")),
            (bin.join("clippy-driver"), usr.join("bin/clippy-driver")),
            // rustc looks for linkers here first, so none need be configured.
            (linker, real_linker),
            (tools.join("wasm-ld"), lld),
        ] {
            let script = wrapper(&loader, &libraries, &file, &program);
            if file.exists() {
                fs::remove_file(&file)?;
            }
            fs::write(&file, script)?;
            fs::set_permissions(&file, fs::Permissions::from_mode(0o755))?;
        }
        Ok(())
    }

    /// Compiles a proc macro and a component that uses it: both targets, both linkers and clippy have a part.
    async fn try_out(&self) -> Result<()> {
        let directory = self.work.join("try");
        fs::create_dir_all(&directory)?;
        let answer_macro = "#[proc_macro] pub fn answer(_: proc_macro::TokenStream) -> proc_macro::TokenStream \
                            { \"42\".parse().unwrap() }";
        fs::write(directory.join("answer.rs"), answer_macro)?;
        fs::write(directory.join("main.rs"), "fn main() { println!(\"{}\", answer::answer!()); }")?;
        let compile = async |program: &str, args: &[&str]| {
            let mut command = Command::new(self.home.join("bin").join(program));
            command.current_dir(&directory).args(["--edition", "2024"]).args(args);
            run_quietly(self.step, &mut command).await
        };
        compile("rustc", &["--crate-type", "proc-macro", "--extern", "proc_macro", "answer.rs"]).await?;
        let main = ["--extern", "answer=libanswer.so", "--target", TARGET, "main.rs", "-o", "main.wasm"];
        compile("rustc", &main).await?;
        ensure!(
            fs::read(directory.join("main.wasm"))?.starts_with(b"\0asm\x0d\0\x01\0"),
            "it makes no component"
        );
        compile("clippy-driver", &main).await?;
        Ok(())
    }

    fn apt(&self, program: &str, args: &[&str]) -> Command {
        let mut command = Command::new(program);
        command.arg("-q").arg("-c").arg(self.work.join("apt.conf")).args(args);
        command
    }
}

fn wrapper(loader: &Path, libraries: &Path, file: &Path, program: &Path) -> String {
    // lld does what its name says.
    let name = if file.ends_with("wasm-ld") { Path::new("wasm-ld") } else { file };
    format!(
        "#!/bin/sh\nexec \"{}\" --argv0 \"{}\" --library-path \"{}\" \"{}\" \"$@\"\n",
        loader.display(),
        name.display(),
        libraries.display(),
        program.display()
    )
}

/// A version without the number of a rebuild from the same source, as in `1.97.1+dfsg1-1+b2`.
fn source_version(version: &str) -> &str {
    match version.rsplit_once("+b") {
        Some((source, rebuild)) if rebuild.bytes().all(|byte| byte.is_ascii_digit()) => source,
        _ => version,
    }
}

fn field<'a>(about: &'a str, name: &str) -> Option<&'a str> {
    about.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(": "))
}

/// The linker's package among dependencies such as `lld-21, clang-21 (>= 1:21)`.
fn linker(depends: &str) -> Option<&str> {
    depends
        .split([',', '|'])
        .filter_map(|one| one.split_whitespace().next())
        .find(|name| name.starts_with("lld-"))
}

fn packages_in(directory: &Path) -> Result<Vec<PathBuf>> {
    let mut packages = Vec::new();
    for entry in fs::read_dir(directory)? {
        let path = entry?.path();
        if path.extension().is_some_and(|extension| extension == "deb") {
            packages.push(path);
        }
    }
    Ok(packages)
}

/// The entry of a directory whose name begins and ends so.
fn only(directory: &Path, begin: &str, end: &str) -> Result<PathBuf> {
    fs::read_dir(directory)?
        .flatten()
        .find(|entry| {
            let name = entry.file_name();
            let name = name.to_string_lossy();
            name.starts_with(begin) && name.ends_with(end)
        })
        .map(|entry| entry.path())
        .with_context(|| format!("its packages hold no {}/{begin}…{end}", directory.display()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn debians_mirrors_are_told_from_other_sources() {
        let uris = "'http://deb.debian.org/debian/dists/bookworm/InRelease' deb.debian.org_InRelease 0\n\
                    'http://deb.debian.org/debian/dists/bookworm-updates/InRelease' x 0\n\
                    'http://deb.debian.org/debian-security/dists/bookworm-security/InRelease' x 0\n\
                    'https://deb.nodesource.com/node_20.x/dists/nodistro/InRelease' x 0\n";
        assert_eq!(debian_mirrors(uris), ["http://deb.debian.org/debian"]);
    }

    #[test]
    fn a_rebuild_has_the_same_source() {
        assert_eq!(source_version("1.97.1+dfsg1-1+b2"), "1.97.1+dfsg1-1");
        assert_eq!(source_version("1.97.1+dfsg1-1"), "1.97.1+dfsg1-1");
        assert_eq!(source_version("1.97.1+bootstrap"), "1.97.1+bootstrap");
    }

    #[test]
    fn packages_are_read_by_their_fields() {
        let about = "Package: rust-llvm\nVersion: 1.97.1+dfsg1-1\nDepends: lld-21, clang-21 (>= 1:21)\n";
        assert_eq!(field(about, "Version"), Some("1.97.1+dfsg1-1"));
        assert_eq!(field(about, "Depends").and_then(linker), Some("lld-21"));
        assert_eq!(field(about, "Homepage"), None);
    }
}
