//! A wire between the product and PostgreSQL that is cut after a number of statements: before the statement that is counted
//! down to is heard, or after it was, so that nobody knows what came of it. That is a crash between any two steps.

use std::str::FromStr;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use sqlx::postgres::PgConnectOptions;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream, UnixStream};
use tokio::sync::watch;
use tokio::task::JoinHandle;

/// No statement is counted.
const NEVER: i64 = i64::MAX;

/// Where the wire is cut.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Cut {
    /// At this statement, from 1.
    pub(crate) statement: i64,
    /// Whether the database still hears it.
    pub(crate) is_heard: bool,
}

/// A wire. It is cut for good when it is dropped.
pub(crate) struct Wire {
    url: String,
    shared: Arc<Shared>,
    task: JoinHandle<()>,
}

struct Shared {
    left: AtomicI64,
    is_heard: AtomicI64,
    is_cut: watch::Sender<bool>,
    server: PgConnectOptions,
}

impl Wire {
    /// Lays a wire to a database.
    pub(crate) async fn lay(url: &str) -> Wire {
        let server = PgConnectOptions::from_str(url).expect("the address of the test database");
        let listener = TcpListener::bind(("127.0.0.1", 0)).await.expect("the loopback has a free port");
        let port = listener.local_addr().expect("a bound socket has an address").port();
        let (user, database) = (server.get_username(), server.get_database().unwrap_or_default());
        let url = format!("postgres://{user}@127.0.0.1:{port}/{database}?sslmode=disable");
        let shared = Arc::new(Shared {
            left: AtomicI64::new(NEVER),
            is_heard: AtomicI64::new(0),
            is_cut: watch::Sender::new(false),
            server,
        });
        let task = tokio::spawn(accept(listener, Arc::clone(&shared)));
        Wire { url, shared, task }
    }

    /// The address of its near end.
    pub(crate) fn url(&self) -> &str {
        &self.url
    }

    /// Counts statements from now on.
    pub(crate) fn arm(&self, cut: Cut) {
        self.shared.is_heard.store(cut.is_heard.into(), Ordering::SeqCst);
        self.shared.left.store(cut.statement, Ordering::SeqCst);
    }

    /// Counts no longer; says whether it was cut. Where the statement has been counted, the cut follows and is waited for.
    pub(crate) async fn disarm(&self) -> bool {
        let is_counted = self.shared.left.swap(NEVER, Ordering::SeqCst) <= 0;
        if is_counted {
            self.wait_until_cut().await;
        }
        is_counted
    }

    /// Waits until it is cut.
    pub(crate) async fn wait_until_cut(&self) {
        // The sender lives as long as the wire.
        let _ = self.shared.is_cut.subscribe().wait_for(|is_cut| *is_cut).await;
    }
}

impl Drop for Wire {
    fn drop(&mut self) {
        self.shared.is_cut.send_replace(true);
        self.task.abort();
    }
}

async fn accept(listener: TcpListener, shared: Arc<Shared>) {
    let mut is_cut = shared.is_cut.subscribe();
    loop {
        let client = tokio::select! {
            _ = is_cut.wait_for(|is_cut| *is_cut) => return,
            client = listener.accept() => client,
        };
        let Ok((client, _)) = client else { return };
        let shared = Arc::clone(&shared);
        tokio::spawn(async move {
            let mut is_cut = shared.is_cut.subscribe();
            tokio::select! {
                _ = is_cut.wait_for(|is_cut| *is_cut) => {}
                _ = connect(client, &shared) => {}
            }
        });
    }
}

async fn connect(client: TcpStream, shared: &Shared) -> std::io::Result<()> {
    client.set_nodelay(true)?;
    let (from_client, to_client) = client.into_split();
    match shared.server.get_socket() {
        Some(folder) => {
            let file = folder.join(format!(".s.PGSQL.{}", shared.server.get_port()));
            let (from_server, to_server) = UnixStream::connect(file).await?.into_split();
            join(from_client, to_server, from_server, to_client, shared).await
        }
        None => {
            let address = (shared.server.get_host().to_owned(), shared.server.get_port());
            let (from_server, to_server) = TcpStream::connect(address).await?.into_split();
            join(from_client, to_server, from_server, to_client, shared).await
        }
    }
}

async fn join(
    from_client: impl AsyncRead + Unpin,
    to_server: impl AsyncWrite + Unpin,
    mut from_server: impl AsyncRead + Unpin,
    mut to_client: impl AsyncWrite + Unpin,
    shared: &Shared,
) -> std::io::Result<()> {
    tokio::select! {
        up = forward(from_client, to_server, shared) => up,
        down = tokio::io::copy(&mut from_server, &mut to_client) => down.map(|_| ()),
    }
}

/// Passes on what the client says, message by message (PostgreSQL documentation, "Message Formats"). A statement ends
/// with a Sync, or is a simple query.
async fn forward(
    mut client: impl AsyncRead + Unpin,
    mut server: impl AsyncWrite + Unpin,
    shared: &Shared,
) -> std::io::Result<()> {
    let startup = client.read_i32().await?;
    let mut body = vec![0; startup.unsigned_abs().saturating_sub(4) as usize];
    client.read_exact(&mut body).await?;
    server.write_i32(startup).await?;
    server.write_all(&body).await?;
    loop {
        let kind = client.read_u8().await?;
        let length = client.read_i32().await?;
        let mut message = vec![0; length.unsigned_abs() as usize + 1];
        message[0] = kind;
        message[1..5].copy_from_slice(&length.to_be_bytes());
        client.read_exact(&mut message[5..]).await?;
        let is_last = matches!(kind, b'S' | b'Q') && count(shared);
        if is_last && shared.is_heard.load(Ordering::SeqCst) == 0 {
            shared.is_cut.send_replace(true);
            return Ok(());
        }
        let written = server.write_all(&message).await;
        if is_last {
            shared.is_cut.send_replace(true);
        }
        written?;
        if is_last {
            return Ok(());
        }
    }
}

/// Counts a statement; says whether it is the one to cut at.
fn count(shared: &Shared) -> bool {
    shared.left.load(Ordering::SeqCst) != NEVER && shared.left.fetch_sub(1, Ordering::SeqCst) == 1
}
