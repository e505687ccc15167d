//! Lists: bare JSON arrays with a `Content-Range`. Spans of up to 1001 rows are answered whole, longer ones streamed
//! page by page, so that memory does not grow with the number of rows.

use std::future::Future;
use std::time::Duration;

use axum::body::{Body, Bytes};
use axum::http::{HeaderName, HeaderValue, header};
use axum::response::{IntoResponse, Response};
use futures_util::stream;
use serde::Serialize;
use tokio::sync::mpsc;

use super::query::Range;
use super::refusal::Refusal;

/// A list that is read page by page.
pub(super) trait Pages: Send + 'static {
    /// A row as it goes over the wire.
    type Row: Serialize + Send;

    /// The next rows; empty at the end.
    fn next_page(&mut self) -> impl Future<Output = app::Result<Vec<Self::Row>>> + Send;
}

/// Rows that are all read at once: people define them.
pub(super) struct Few<R>(Vec<R>);

impl<R> Few<R> {
    /// Those of a range.
    pub(super) fn of(all: impl Iterator<Item = R>, range: Range) -> Few<R> {
        let (first, length) = (usize::try_from(range.first), usize::try_from(range.len()));
        Few(all.skip(first.unwrap_or(usize::MAX)).take(length.unwrap_or(usize::MAX)).collect())
    }
}

impl<R: Serialize + Send + 'static> Pages for Few<R> {
    type Row = R;

    async fn next_page(&mut self) -> app::Result<Vec<R>> {
        Ok(std::mem::take(&mut self.0))
    }
}

/// Rows that are read before the answer begins. What fits in here is answered with its length and range.
const WHOLE: usize = 1001;

/// A stream nobody reads for so long ends with an error, so that its connection to the database is free again.
const PATIENCE: Duration = Duration::from_secs(60);

/// Answers a list of the rows of `range`.
pub(super) async fn answer(method: &str, range: Range, mut pages: impl Pages) -> Result<Response, Refusal> {
    let mut rows = pages.next_page().await?;
    while !rows.is_empty() && rows.len() < WHOLE && (rows.len() as i64) < range.len() {
        let page = pages.next_page().await?;
        if page.is_empty() {
            break;
        }
        rows.extend(page);
    }
    if rows.len() < WHOLE || rows.len() as i64 >= range.len() {
        drop(pages);
        let body = array(&rows);
        let content_range = content_range(method, range, rows.len() as i64);
        let headers = [
            (header::CONTENT_TYPE, HeaderValue::from_static("application/json")),
            (HeaderName::from_static("content-range"), content_range),
            (header::ACCESS_CONTROL_EXPOSE_HEADERS, HeaderValue::from_static("Content-Range")),
        ];
        return Ok((headers, body).into_response());
    }
    let body = streamed(rows, pages, PATIENCE);
    Ok(([(header::CONTENT_TYPE, "application/json")], body).into_response())
}

/// `method a-b/total`, with `*` for a total that is not known because the list goes on behind `b`.
fn content_range(method: &str, range: Range, rows: i64) -> HeaderValue {
    let end = range.first.saturating_add(rows);
    let positions = match rows {
        0 => "*".to_owned(),
        _ => format!("{}-{}", range.first, end - 1),
    };
    let total = match rows {
        _ if rows == range.len() => "*".to_owned(),
        0 if range.first > 0 => "*".to_owned(),
        _ => end.to_string(),
    };
    HeaderValue::try_from(format!("{method} {positions}/{total}")).expect("ASCII makes a header")
}

fn array<R: Serialize>(rows: &[R]) -> Vec<u8> {
    let mut body = vec![b'['];
    append(&mut body, rows);
    body.push(b']');
    body
}

/// Appends rows with commas between them.
fn append<R: Serialize>(body: &mut Vec<u8>, rows: &[R]) {
    for (index, row) in rows.iter().enumerate() {
        if index > 0 {
            body.push(b',');
        }
        serde_json::to_writer(&mut *body, row).expect("a row is plain data");
    }
}

/// What the task that reads hands to the body.
enum Part {
    Rows(Vec<u8>),
    End,
}

/// A body that is written while pages are read. One page waits for the reader, at most.
fn streamed<P: Pages>(first: Vec<P::Row>, pages: P, patience: Duration) -> Body {
    let (sender, receiver) = mpsc::channel(1);
    tokio::spawn(async move {
        let sender = Sender { parts: sender, patience };
        // Without an end the reader sees the body break off.
        if send_pages(&sender, first, pages).await.is_some() {
            let _ = sender.send(Part::End).await;
        }
    });
    Body::from_stream(stream::unfold(Some(receiver), |receiver| async {
        let mut receiver = receiver?;
        match receiver.recv().await {
            Some(Part::Rows(rows)) => Some((Ok(Bytes::from(rows)), Some(receiver))),
            Some(Part::End) => None,
            None => Some((Err(std::io::Error::other("the list broke off")), None)),
        }
    }))
}

struct Sender {
    parts: mpsc::Sender<Part>,
    patience: Duration,
}

impl Sender {
    /// Waits for the reader; `None` when it is gone or takes too long.
    async fn send(&self, part: Part) -> Option<()> {
        tokio::time::timeout(self.patience, self.parts.send(part)).await.ok()?.ok()
    }
}

/// Sends the whole array; `None` when it broke off. A failure of the database has been logged where it was met.
async fn send_pages<P: Pages>(sender: &Sender, first: Vec<P::Row>, mut pages: P) -> Option<()> {
    let mut chunk = vec![b'['];
    append(&mut chunk, &first);
    drop(first);
    loop {
        sender.send(Part::Rows(chunk)).await?;
        let rows = pages.next_page().await.ok()?;
        if rows.is_empty() {
            return sender.send(Part::Rows(vec![b']'])).await;
        }
        chunk = vec![b','];
        append(&mut chunk, &rows);
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::sync::atomic::{AtomicUsize, Ordering};

    use super::*;

    /// Pages of a thousand numbers; counts those that were read, and breaks at one if told to.
    struct Numbers {
        left: usize,
        breaks_at: usize,
        read: Arc<AtomicUsize>,
    }

    impl Pages for Numbers {
        type Row = usize;

        async fn next_page(&mut self) -> app::Result<Vec<usize>> {
            if self.read.fetch_add(1, Ordering::SeqCst) == self.breaks_at {
                return Err(app::Error::Unavailable);
            }
            let count = self.left.min(1000);
            self.left -= count;
            Ok((0..count).collect())
        }
    }

    fn numbers(left: usize) -> Numbers {
        Numbers { left, breaks_at: usize::MAX, read: Arc::default() }
    }

    async fn rows(range: Range, pages: Numbers) -> (Option<String>, Result<usize, String>) {
        let response = answer("numbers", range, pages).await.expect("an answer");
        let header =
            response.headers().get("content-range").map(|value| value.to_str().expect("ASCII").to_owned());
        let body =
            axum::body::to_bytes(response.into_body(), usize::MAX).await.map_err(|error| error.to_string());
        let rows = body.map(|body| serde_json::from_slice::<Vec<usize>>(&body).expect("an array").len());
        (header, rows)
    }

    #[tokio::test]
    async fn short_lists_say_what_they_hold_and_long_ones_are_streamed() {
        let check = async |first, last, left, header: Option<&str>, count| {
            let range = Range { first, last };
            assert_eq!(rows(range, numbers(left)).await, (header.map(str::to_owned), Ok(count)), "{range:?}");
        };
        check(0, 999, 0, Some("numbers */0"), 0).await;
        check(5, 999, 0, Some("numbers */*"), 0).await;
        check(0, 999, 3, Some("numbers 0-2/3"), 3).await;
        check(10, 12, 3, Some("numbers 10-12/*"), 3).await;
        check(0, 1000, 1001, Some("numbers 0-1000/*"), 1001).await;
        check(0, 99_999, 1000, Some("numbers 0-999/1000"), 1000).await;
        check(0, 99_999, 1001, None, 1001).await;
        check(0, 99_999, 12_345, None, 12_345).await;
    }

    #[tokio::test]
    async fn a_list_that_breaks_off_is_no_whole_answer() {
        let pages = Numbers { breaks_at: 3, ..numbers(12_345) };
        let (_, rows) = rows(Range { first: 0, last: 99_999 }, pages).await;
        assert_eq!(rows, Err("the list broke off".to_owned()));
    }

    #[tokio::test]
    async fn a_list_that_nobody_reads_stops_reading() {
        let pages = numbers(12_345);
        let read = Arc::clone(&pages.read);
        let body = streamed(vec![1], pages, Duration::from_millis(20));
        while Arc::strong_count(&read) > 1 {
            tokio::task::yield_now().await;
        }
        assert!(read.load(Ordering::SeqCst) <= 2, "one page waits for the reader");
        let error = axum::body::to_bytes(body, usize::MAX).await.expect_err("the body breaks off");
        assert_eq!(error.to_string(), "the list broke off");
    }
}
