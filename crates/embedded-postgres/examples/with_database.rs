//! `with_database FOLDER -- COMMAND ...` runs a command with `DATABASE_URL` naming a new database in which every
//! `.sql` file of the folder has been run, in the order of their names, and exits as the command does.
//!
//! It exists because the crate that holds the schema compiles only when its statements have been checked against a
//! database that has it (scripts/renew-sql). What must not be here: anything of that crate.

#[path = "environment/cargo.rs"]
mod environment;

use std::error::Error;
use std::fs;
use std::io::{Read, Write};
use std::os::unix::fs::PermissionsExt as _;
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode};

use embedded_postgres::{Access, Connection, Options};

/// What a database of a minute loses in a power cut is of no value.
const SETTINGS: [(&str, &str); 2] = [("fsync", "off"), ("full_page_writes", "off")];

fn main() -> Result<ExitCode, Box<dyn Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let words: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let [folder, "--", program, arguments @ ..] = words.as_slice() else {
        eprintln!("usage: with_database FOLDER -- COMMAND [ARGUMENT ...]");
        return Ok(ExitCode::from(2));
    };
    let temporary = Temporary::new()?;
    let mut options = Options::new(temporary.0.join("data"));
    options.settings = SETTINGS.map(|(name, value)| (name.to_owned(), value.to_owned())).to_vec();
    let access = embedded_postgres::open(&options)?;
    let mut files: Vec<PathBuf> =
        fs::read_dir(folder)?.map(|file| Ok(file?.path())).collect::<std::io::Result<_>>()?;
    files.retain(|file| file.extension().is_some_and(|extension| extension == "sql"));
    files.sort();
    for file in files {
        run(access.connection(), &fs::read_to_string(&file)?)
            .map_err(|error| format!("{}: {error}", file.display()))?;
    }
    let mut command = Command::new(program);
    command.args(arguments).env("DATABASE_URL", access.connection().url());
    environment::forget_package(&mut command);
    let status = command.status();
    if let Access::Owner(server) = access {
        server.stop()?;
    }
    let code = status?.code().and_then(|code| u8::try_from(code).ok());
    Ok(code.map_or(ExitCode::FAILURE, ExitCode::from))
}

/// Runs statements in a session of their own (PostgreSQL documentation, "Message Flow").
fn run(connection: &Connection, statements: &str) -> Result<(), Box<dyn Error>> {
    let socket = connection.socket_dir.join(format!(".s.PGSQL.{}", connection.port));
    let mut stream = UnixStream::connect(socket)?;
    let startup = format!("\0\x03\0\0user\0{}\0database\0{}\0\0", connection.user, connection.database);
    send(&mut stream, None, startup.as_bytes())?;
    wait_until_ready(&mut stream)?;
    send(&mut stream, Some(b'Q'), format!("{statements}\0").as_bytes())?;
    wait_until_ready(&mut stream)?;
    Ok(send(&mut stream, Some(b'X'), &[])?)
}

fn send(stream: &mut UnixStream, kind: Option<u8>, body: &[u8]) -> std::io::Result<()> {
    let mut message: Vec<u8> = kind.into_iter().collect();
    let length = u32::try_from(body.len() + 4).map_err(std::io::Error::other)?;
    message.extend_from_slice(&length.to_be_bytes());
    message.extend_from_slice(body);
    stream.write_all(&message)
}

fn wait_until_ready(stream: &mut UnixStream) -> Result<(), Box<dyn Error>> {
    loop {
        let mut head = [0; 5];
        stream.read_exact(&mut head)?;
        let length = u32::from_be_bytes([head[1], head[2], head[3], head[4]]) as usize;
        let mut body = vec![0; length.saturating_sub(4)];
        stream.read_exact(&mut body)?;
        match head[0] {
            b'E' => return Err(String::from_utf8_lossy(&body).replace('\0', " ").into()),
            b'Z' => return Ok(()),
            _ => {}
        }
    }
}

/// A folder that goes with this value, open to the user PostgreSQL runs as.
struct Temporary(PathBuf);

impl Temporary {
    fn new() -> std::io::Result<Temporary> {
        let path: &Path = &std::env::temp_dir().join(format!("refero-sql-{}", std::process::id()));
        fs::create_dir(path)?;
        fs::set_permissions(path, fs::Permissions::from_mode(0o755))?;
        Ok(Temporary(path.to_owned()))
    }
}

impl Drop for Temporary {
    fn drop(&mut self) {
        if let Err(error) = fs::remove_dir_all(&self.0) {
            eprintln!("with_database: cannot remove {}: {error}", self.0.display());
        }
    }
}
