//! A web server for tests of what is fetched: a real listener on a free port of the loopback that answers every request
//! as it is told to, well or badly.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex};

use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinHandle;

/// What the server does with a request.
#[derive(Clone, Debug)]
pub enum Reply {
    /// Answers 200 with a file.
    File(Vec<u8>),
    /// Answers with another status, and with where to go instead if something is said of that.
    Status(u16, Option<String>),
    /// Takes the request and says nothing.
    Silence,
    /// Begins a file that never ends.
    Endless,
    /// Closes the connection in the middle of a file.
    CutOff,
}

/// A running server. It stops when it is dropped.
pub struct FileServer {
    address: SocketAddr,
    shared: Arc<Shared>,
    task: JoinHandle<()>,
}

struct Shared {
    reply: Mutex<Reply>,
    requests: Mutex<Vec<String>>,
}

impl FileServer {
    /// Starts a server.
    pub async fn start(reply: Reply) -> FileServer {
        let listener = TcpListener::bind(("127.0.0.1", 0)).await.expect("the loopback has a free port");
        let address = listener.local_addr().expect("a bound socket has an address");
        let shared = Arc::new(Shared { reply: Mutex::new(reply), requests: Mutex::default() });
        let task = tokio::spawn(accept(listener, Arc::clone(&shared)));
        FileServer { address, shared, task }
    }

    /// The address of a file: `http://127.0.0.1:PORT/rates.xml`.
    pub fn url(&self) -> String {
        format!("http://{}/rates.xml?of=today", self.address)
    }

    /// What it does from now on.
    pub fn reply(&self, reply: Reply) {
        *self.shared.reply.lock().expect("nothing panics while it holds this") = reply;
    }

    /// The requests so far, each with its headers.
    pub fn requests(&self) -> Vec<String> {
        self.shared.requests.lock().expect("nothing panics while it holds this").clone()
    }
}

impl Drop for FileServer {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn accept(listener: TcpListener, shared: Arc<Shared>) {
    while let Ok((stream, _)) = listener.accept().await {
        let shared = Arc::clone(&shared);
        tokio::spawn(async move {
            // A client that goes away in between is what some tests are about.
            let _ = serve(stream, &shared).await;
        });
    }
}

async fn serve(stream: TcpStream, shared: &Shared) -> std::io::Result<()> {
    let mut stream = BufReader::new(stream);
    let mut request = String::new();
    while !request.ends_with("\r\n\r\n") {
        if stream.read_line(&mut request).await? == 0 {
            return Ok(());
        }
    }
    shared.requests.lock().expect("nothing panics while it holds this").push(request);
    let reply = shared.reply.lock().expect("nothing panics while it holds this").clone();
    match reply {
        Reply::File(file) => {
            let head =
                format!("HTTP/1.1 200 OK\r\ncontent-length: {}\r\nconnection: close\r\n\r\n", file.len());
            stream.write_all(head.as_bytes()).await?;
            stream.write_all(&file).await
        }
        Reply::Status(status, location) => {
            let location = location.map(|location| format!("location: {location}\r\n")).unwrap_or_default();
            let head =
                format!("HTTP/1.1 {status} Said\r\n{location}content-length: 0\r\nconnection: close\r\n\r\n");
            stream.write_all(head.as_bytes()).await
        }
        Reply::Silence => std::future::pending().await,
        Reply::Endless => {
            stream.write_all(b"HTTP/1.1 200 OK\r\nconnection: close\r\n\r\n").await?;
            loop {
                stream.write_all(&[b'x'; 4096]).await?;
            }
        }
        Reply::CutOff => {
            stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 1000\r\n\r\nDate,USD,\n").await?;
            stream.shutdown().await
        }
    }
}
