//! As much of a database client as the tests need (PostgreSQL documentation, "Message Flow").

use std::io::{Read, Write};
use std::os::unix::net::UnixStream;

use embedded_postgres::Connection;

/// Runs one statement in a session of its own; rows are joined by newlines, columns by `|`.
pub(crate) fn query(connection: &Connection, sql: &str) -> Result<String, String> {
    run(connection, sql).unwrap_or_else(|error| Err(error.to_string()))
}

fn run(connection: &Connection, sql: &str) -> std::io::Result<Result<String, String>> {
    let mut stream =
        UnixStream::connect(connection.socket_dir.join(format!(".s.PGSQL.{}", connection.port)))?;
    let startup = format!("\0\x03\0\0user\0{}\0database\0{}\0\0", connection.user, connection.database);
    send(&mut stream, None, startup.as_bytes())?;
    send(&mut stream, Some(b'Q'), format!("{sql}\0").as_bytes())?;
    let (mut rows, mut greeted) = (Vec::new(), false);
    loop {
        let (kind, body) = receive(&mut stream)?;
        match kind {
            b'D' => rows.push(row(&body)),
            b'E' => return Ok(Err(String::from_utf8_lossy(&body).replace('\0', " "))),
            b'Z' if greeted => return Ok(Ok(rows.join("\n"))),
            b'Z' => greeted = true,
            _ => {}
        }
    }
}

fn send(stream: &mut UnixStream, kind: Option<u8>, body: &[u8]) -> std::io::Result<()> {
    let mut message: Vec<u8> = kind.into_iter().collect();
    message.extend_from_slice(&u32::try_from(body.len() + 4).unwrap().to_be_bytes());
    message.extend_from_slice(body);
    stream.write_all(&message)
}

fn receive(stream: &mut UnixStream) -> std::io::Result<(u8, Vec<u8>)> {
    let mut head = [0; 5];
    stream.read_exact(&mut head)?;
    let length = u32::from_be_bytes(head[1..].try_into().unwrap());
    let mut body = vec![0; length as usize - 4];
    stream.read_exact(&mut body)?;
    Ok((head[0], body))
}

fn row(body: &[u8]) -> String {
    let (mut columns, mut rest) = (Vec::new(), &body[2..]);
    while let Some((length, after)) = rest.split_first_chunk::<4>() {
        let length = usize::try_from(i32::from_be_bytes(*length)).unwrap_or(0);
        columns.push(String::from_utf8_lossy(&after[..length]).into_owned());
        rest = &after[length..];
    }
    columns.join("|")
}
