//! A mail server for tests: a real listener on a free port of the loopback that speaks SMTP, keeps what it is given,
//! and refuses what it is told to refuse.

mod message;

use std::collections::VecDeque;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader};
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Notify;
use tokio::task::JoinHandle;

pub use message::Message;

/// How long [`SmtpServer::wait_for`] waits.
const PATIENCE: Duration = Duration::from_secs(20);

/// A running mail server. It stops when it is dropped.
pub struct SmtpServer {
    address: SocketAddr,
    shared: Arc<Shared>,
    task: JoinHandle<()>,
}

#[derive(Default)]
struct Shared {
    state: Mutex<State>,
    arrived: Notify,
}

#[derive(Default)]
struct State {
    messages: Vec<Message>,
    refusals: VecDeque<String>,
    login: Option<(String, String)>,
    connections: usize,
}

impl Shared {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().expect("nothing panics while it holds this")
    }
}

impl SmtpServer {
    /// Starts a server that takes every mail.
    pub async fn start() -> SmtpServer {
        let listener = TcpListener::bind(("127.0.0.1", 0)).await.expect("the loopback has a free port");
        let address = listener.local_addr().expect("a bound socket has an address");
        let shared = Arc::new(Shared::default());
        let task = tokio::spawn(accept(listener, Arc::clone(&shared)));
        SmtpServer { address, shared, task }
    }

    /// Where it listens, as a mailer's settings say it: `smtp://127.0.0.1:PORT`.
    pub fn url(&self) -> String {
        match &self.shared.state().login {
            Some((user, password)) => format!("smtp://{user}:{password}@{}", self.address),
            None => format!("smtp://{}", self.address),
        }
    }

    /// From now on takes mails only from whoever signs in, and says so in [`SmtpServer::url`].
    pub fn require_login(&self, user: &str, password: &str) {
        self.shared.state().login = Some((user.to_owned(), password.to_owned()));
    }

    /// Answers the next `count` recipients with a reply such as `550 5.1.1 no such user`.
    pub fn refuse_recipients(&self, count: usize, reply: &str) {
        self.shared.state().refusals.extend(std::iter::repeat_n(reply.to_owned(), count));
    }

    /// The mails taken so far.
    pub fn messages(&self) -> Vec<Message> {
        self.shared.state().messages.clone()
    }

    /// How many connections were made so far.
    pub fn connections(&self) -> usize {
        self.shared.state().connections
    }

    /// Waits until so many mails were taken.
    pub async fn wait_for(&self, count: usize) -> Vec<Message> {
        let enough = async {
            loop {
                let arrived = self.shared.arrived.notified();
                let messages = self.messages();
                if messages.len() >= count {
                    return messages;
                }
                arrived.await;
            }
        };
        let messages = tokio::time::timeout(PATIENCE, enough).await;
        messages.unwrap_or_else(|_| panic!("{count} mails did not come, but {}", self.messages().len()))
    }

    /// Stops listening; its address stays free of servers for a while.
    pub async fn stop(mut self) {
        self.task.abort();
        // A task that was told to end ends with an error that says so.
        assert!((&mut self.task).await.is_err(), "the server listens until it is stopped");
    }
}

impl Drop for SmtpServer {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn accept(listener: TcpListener, shared: Arc<Shared>) {
    loop {
        let (stream, _) = listener.accept().await.expect("the listener accepts");
        shared.state().connections += 1;
        let shared = Arc::clone(&shared);
        // A client that goes away in the middle ends its session and nothing else.
        tokio::spawn(async move { drop(Session::new(stream, shared).run().await) });
    }
}

/// One connection, RFC 5321.
struct Session {
    reader: BufReader<OwnedReadHalf>,
    writer: OwnedWriteHalf,
    shared: Arc<Shared>,
    is_let_in: bool,
    from: Option<String>,
    to: Vec<String>,
}

impl Session {
    fn new(stream: TcpStream, shared: Arc<Shared>) -> Session {
        let (reader, writer) = stream.into_split();
        let is_let_in = shared.state().login.is_none();
        Session { reader: BufReader::new(reader), writer, shared, is_let_in, from: None, to: Vec::new() }
    }

    async fn run(mut self) -> std::io::Result<()> {
        self.reply("220 localhost ESMTP testkit").await?;
        let mut line = String::new();
        loop {
            line.clear();
            if self.reader.read_line(&mut line).await? == 0 {
                return Ok(());
            }
            let command = line.trim_end();
            let (verb, rest) = command.split_once(' ').unwrap_or((command, ""));
            let reply = match verb.to_ascii_uppercase().as_str() {
                "QUIT" => return self.reply("221 bye").await,
                "DATA" if !self.to.is_empty() => self.data().await?,
                verb => self.answer(verb, rest),
            };
            self.reply(&reply).await?;
        }
    }

    fn answer(&mut self, verb: &str, rest: &str) -> String {
        match verb {
            "EHLO" => "250-localhost\r\n250-8BITMIME\r\n250 AUTH PLAIN".to_owned(),
            "HELO" => "250 localhost".to_owned(),
            "NOOP" => "250 ok".to_owned(),
            "RSET" => {
                self.reset();
                "250 ok".to_owned()
            }
            "AUTH" => self.sign_in(rest),
            _ if !self.is_let_in => "530 5.7.0 sign in first".to_owned(),
            "MAIL" => match path(rest, "FROM:") {
                Some(from) => {
                    self.reset();
                    self.from = Some(from);
                    "250 ok".to_owned()
                }
                None => "501 MAIL FROM:<address>".to_owned(),
            },
            "RCPT" => self.recipient(rest),
            "DATA" => "503 RCPT comes first".to_owned(),
            _ => "500 unknown command".to_owned(),
        }
    }

    fn sign_in(&mut self, rest: &str) -> String {
        let given = rest.strip_prefix("PLAIN ").and_then(message::base64);
        let Some(given) = given else { return "504 AUTH PLAIN with an initial response".to_owned() };
        let is_right = match &self.shared.state().login {
            Some((user, password)) => given == format!("\0{user}\0{password}").into_bytes(),
            None => true,
        };
        self.is_let_in |= is_right;
        if is_right { "235 welcome" } else { "535 5.7.8 user or password is wrong" }.to_owned()
    }

    fn recipient(&mut self, rest: &str) -> String {
        if self.from.is_none() {
            return "503 MAIL comes first".to_owned();
        }
        let Some(to) = path(rest, "TO:") else { return "501 RCPT TO:<address>".to_owned() };
        match self.shared.state().refusals.pop_front() {
            Some(refusal) => refusal,
            None => {
                self.to.push(to);
                "250 ok".to_owned()
            }
        }
    }

    /// Reads a mail up to the line with a single dot, and takes away the dots that were put before others.
    async fn data(&mut self) -> std::io::Result<String> {
        self.reply("354 end with a line that has a single dot").await?;
        let mut raw = String::new();
        let mut line = String::new();
        loop {
            line.clear();
            if self.reader.read_line(&mut line).await? == 0 {
                return Err(std::io::ErrorKind::UnexpectedEof.into());
            }
            if line == ".\r\n" {
                break;
            }
            raw.push_str(line.strip_prefix('.').unwrap_or(&line));
        }
        let from = self.from.clone().unwrap_or_default();
        let message = Message::parse(from, std::mem::take(&mut self.to), raw);
        self.shared.state().messages.push(message);
        self.shared.arrived.notify_waiters();
        self.reset();
        Ok("250 taken".to_owned())
    }

    fn reset(&mut self) {
        self.from = None;
        self.to.clear();
    }

    async fn reply(&mut self, reply: &str) -> std::io::Result<()> {
        self.writer.write_all(format!("{reply}\r\n").as_bytes()).await
    }
}

/// The address in `FROM:<address> …`.
fn path(rest: &str, keyword: &str) -> Option<String> {
    let is_keyword = rest.get(..keyword.len())?.eq_ignore_ascii_case(keyword);
    let (address, _) = rest[keyword.len()..].trim_start().strip_prefix('<')?.split_once('>')?;
    is_keyword.then(|| address.to_owned())
}
