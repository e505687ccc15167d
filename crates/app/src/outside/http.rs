//! Requests by HTTP or HTTPS, without cookies, with a limit on size and time: a file is fetched in one request without
//! redirects; a postback is sent, and its answer's beginning kept. What is in them is not looked at here.

mod address;
mod reach;
#[cfg(test)]
mod redirects;

use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http_body_util::{BodyExt as _, Full, LengthLimitError, Limited};
use hyper::body::Incoming;
use hyper::header::{CONTENT_TYPE, HOST, LOCATION, USER_AGENT};
use hyper::{Method, Request, Response};
use hyper_util::rt::TokioIo;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::rustls::crypto::ring;
use tokio_rustls::rustls::pki_types::ServerName;
use tokio_rustls::rustls::{ClientConfig, RootCertStore};

use address::{Target, read};
pub use reach::Reach;

/// How often a redirect is followed.
const REDIRECTS: usize = 3;

/// How long it may take to reach the server.
const CONNECT: Duration = Duration::from_secs(10);

/// Why a file was not fetched. The text names no path, because addresses may hold secrets.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub enum HttpError {
    /// The address is none that can be fetched.
    #[error("{0}")]
    Address(String),
    /// The server is out of reach, or what it says is no HTTP.
    #[error("{host}: {message}")]
    Unreachable {
        /// Who was asked.
        host: String,
        /// What went wrong.
        message: String,
    },
    /// The server answered something other than 200.
    #[error("{host} answered {status}{hint}; expected 200 and the file")]
    Status {
        /// Who was asked.
        host: String,
        /// The status.
        status: u16,
        /// Where it sends to, if it does.
        hint: String,
    },
    /// The file is larger than allowed.
    #[error("{host} sent more than {limit} bytes")]
    TooLarge {
        /// Who was asked.
        host: String,
        /// Bytes at most.
        limit: usize,
    },
    /// The address leads into a network that is not the public one. Which it is, is not told: strangers would learn
    /// names of the operator's network.
    #[error(
        "{host} leads to what is not a public address; the operator has to allow such (--allow-private-postbacks)"
    )]
    Private {
        /// Who was asked.
        host: String,
        /// Where that is.
        address: std::net::IpAddr,
    },
    /// It took too long.
    #[error("{host} did not finish within {seconds} seconds")]
    TooSlow {
        /// Who was asked.
        host: String,
        /// Seconds at most.
        seconds: u64,
    },
}

trait Stream: AsyncRead + AsyncWrite + Send {}
impl<T: AsyncRead + AsyncWrite + Send> Stream for T {}

/// Fetches a file of at most `limit` bytes within a time.
pub async fn get(url: &str, limit: usize, patience: Duration) -> Result<Vec<u8>, HttpError> {
    let target = read(url).map_err(|error| match error {
        HttpError::Address(message) => HttpError::Address(format!(
            "{message}; expected an address such as https://www.example.com/rates.xml"
        )),
        error => error,
    })?;
    match tokio::time::timeout(patience, fetch(&target, limit)).await {
        Ok(result) => result,
        Err(_) => Err(HttpError::TooSlow { host: target.host, seconds: patience.as_secs() }),
    }
}

/// Refuses an address that no request could be sent to.
pub fn check(url: &str) -> Result<(), HttpError> {
    read(url).map(|_| ())
}

/// A request with a body that is text.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Outgoing<'a> {
    /// Where to.
    pub url: &'a str,
    /// The content type and the text; a request without is a GET, one with it a POST.
    pub body: Option<(&'static str, &'a str)>,
    /// Whom it may reach.
    pub reach: Reach,
}

/// What was answered.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Reply {
    /// The status.
    pub status: u16,
    /// The beginning of the answer.
    pub beginning: String,
}

/// Sends a request and keeps at most `limit` bytes of the answer, all within a time. Redirects of a GET are followed a few
/// times, each to where the request may reach.
pub async fn send(request: &Outgoing<'_>, limit: usize, patience: Duration) -> Result<Reply, HttpError> {
    let first = read(request.url)?;
    let host = first.host.clone();
    match tokio::time::timeout(patience, follow(first, request, limit)).await {
        Ok(answered) => answered,
        Err(_) => Err(HttpError::TooSlow { host, seconds: patience.as_secs() }),
    }
}

async fn follow(mut target: Target, request: &Outgoing<'_>, limit: usize) -> Result<Reply, HttpError> {
    for _ in 0..=REDIRECTS {
        let (reply, location) = ask(&target, request, limit).await?;
        let next = location.filter(|_| request.body.is_none() && (300..400).contains(&reply.status));
        let Some(next) = next else { return Ok(reply) };
        target = read(&target.absolute(&next))?;
    }
    Err(HttpError::Address(format!("{} sends on and on", target.host)))
}

async fn ask(
    target: &Target,
    outgoing: &Outgoing<'_>,
    limit: usize,
) -> Result<(Reply, Option<String>), HttpError> {
    let (method, content_type, body) = match outgoing.body {
        None => (Method::GET, None, ""),
        Some((content_type, body)) => (Method::POST, Some(content_type), body),
    };
    let request = request(target, method, content_type, body.to_owned().into())?;
    exchange(target, outgoing.reach, request, async |response| {
        let status = response.status().as_u16();
        let location = response.headers().get(LOCATION).and_then(|location| location.to_str().ok());
        let location = location.map(str::to_owned);
        let mut body = response.into_body();
        let mut bytes = Vec::new();
        // An answer that breaks off is an answer: its status came before.
        while bytes.len() < limit
            && let Some(Ok(frame)) = body.frame().await
        {
            bytes.extend_from_slice(frame.data_ref().map_or(&[][..], |data| data));
        }
        bytes.truncate(limit);
        Ok((Reply { status, beginning: String::from_utf8_lossy(&bytes).into_owned() }, location))
    })
    .await
}

async fn fetch(target: &Target, limit: usize) -> Result<Vec<u8>, HttpError> {
    let request = request(target, Method::GET, None, Bytes::new())?;
    exchange(target, Reach::Anyone, request, async |response| {
        let status = response.status().as_u16();
        if status != 200 {
            let location = response.headers().get(LOCATION).and_then(|location| location.to_str().ok());
            let hint = location.map(|location| format!(" and sends to {location:?}")).unwrap_or_default();
            return Err(HttpError::Status { host: target.host.clone(), status, hint });
        }
        match Limited::new(response.into_body(), limit).collect().await {
            Ok(body) => Ok(body.to_bytes().to_vec()),
            Err(error) if error.is::<LengthLimitError>() => {
                Err(HttpError::TooLarge { host: target.host.clone(), limit })
            }
            Err(error) => Err(target.unreachable(error)),
        }
    })
    .await
}

fn request(
    target: &Target,
    method: Method,
    content_type: Option<&str>,
    body: Bytes,
) -> Result<Request<Full<Bytes>>, HttpError> {
    let mut request = Request::builder()
        .method(method)
        .uri(target.uri.path_and_query().map_or("/", |path| path.as_str()))
        .header(HOST, target.uri.authority().map_or(target.host.as_str(), |authority| authority.as_str()))
        .header(USER_AGENT, concat!("refero/", env!("CARGO_PKG_VERSION")));
    if let Some(content_type) = content_type {
        request = request.header(CONTENT_TYPE, content_type);
    }
    request.body(Full::new(body)).map_err(|error| target.unreachable(error))
}

/// Sends a request on a connection of its own, and reads the answer.
async fn exchange<T>(
    target: &Target,
    reach: Reach,
    request: Request<Full<Bytes>>,
    read: impl AsyncFnOnce(Response<Incoming>) -> Result<T, HttpError>,
) -> Result<T, HttpError> {
    let stream = connect(target, reach).await?;
    let (mut sender, connection) = hyper::client::conn::http1::handshake(TokioIo::new(stream))
        .await
        .map_err(|error| target.unreachable(error))?;
    let receive = async {
        let response = sender.send_request(request).await.map_err(|error| target.unreachable(error))?;
        read(response).await
    };
    // The connection is driven here and ends with this call.
    let mut connection = std::pin::pin!(connection);
    let mut receive = std::pin::pin!(receive);
    tokio::select! {
        biased;
        received = &mut receive => received,
        // A server that closes behind its answer has said everything; what it said is still to be read.
        _ = &mut connection => receive.await,
    }
}

async fn connect(target: &Target, reach: Reach) -> Result<Pin<Box<dyn Stream>>, HttpError> {
    let connecting = async {
        // The addresses that were looked at are the ones that are called: a name may mean another one a moment later.
        let addresses = reach.addresses(&target.host, target.port).await?;
        TcpStream::connect(&addresses[..]).await.map_err(|error| target.unreachable(error))
    };
    let stream = match tokio::time::timeout(CONNECT, connecting).await {
        Ok(stream) => stream?,
        Err(_) => return Err(HttpError::TooSlow { host: target.host.clone(), seconds: CONNECT.as_secs() }),
    };
    if !target.is_secure {
        return Ok(Box::pin(stream));
    }
    let name = ServerName::try_from(target.host.clone()).map_err(|error| target.unreachable(error))?;
    let connector = TlsConnector::from(tls().map_err(|error| target.unreachable(error))?);
    let stream = connector.connect(name, stream).await.map_err(|error| target.unreachable(error))?;
    Ok(Box::pin(stream))
}

impl Target {
    fn unreachable(&self, error: impl std::fmt::Display) -> HttpError {
        HttpError::Unreachable { host: self.host.clone(), message: error.to_string() }
    }
}

fn tls() -> Result<Arc<ClientConfig>, tokio_rustls::rustls::Error> {
    let roots = RootCertStore { roots: webpki_roots::TLS_SERVER_ROOTS.to_vec() };
    let config = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()?
        .with_root_certificates(roots)
        .with_no_client_auth();
    Ok(Arc::new(config))
}
