//! A private Postgres: its programs, its data, and the server itself.

use std::fs;
use std::os::unix::fs::{MetadataExt as _, chown};
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context as _, Result, bail, ensure};
use sqlx::{Connection as _, Executor as _, PgConnection};
use tokio::process::Command;

use crate::console::{Step, say};
use crate::packages::Package;
use crate::process::{answer, find_program, run_quietly};
use crate::project::{self, State};
use crate::servers::{Servers, Stop, port_for};

pub const NAME: &str = "postgres";
const DATABASE: &str = "orders";
const MIN_MAJOR: u32 = 14;
const PATIENCE: Duration = Duration::from_secs(60);
const PACKAGE: Package = Package { what: "Postgres", apt: "postgresql", brew: "postgresql@17" };

/// What the data is for.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Keep {
    /// Kept from run to run, and through a crash.
    Data,
    /// Thrown away: for tests, which are much faster that way.
    Nothing,
}

/// Postgres may not run as root, so there it runs as another user.
struct User {
    uid: u32,
    gid: u32,
}

/// The URL of a private Postgres: the one that an earlier run left, or a new one.
pub async fn start(servers: &mut Servers, state: &State, keep: Keep) -> Result<String> {
    if keep == Keep::Nothing {
        servers.end_left_behind(NAME, Stop::Interrupt).await;
        remove_data(state)?;
    }
    let adopted = servers.adopt(NAME, Stop::Interrupt);
    let port = port_for(&state.directory, NAME, adopted)?;
    if !adopted {
        start_new(servers, state, keep, port).await?;
    }
    servers.until_ready(NAME, PATIENCE, async || answers(port).await).await?;
    let how = if adopted { "still running" } else { "started" };
    say("Postgres", format_args!("private server on 127.0.0.1:{port}, {how}"));
    create_database(port).await?;
    Ok(url(port, DATABASE))
}

async fn start_new(servers: &mut Servers, state: &State, keep: Keep, port: u16) -> Result<()> {
    let mut command = server(&data_directory(state)?, port, keep).await?;
    servers.start(NAME, Stop::Interrupt, &mut command)
}

/// The command that runs a server on this data, which is made when there is none.
pub async fn server(data: &Path, port: u16, keep: Keep) -> Result<Command> {
    let programs = programs(data_version(data)).await?;
    let user = unprivileged_user()?;
    if !data.exists() {
        create_data(&programs, data, user.as_ref(), keep).await?;
    }
    let mut command = as_user(&programs.join("postgres"), user.as_ref(), data);
    command.arg("-D").arg(data).args(settings(port, keep));
    Ok(command)
}

/// Removes the data of a server that has ended.
pub fn remove_data(state: &State) -> Result<()> {
    let data = data_directory(state)?;
    if data.exists() {
        fs::remove_dir_all(&data).with_context(|| format!("can't remove {}", data.display()))?;
    }
    Ok(())
}

/// The URL of the server that another run has started.
pub fn running(directory: &Path) -> Result<String> {
    Ok(url(port_for(directory, NAME, true)?, DATABASE))
}

fn url(port: u16, database: &str) -> String {
    format!("postgres://postgres@127.0.0.1:{port}/{database}")
}

async fn answers(port: u16) -> bool {
    PgConnection::connect(&url(port, "postgres")).await.is_ok()
}

/// Makes sure that the service's database is there.
async fn create_database(port: u16) -> Result<()> {
    let mut connection = PgConnection::connect(&url(port, "postgres")).await?;
    let exists: bool = sqlx::query_scalar("select exists (select from pg_database where datname = $1)")
        .bind(DATABASE)
        .fetch_one(&mut connection)
        .await?;
    if !exists {
        connection.execute("create database orders").await?;
    }
    connection.close().await?;
    Ok(())
}

fn settings(port: u16, keep: Keep) -> Vec<String> {
    let port = format!("port={port}");
    let mut settings =
        vec!["listen_addresses=127.0.0.1", &port, "unix_socket_directories=", "max_connections=200"];
    if keep == Keep::Nothing {
        settings.extend(["fsync=off", "synchronous_commit=off", "full_page_writes=off"]);
        // A database for each test: the log says whose line it is.
        settings.push("log_line_prefix=%m [%p] %d ");
    }
    settings.into_iter().flat_map(|setting| ["-c".to_owned(), setting.to_owned()]).collect()
}

/// The directory of the newest programs, or of those that made the data.
async fn programs(data_version: Option<u32>) -> Result<PathBuf> {
    let mut found = installed().await;
    if found.is_empty() {
        PACKAGE.install().await?;
        found = installed().await;
    }
    let suitable = found.iter().filter(|(major, _)| data_version.is_none_or(|version| version == *major));
    if let Some((_, directory)) = suitable.max_by_key(|(major, _)| major) {
        return Ok(directory.clone());
    }
    match data_version {
        Some(version) => bail!(
            "the data was made by Postgres {version}, which isn't installed: install it, or remove the data for a new start"
        ),
        None => bail!("no Postgres from {MIN_MAJOR} on can be found, though it was installed"),
    }
}

/// The major version and directory of each Postgres on this machine that is new enough.
async fn installed() -> Vec<(u32, PathBuf)> {
    let mut directories: Vec<PathBuf> = find_program("initdb", &[]).into_iter().collect();
    for (parent, programs) in [
        ("/usr/lib/postgresql", "bin/initdb"),
        ("/opt/homebrew/opt", "bin/initdb"),
        ("/usr/local/opt", "bin/initdb"),
    ] {
        let entries = fs::read_dir(parent).into_iter().flatten().flatten();
        directories.extend(entries.map(|entry| entry.path().join(programs)));
    }
    let mut found = Vec::new();
    // The programs find each other by their real places.
    for initdb in directories.iter().filter_map(|path| fs::canonicalize(path).ok()) {
        let version = answer(Command::new(initdb.with_file_name("postgres")).arg("--version")).await;
        let major = version.as_deref().and_then(major);
        if let (Some(major), Some(directory)) = (major.filter(|major| *major >= MIN_MAJOR), initdb.parent()) {
            found.push((major, directory.to_owned()));
        }
    }
    found
}

/// The major version in `postgres (PostgreSQL) 15.18 (Debian 15.18-0+deb12u1)`.
fn major(version: &str) -> Option<u32> {
    let number = version.strip_prefix("postgres (PostgreSQL) ")?;
    number.split(|c: char| !c.is_ascii_digit()).next()?.parse().ok()
}

fn data_version(data: &Path) -> Option<u32> {
    fs::read_to_string(data.join("PG_VERSION")).ok()?.trim().parse().ok()
}

/// Makes the data beside its place and then moves it there, so that an interrupted start leaves no half of it.
async fn create_data(programs: &Path, data: &Path, user: Option<&User>, keep: Keep) -> Result<()> {
    let step = Step::begin("Postgres", format_args!("creating {}", data.display()));
    let unfinished = data.with_extension("unfinished");
    if unfinished.exists() {
        fs::remove_dir_all(&unfinished).with_context(|| format!("can't remove {}", unfinished.display()))?;
    }
    fs::create_dir_all(&unfinished).with_context(|| format!("can't create {}", unfinished.display()))?;
    if let Some(user) = user {
        chown(&unfinished, Some(user.uid), Some(user.gid))
            .with_context(|| format!("can't hand {} to another user", unfinished.display()))?;
    }
    let mut initdb = as_user(&programs.join("initdb"), user, &unfinished);
    initdb.arg("-D").arg(&unfinished);
    initdb.args(["--username=postgres", "--auth=trust", "--locale=C", "--encoding=UTF8"]);
    if keep == Keep::Nothing {
        initdb.arg("--no-sync");
    }
    run_quietly(&step, &mut initdb).await?;
    fs::rename(&unfinished, data).with_context(|| format!("can't create {}", data.display()))?;
    step.done("created");
    Ok(())
}

fn as_user(program: &Path, user: Option<&User>, directory: &Path) -> Command {
    let mut command = Command::new(program);
    command.current_dir(directory).env_remove("PGDATA").env("LC_ALL", "C");
    if let Some(user) = user {
        command.uid(user.uid).gid(user.gid);
    }
    command
}

/// Whom Postgres runs as when we are root: `postgres` where its package made that user.
fn unprivileged_user() -> Result<Option<User>> {
    if !is_root() {
        return Ok(None);
    }
    let accounts = fs::read_to_string("/etc/passwd").context("/etc/passwd can't be read")?;
    let user = ["postgres", "nobody"].into_iter().find_map(|name| account(&accounts, name));
    user.map(Some)
        .context("Postgres may not run as root, and there is neither a user `postgres` nor `nobody`")
}

fn is_root() -> bool {
    rustix::process::geteuid().is_root()
}

fn account(accounts: &str, name: &str) -> Option<User> {
    accounts.lines().find_map(|line| {
        let [found, _, uid, gid, ..] = line.split(':').collect::<Vec<_>>()[..] else { return None };
        (found == name).then_some(User { uid: uid.parse().ok()?, gid: gid.parse().ok()? })
    })
}

/// Where the data lies: in the checkout, unless Postgres's user can't get there (below `/root`, say).
fn data_directory(state: &State) -> Result<PathBuf> {
    if !is_root() || is_open_to_all(&state.directory) {
        return Ok(state.directory.join(NAME));
    }
    let checkout = project::root().to_string_lossy().trim_matches('/').replace('/', "-");
    let run = state.directory.file_name().unwrap_or_default();
    let directory = Path::new("/var/tmp").join(format!("order-service-{checkout}")).join(run);
    fs::create_dir_all(&directory).with_context(|| format!("can't create {}", directory.display()))?;
    let owner = fs::symlink_metadata(directory.parent().unwrap_or(&directory))?;
    ensure!(owner.is_dir() && owner.uid() == 0, "{} belongs to someone else", directory.display());
    ensure!(is_open_to_all(&directory), "{} can't be reached by Postgres's user", directory.display());
    Ok(directory.join(NAME))
}

/// Whether every user may pass through all of the path.
fn is_open_to_all(directory: &Path) -> bool {
    directory.ancestors().all(|part| fs::metadata(part).is_ok_and(|metadata| metadata.mode() & 0o001 != 0))
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt as _;

    use super::*;

    #[test]
    fn the_major_version_is_read_from_what_postgres_says() {
        assert_eq!(major("postgres (PostgreSQL) 15.18 (Debian 15.18-0+deb12u1)"), Some(15));
        assert_eq!(major("postgres (PostgreSQL) 17beta1"), Some(17));
        assert_eq!(major("bash: postgres: command not found"), None);
    }

    #[test]
    fn accounts_are_found_by_their_whole_name() {
        let accounts =
            "root:x:0:0::/root:/bin/sh\npostgres-x:x:1:1::/:/bin/sh\npostgres:x:101:104:,,,:/var:/bin/bash\n";
        let user = account(accounts, "postgres").unwrap();
        assert_eq!((user.uid, user.gid), (101, 104));
        assert!(account(accounts, "nobody").is_none());
    }

    #[test]
    fn a_closed_directory_above_closes_what_is_below() {
        let top = tempfile::tempdir_in("/tmp").unwrap();
        let below = top.path().join("below");
        fs::create_dir(&below).unwrap();
        fs::set_permissions(top.path(), fs::Permissions::from_mode(0o700)).unwrap();
        assert!(!is_open_to_all(&below));
        fs::set_permissions(top.path(), fs::Permissions::from_mode(0o711)).unwrap();
        assert!(is_open_to_all(&below));
    }

    #[test]
    fn only_data_that_is_thrown_away_is_written_carelessly() {
        assert!(settings(1, Keep::Nothing).contains(&"fsync=off".to_owned()));
        assert!(!settings(1, Keep::Data).contains(&"fsync=off".to_owned()));
    }
}
