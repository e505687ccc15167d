//! The database folder `DIR/postgres-MAJOR/`: recognising, making and configuring it.
//!
//! Our configuration files lie beside it, in the data folder: as root we never write into a folder that
//! belongs to another user.

use std::fs::{self, File};
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use crate::binaries::{Binaries, children};
use crate::connection::{NAME, PORT};
use crate::error::{During, Error};
use crate::folder::{Folder, private_folder};
use crate::spawn;
use crate::user::{User, name_of};

const SETTINGS: &str = "postgresql.conf";
const ADMITTED: &str = "pg_hba.conf";
const NAMES: &str = "pg_ident.conf";

/// The database folder in a data folder and its major version; the newest, should there be several.
pub(crate) fn existing(dir: &Path) -> Result<Option<(PathBuf, u32)>, Error> {
    let numbered = |path: PathBuf| {
        let major: u32 = path.file_name()?.to_str()?.strip_prefix("postgres-")?.parse().ok()?;
        Some((path, major))
    };
    let newest = children(dir, "postgres-").into_iter().filter_map(numbered).max_by_key(|(_, major)| *major);
    let Some((data, named)) = newest else { return Ok(None) };
    let file = data.join("PG_VERSION");
    let found = match fs::read_to_string(&file) {
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => String::new(),
        result => result.during("read", &file)?.trim().to_owned(),
    };
    if found != named.to_string() {
        return Err(Error::BadData { data, named, found });
    }
    Ok(Some((data, named)))
}

/// Makes the database folder with the database in it. It appears under its name only when it is complete.
pub(crate) fn create(
    folder: &Folder,
    binaries: &Binaries,
    settings: &[(String, String)],
) -> Result<PathBuf, Error> {
    let name = format!("postgres-{}", binaries.major);
    let data = folder.path.join(&name);
    for left_over in children(&folder.path, "postgres-") {
        if left_over.to_string_lossy().contains(".new-") {
            let _ = fs::remove_dir_all(left_over);
        }
    }
    let new = folder.path.join(format!("{name}.new-{}", std::process::id()));
    private_folder(&new, &folder.user)?;
    let made =
        initdb(&new, folder, binaries, settings).and_then(|()| create_database(&new, folder, binaries));
    if let Err(error) = made {
        let _ = fs::remove_dir_all(&new);
        return Err(error);
    }
    fs::rename(&new, &data).during("create", &data)?;
    File::open(&folder.path).and_then(|dir| dir.sync_all()).during("write", &folder.path)?;
    Ok(data)
}

fn initdb(
    new: &Path,
    folder: &Folder,
    binaries: &Binaries,
    settings: &[(String, String)],
) -> Result<(), Error> {
    let mut command = Command::new(binaries.initdb());
    spawn::prepare(&mut command, &folder.user);
    command.arg("--pgdata").arg(new).args(["--username", NAME, "--encoding=UTF8", "--locale=C"]);
    command.args(["--data-checksums", "--auth-local=peer", "--auth-host=reject", "--no-instructions"]);
    if settings.iter().any(|(name, value)| name == "fsync" && value == "off") {
        command.arg("--no-sync");
    }
    run(command, "initdb", "")
}

/// In single-user mode, because a new database folder has no other database to copy from over a connection
/// and needs no client here.
fn create_database(new: &Path, folder: &Folder, binaries: &Binaries) -> Result<(), Error> {
    let mut command = Command::new(binaries.postgres());
    spawn::prepare(&mut command, &folder.user);
    command.args(["--single", "-D"]).arg(new).args(["-c", "exit_on_error=on", "postgres"]);
    run(command, "postgres --single", &format!("create database {NAME};\n"))
}

fn run(mut command: Command, program: &str, input: &str) -> Result<(), Error> {
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let failed =
        |status: String, output: String| Error::Program { program: program.to_owned(), status, output };
    let output = (|| -> std::io::Result<Output> {
        let mut child = command.spawn()?;
        if let Some(mut stdin) = child.stdin.take() {
            // A program that ended early says why by itself.
            let _ = stdin.write_all(input.as_bytes());
        }
        child.wait_with_output()
    })();
    let output = output.map_err(|error| failed("it could not be run".to_owned(), error.to_string()))?;
    if output.status.success() {
        return Ok(());
    }
    let said =
        String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr);
    let lines: Vec<&str> = said.lines().filter(|line| !line.trim().is_empty()).collect();
    Err(failed(output.status.to_string(), lines[lines.len().saturating_sub(5)..].join("\n")))
}

/// Writes settings and admission. Done at each start; what a person sets by `ALTER SYSTEM` stays in force.
pub(crate) fn configure(folder: &Folder, settings: &[(String, String)]) -> Result<(), Error> {
    folder.write_file(SETTINGS, &settings_file(settings)?, 0o644)?;
    let admitted = "# Written at each start; changes here are lost.\nlocal all all peer map=owner\n";
    folder.write_file(ADMITTED, admitted, 0o644)?;
    let root = User::by_uid(0).map_or("root".to_owned(), |user| user.name);
    let mut names =
        "# Written at each start: root and the owner of the data folder are admitted.\n".to_owned();
    let owner = (folder.owner_uid != 0).then(|| name_of(folder.owner_uid));
    for name in [Some(root), owner].into_iter().flatten() {
        names.push_str(&format!("owner \"{name}\" \"{NAME}\"\n"));
    }
    folder.write_file(NAMES, &names, 0o644)
}

fn settings_file(settings: &[(String, String)]) -> Result<String, Error> {
    // Terse, because the details of an error quote the row, and rows hold personal data.
    let ours = [
        ("max_connections", "50"),
        ("shared_buffers", "128MB"),
        ("wal_compression", "on"),
        ("max_wal_size", "4GB"),
        ("log_error_verbosity", "terse"),
        ("log_line_prefix", ""),
    ];
    let mut text =
        "# Written at each start; changes here are lost. ALTER SYSTEM keeps a setting.\n".to_owned();
    for (name, value) in ours {
        text.push_str(&format!("{name} = '{value}'\n"));
    }
    for (name, value) in settings {
        let refuse = |reason| Error::BadSetting { name: name.clone(), value: value.clone(), reason };
        if name.is_empty() || !name.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"_.".contains(&byte))
        {
            return Err(refuse("a name has letters, digits, '_' and '.' only"));
        }
        if value.contains(char::is_control) {
            return Err(refuse("a value is one line of text"));
        }
        text.push_str(&format!("{name} = '{}'\n", value.replace('\\', "\\\\").replace('\'', "''")));
    }
    Ok(text)
}

/// The arguments `postgres` is started with. What they say cannot be overridden by a file or `ALTER SYSTEM`.
pub(crate) fn arguments(folder: &Folder, data: &Path, socket_dir: &Path) -> Vec<String> {
    let path = |path: &Path| path.to_str().expect("the data folder was checked to be text").to_owned();
    let file = |name: &str| path(&folder.path.join(name));
    // A list of quoted folders.
    let socket_dir = format!("\"{}\"", path(socket_dir).replace('"', "\"\""));
    let fixed = [
        ("config_file", file(SETTINGS)),
        ("hba_file", file(ADMITTED)),
        ("ident_file", file(NAMES)),
        ("listen_addresses", String::new()),
        ("unix_socket_directories", socket_dir),
        ("port", PORT.to_string()),
        ("log_destination", "stderr".to_owned()),
        ("logging_collector", "off".to_owned()),
    ];
    let fixed = fixed.into_iter().flat_map(|(name, value)| ["-c".to_owned(), format!("{name}={value}")]);
    ["-D".to_owned(), path(data)].into_iter().chain(fixed).collect()
}
