//! How a client reaches the running PostgreSQL, and a handshake that tells whether it answers.

use std::io::{self, Read, Write};
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::time::Duration;

use serde::{Deserialize, Serialize};

/// The name of the database and of its user.
pub(crate) const NAME: &str = "refero";

/// The port only names the socket's file; nothing listens on the network.
pub(crate) const PORT: u16 = 5432;

/// What a client needs to connect.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Connection {
    /// The folder of the unix socket.
    pub socket_dir: PathBuf,
    /// The port, which is part of the socket's file name.
    pub port: u16,
    /// The database user.
    pub user: String,
    /// The database.
    pub database: String,
}

impl Connection {
    /// The connection to the database in `socket_dir`.
    pub(crate) fn at(socket_dir: PathBuf) -> Connection {
        Connection { socket_dir, port: PORT, user: NAME.to_owned(), database: NAME.to_owned() }
    }

    /// The address as a URL, the folder percent-encoded in the place of the host:
    /// `postgres://refero@%2Fvar%2Flib%2Frefero%2Frun:5432/refero`.
    pub fn url(&self) -> String {
        let host = encoded(self.socket_dir.as_os_str().as_encoded_bytes());
        let (user, database) = (encoded(self.user.as_bytes()), encoded(self.database.as_bytes()));
        format!("postgres://{user}@{host}:{}/{database}", self.port)
    }

    /// The socket's file.
    pub(crate) fn socket(&self) -> PathBuf {
        socket_in(&self.socket_dir)
    }

    /// Whether a client can connect now.
    pub(crate) fn probe(&self) -> Probe {
        self.handshake().unwrap_or_else(|error| Probe::Silent(error.to_string()))
    }

    /// Starts a session as a client does and ends it again (PostgreSQL documentation, "Message Flow").
    fn handshake(&self) -> io::Result<Probe> {
        let mut stream = UnixStream::connect(self.socket())?;
        stream.set_read_timeout(Some(Duration::from_secs(5)))?;
        stream.set_write_timeout(Some(Duration::from_secs(5)))?;
        stream.write_all(&startup_message(&self.user, &self.database))?;
        loop {
            let (kind, body) = read_message(&mut stream)?;
            match kind {
                b'Z' => {
                    // A farewell, so that the server does not log a lost client.
                    stream.write_all(&[b'X', 0, 0, 0, 4])?;
                    return Ok(Probe::Ready);
                }
                b'E' => return Ok(refusal(&body)),
                _ => {}
            }
        }
    }
}

/// What a handshake met.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Probe {
    /// A session was opened.
    Ready,
    /// PostgreSQL is there but does not take sessions now: starting, recovering, stopping, or full.
    Busy(String),
    /// PostgreSQL does not admit this user or has no such database.
    Refused(String),
    /// Nobody answers.
    Silent(String),
}

pub(crate) fn socket_in(folder: &Path) -> PathBuf {
    folder.join(format!(".s.PGSQL.{PORT}"))
}

fn startup_message(user: &str, database: &str) -> Vec<u8> {
    const PROTOCOL: [u8; 4] = [0, 3, 0, 0];
    let mut body = PROTOCOL.to_vec();
    for text in ["user", user, "database", database, ""] {
        body.extend_from_slice(text.as_bytes());
        body.push(0);
    }
    let length = u32::try_from(body.len() + 4).expect("names are short");
    [&length.to_be_bytes()[..], &body].concat()
}

fn read_message(stream: &mut UnixStream) -> io::Result<(u8, Vec<u8>)> {
    let mut head = [0; 5];
    stream.read_exact(&mut head)?;
    let length = u32::from_be_bytes([head[1], head[2], head[3], head[4]]) as usize;
    if !(4..1 << 20).contains(&length) {
        return Err(io::Error::other("the answer is not PostgreSQL's"));
    }
    let mut body = vec![0; length - 4];
    stream.read_exact(&mut body)?;
    Ok((head[0], body))
}

/// Reads an error message, whose fields are a letter and a text each, by its SQLSTATE.
fn refusal(body: &[u8]) -> Probe {
    let field = |letter: u8| {
        let text = body.split(|byte| *byte == 0).find(|field| field.first() == Some(&letter))?;
        Some(String::from_utf8_lossy(&text[1..]).into_owned())
    };
    let message = field(b'M').unwrap_or_default();
    match field(b'C').unwrap_or_default().as_str() {
        // 28: not admitted; 3D000: no such database. All others (57P03, 53300, ...) pass with time.
        code if code.starts_with("28") || code == "3D000" => Probe::Refused(message),
        _ => Probe::Busy(message),
    }
}

fn encoded(bytes: &[u8]) -> String {
    let mut text = String::new();
    for byte in bytes {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' => {
                text.push(char::from(*byte))
            }
            other => text.push_str(&format!("%{other:02X}")),
        }
    }
    text
}
