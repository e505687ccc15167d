//! Fetching a file by HTTP or HTTPS: one request, no redirects, no cookies, with a limit on size and time. What is in
//! the file is not looked at here.

use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http_body_util::{BodyExt as _, Empty, LengthLimitError, Limited};
use hyper::header::{HOST, LOCATION, USER_AGENT};
use hyper::{Request, Uri};
use hyper_util::rt::TokioIo;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::rustls::crypto::ring;
use tokio_rustls::rustls::pki_types::ServerName;
use tokio_rustls::rustls::{ClientConfig, RootCertStore};

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

/// Where to go, from an address.
struct Target {
    uri: Uri,
    host: String,
    port: u16,
    is_secure: bool,
}

/// Fetches a file of at most `limit` bytes within a time.
pub async fn get(url: &str, limit: usize, patience: Duration) -> Result<Vec<u8>, HttpError> {
    let target = read(url)?;
    match tokio::time::timeout(patience, fetch(&target, limit)).await {
        Ok(result) => result,
        Err(_) => Err(HttpError::TooSlow { host: target.host, seconds: patience.as_secs() }),
    }
}

fn read(url: &str) -> Result<Target, HttpError> {
    let refuse = |message: &str| {
        HttpError::Address(format!(
            "{message}; expected an address such as https://www.example.com/rates.xml"
        ))
    };
    let uri: Uri = url.parse().map_err(|error| refuse(&format!("the address does not read ({error})")))?;
    let is_secure = match uri.scheme_str() {
        Some("https") => true,
        Some("http") => false,
        _ => return Err(refuse("the address begins neither with https:// nor with http://")),
    };
    let host =
        uri.host().filter(|host| !host.is_empty()).ok_or_else(|| refuse("the address names no host"))?;
    if uri.authority().is_some_and(|authority| authority.as_str().contains('@')) {
        return Err(refuse("the address names a user, which is not understood"));
    }
    let host = host.trim_start_matches('[').trim_end_matches(']').to_owned();
    let port = uri.port_u16().unwrap_or(if is_secure { 443 } else { 80 });
    Ok(Target { uri, host, port, is_secure })
}

async fn fetch(target: &Target, limit: usize) -> Result<Vec<u8>, HttpError> {
    let unreachable = |message: String| HttpError::Unreachable { host: target.host.clone(), message };
    let stream = connect(target).await?;
    let (mut sender, connection) = hyper::client::conn::http1::handshake(TokioIo::new(stream))
        .await
        .map_err(|error| unreachable(error.to_string()))?;
    let request = Request::get(target.uri.path_and_query().map_or("/", |path| path.as_str()))
        .header(HOST, target.uri.authority().map_or(target.host.as_str(), |authority| authority.as_str()))
        .header(USER_AGENT, concat!("refero/", env!("CARGO_PKG_VERSION")))
        .body(Empty::<Bytes>::new())
        .map_err(|error| unreachable(error.to_string()))?;
    let receive = async {
        let response = sender.send_request(request).await.map_err(|error| unreachable(error.to_string()))?;
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
            Err(error) => Err(unreachable(error.to_string())),
        }
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

async fn connect(target: &Target) -> Result<Pin<Box<dyn Stream>>, HttpError> {
    let unreachable = |message: String| HttpError::Unreachable { host: target.host.clone(), message };
    let connecting = TcpStream::connect((target.host.as_str(), target.port));
    let stream = match tokio::time::timeout(CONNECT, connecting).await {
        Ok(stream) => stream.map_err(|error| unreachable(error.to_string()))?,
        Err(_) => return Err(HttpError::TooSlow { host: target.host.clone(), seconds: CONNECT.as_secs() }),
    };
    if !target.is_secure {
        return Ok(Box::pin(stream));
    }
    let name = ServerName::try_from(target.host.clone()).map_err(|error| unreachable(error.to_string()))?;
    let connector = TlsConnector::from(tls().map_err(|error| unreachable(error.to_string()))?);
    let stream = connector.connect(name, stream).await.map_err(|error| unreachable(error.to_string()))?;
    Ok(Box::pin(stream))
}

fn tls() -> Result<Arc<ClientConfig>, tokio_rustls::rustls::Error> {
    let roots = RootCertStore { roots: webpki_roots::TLS_SERVER_ROOTS.to_vec() };
    let config = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()?
        .with_root_certificates(roots)
        .with_no_client_auth();
    Ok(Arc::new(config))
}
