//! Quotation marks in the query of Smartico's lists, `filter={"to":…}` as the vendor's documentation prints it (contract
//! §2.1) and as curl, PHP and Go send it. RFC 3986 wants them encoded, and the HTTP library refuses the whole request, so
//! they are encoded before it reads.
//!
//! Nothing else is touched, and no byte of a body can be: a connection is watched while what comes is one whole request
//! after another for that surface, without a body, and left alone for good from the first one that is not. The head of
//! a request may come in pieces, of which none is handed on before the last.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use axum::serve::Listener;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

/// A listener whose connections encode quotation marks.
pub struct Quotes<L>(pub L);

impl<L: Listener> Listener for Quotes<L> {
    type Io = Watched<L::Io>;
    type Addr = L::Addr;

    async fn accept(&mut self) -> (Watched<L::Io>, L::Addr) {
        let (io, address) = self.0.accept().await;
        (Watched::new(io), address)
    }

    fn local_addr(&self) -> io::Result<L::Addr> {
        self.0.local_addr()
    }
}

/// A connection.
pub struct Watched<I> {
    io: I,
    is_watched: bool,
    /// A head as far as it has come.
    begun: Vec<u8>,
    /// What was read and is still to be handed on.
    rest: Vec<u8>,
}

impl<I> Watched<I> {
    fn new(io: I) -> Watched<I> {
        Watched { io, is_watched: true, begun: Vec::new(), rest: Vec::new() }
    }
}

/// What our requests begin with.
const OURS: &[u8] = b"GET /smartico/";

/// The longest head that is looked at, in bytes.
const LONGEST: usize = 8192;

/// What was read.
#[derive(Debug, PartialEq, Eq)]
enum Read {
    /// A request of ours as it may be.
    Plain,
    /// A request of ours, its quotation marks encoded.
    Encoded(Vec<u8>),
    /// Anything else.
    Other,
}

impl Read {
    fn of(bytes: &[u8]) -> Read {
        if !bytes.starts_with(OURS) || !is_one_without_body(bytes) {
            return Read::Other;
        }
        let line = bytes.iter().position(|byte| *byte == b'\n').unwrap_or(bytes.len());
        let (line, headers) = bytes.split_at(line);
        if !line.contains(&b'"') {
            return Read::Plain;
        }
        let mut encoded = Vec::with_capacity(bytes.len() + 64);
        for byte in line {
            match byte {
                b'"' => encoded.extend_from_slice(b"%22"),
                byte => encoded.push(*byte),
            }
        }
        encoded.extend_from_slice(headers);
        Read::Encoded(encoded)
    }
}

/// Whether the bytes are the beginning of a request of ours, of whose head more is to come.
fn is_begun(bytes: &[u8]) -> bool {
    let is_ours = bytes.iter().zip(OURS).all(|(byte, own)| byte == own);
    let ends = |end: &[u8]| bytes.windows(end.len()).any(|window| window == end);
    is_ours && bytes.len() < LONGEST && !ends(b"\n\r\n") && !ends(b"\n\n")
}

/// Whether the bytes are exactly one request that has no body. Lines may end by `\n` alone (RFC 9112 §2.2).
fn is_one_without_body(bytes: &[u8]) -> bool {
    let Some(lines) = bytes.strip_suffix(b"\r\n\r\n") else { return false };
    lines.split(|byte| *byte == b'\n').skip(1).all(|line| {
        let name = line.split(|byte| *byte == b':').next().unwrap_or_default().trim_ascii();
        let frames = [&b"content-length"[..], b"transfer-encoding"];
        !name.is_empty() && !frames.iter().any(|frame| name.eq_ignore_ascii_case(frame))
    })
}

impl<I: AsyncRead + Unpin> AsyncRead for Watched<I> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        if !self.is_watched && self.rest.is_empty() {
            return Pin::new(&mut self.io).poll_read(context, buffer);
        }
        if self.rest.is_empty() {
            // Of a new connection hyper reads a few bytes at first, to tell HTTP/2 by them; we want the whole request.
            loop {
                let mut space = [0; LONGEST];
                let mut own = ReadBuf::new(&mut space[self.begun.len()..]);
                ready!(Pin::new(&mut self.io).poll_read(context, &mut own))?;
                self.begun.extend_from_slice(own.filled());
                if own.filled().is_empty() || !is_begun(&self.begun) {
                    break;
                }
            }
            let begun = std::mem::take(&mut self.begun);
            self.rest = match Read::of(&begun) {
                Read::Plain => begun,
                Read::Encoded(request) => request,
                Read::Other => {
                    self.is_watched = false;
                    begun
                }
            };
        }
        let length = buffer.remaining().min(self.rest.len());
        buffer.put_slice(&self.rest[..length]);
        self.rest.drain(..length);
        Poll::Ready(Ok(()))
    }
}

impl<I: AsyncWrite + Unpin> AsyncWrite for Watched<I> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.io).poll_write(context, bytes)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        slices: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.io).poll_write_vectored(context, slices)
    }

    fn is_write_vectored(&self) -> bool {
        self.io.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.io).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.io).poll_shutdown(context)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use tokio::io::AsyncReadExt as _;

    use super::*;

    /// A connection on which each piece comes by itself.
    struct Pieces(Vec<&'static str>);

    impl AsyncRead for Pieces {
        fn poll_read(
            mut self: Pin<&mut Self>,
            _: &mut Context<'_>,
            buffer: &mut ReadBuf<'_>,
        ) -> Poll<io::Result<()>> {
            if let Some(piece) = (!self.0.is_empty()).then(|| self.0.remove(0)) {
                let (now, later) = piece.split_at(piece.len().min(buffer.remaining()));
                buffer.put_slice(now.as_bytes());
                if !later.is_empty() {
                    self.0.insert(0, later);
                }
            }
            Poll::Ready(Ok(()))
        }
    }

    #[tokio::test]
    async fn a_connection_is_watched_until_something_else_comes() {
        const QUOTED: &str = "GET /smartico/x?\" HTTP/1.1\r\nhost: a\r\n\r\n";
        const PLAIN: &str = "GET /smartico/x?%22 HTTP/1.1\r\nhost: a\r\n\r\n";
        const POST: &str = "POST /smartico/x HTTP/1.1\r\ncontent-length: 42\r\n\r\n";
        const PREFACE: &str = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";
        for (pieces, expected) in [
            (vec![QUOTED, QUOTED], [PLAIN, PLAIN].concat()),
            (vec![PLAIN, QUOTED], [PLAIN, PLAIN].concat()),
            (vec![QUOTED, POST, QUOTED, QUOTED], [PLAIN, POST, QUOTED, QUOTED].concat()),
            (vec![PREFACE, QUOTED], [PREFACE, QUOTED].concat()),
            // A head may come in pieces; one that breaks off is handed on as it is.
            (vec!["G", &QUOTED[1..20], &QUOTED[20..37], &QUOTED[37..], QUOTED], [PLAIN, PLAIN].concat()),
            (vec!["GET", " /smart/", QUOTED], ["GET /smart/", QUOTED].concat()),
            (vec![&QUOTED[..20]], QUOTED[..20].to_owned()),
            (vec![&QUOTED[..20], "\n\nGET /"], [&QUOTED[..20], "\n\nGET /"].concat()),
            (vec![], String::new()),
        ] {
            let mut watched = Watched::new(Pieces(pieces));
            let mut read = Vec::new();
            // As hyper reads: a preface of 24 bytes, then more.
            for room in std::iter::once(24).chain(std::iter::repeat(100)) {
                let mut some = vec![0; room];
                match watched.read(&mut some).await.expect("pieces do not fail") {
                    0 => break,
                    length => read.extend_from_slice(&some[..length]),
                }
            }
            assert_eq!(String::from_utf8(read).expect("text"), expected);
        }
    }

    #[test]
    fn only_whole_requests_without_a_body_are_touched() {
        let head = "HTTP/1.1\r\nhost: a\r\nsec-ch-ua: \"B\"\r\n\r\n";
        let encoded = |text: &str| Read::Encoded(text.as_bytes().to_vec());
        for (request, expected) in [
            (format!("GET /smartico/api/x?range=[0,9] {head}"), Read::Plain),
            (
                format!("GET /smartico/api/x?filter={{\"a\":\"b\"}} {head}"),
                encoded(&format!("GET /smartico/api/x?filter={{%22a%22:%22b%22}} {head}")),
            ),
            (format!("GET /v1/x?filter=\" {head}"), Read::Other),
            (format!("POST /smartico/api/x?\" {head}"), Read::Other),
            (format!("GET /smartico/x?\" {head}GET"), Read::Other),
            (format!("GET /smartico/x?\" {head}{head}"), Read::Other),
            ("GET /smartico/x?\" HTTP/1.1\r\nContent-Length : 5\r\n\r\n".to_owned(), Read::Other),
            (
                "GET /smartico/x?\" HTTP/1.1\r\na: b\ntransfer-Encoding: chunked\r\n\r\n".to_owned(),
                Read::Other,
            ),
            ("GET /smartico/x?\" HTTP/1.1\n\nGET /smartico/x?\" HTTP/1.1\r\n\r\n".to_owned(), Read::Other),
            ("GET /smartico/x?\" HTTP/1.1\r\nhost: a\r\n".to_owned(), Read::Other),
            (String::new(), Read::Other),
        ] {
            assert_eq!(Read::of(request.as_bytes()), expected, "{request}");
        }
    }

    proptest! {
        #[test]
        fn nothing_but_quotation_marks_of_the_first_line_changes(
            line in "[ -~]{0,40}", headers in "([a-z-]{1,20}: [ -~]{0,20}\r\n){0,4}",
        ) {
            let request = format!("GET /smartico/{line} HTTP/1.1\r\n{headers}\r\n");
            let text = match Read::of(request.as_bytes()) {
                Read::Plain | Read::Other => request.clone(),
                Read::Encoded(bytes) => String::from_utf8(bytes).expect("text"),
            };
            let (first, rest) = text.split_once('\n').expect("a line");
            let (first_before, rest_before) = request.split_once('\n').expect("a line");
            prop_assert_eq!(rest, rest_before);
            prop_assert_eq!(first.replace("%22", "\""), first_before.replace("%22", "\""));
        }
    }
}
