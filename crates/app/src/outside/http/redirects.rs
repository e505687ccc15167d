//! A public server that sends a request on into a private network, as one that is out to read a cloud's metadata would.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpListener;

use super::{HttpError, Outgoing, Reach, Reply, send};

/// Answers every request with the same text, and counts them.
async fn serve(answer: String) -> (u16, Arc<AtomicUsize>) {
    let listener = TcpListener::bind(("127.0.0.1", 0)).await.expect("a free port");
    let port = listener.local_addr().expect("an address").port();
    let asked = Arc::new(AtomicUsize::new(0));
    let counter = Arc::clone(&asked);
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            counter.fetch_add(1, Ordering::SeqCst);
            let mut request = [0; 1024];
            let _ = stream.read(&mut request).await;
            let _ = stream.write_all(answer.as_bytes()).await;
        }
    });
    (port, asked)
}

/// What comes of a request to a server that is held for public and sends on to somewhere.
async fn sent_on(location: &str) -> Result<Reply, HttpError> {
    let answer = format!("HTTP/1.1 302 Found\r\nlocation: {location}\r\ncontent-length: 0\r\n\r\n");
    let (port, asked) = serve(answer).await;
    let url = format!("http://127.0.0.1:{port}/");
    let outgoing = Outgoing { url: &url, body: None, reach: Reach::PublicOr(port) };
    let replied = send(&outgoing, 100, Duration::from_secs(5)).await;
    assert!(asked.load(Ordering::SeqCst) > 0, "the first server was not asked");
    replied
}

#[tokio::test]
async fn no_redirect_leads_into_a_private_network() {
    let (inside, asked) = serve("HTTP/1.1 200 OK\r\ncontent-length: 6\r\n\r\nsecret".to_owned()).await;
    for location in [
        "http://169.254.169.254/latest/meta-data".to_owned(),
        format!("http://127.0.0.1:{inside}/"),
        format!("http://localhost:{inside}/"),
        format!("http://[::ffff:127.0.0.1]:{inside}/"),
        format!("//127.0.0.1:{inside}/"),
        "http://10.0.0.1/".to_owned(),
    ] {
        let replied = sent_on(&location).await;
        assert!(matches!(replied, Err(HttpError::Private { .. })), "{location}: {replied:?}");
    }
    // Neither are other schemes, or a circle.
    for location in ["file:///etc/passwd", "/", "", "?x", "//[::1", "http://127.0.0.1:99999/"] {
        let replied = sent_on(location).await;
        assert!(matches!(replied, Err(HttpError::Address(_))), "{location}: {replied:?}");
    }
    assert_eq!(asked.load(Ordering::SeqCst), 0, "the server inside was asked");
}
