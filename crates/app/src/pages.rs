//! How far a list has been read that is read page by page, each page continuing behind the last row of the one before.

/// Rows of a page.
const PAGE: i64 = 1000;

/// How far a list has been read.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Cursor {
    offset: i64,
    left: i64,
}

impl Cursor {
    /// Before the first of at most `limit` rows after the first `offset`.
    pub(crate) fn new(offset: i64, limit: i64) -> Cursor {
        Cursor { offset, left: limit }
    }

    /// Offset and limit of the next page; `None` when nothing is left.
    pub(crate) fn next(&self) -> Option<(i64, i64)> {
        (self.left > 0).then(|| (self.offset, PAGE.min(self.left)))
    }

    /// Notes that the page held so many rows; a page with fewer than it could hold was the last.
    pub(crate) fn took(&mut self, rows: usize) {
        let rows = rows as i64;
        self.left = if rows < PAGE.min(self.left) { 0 } else { self.left - rows };
        self.offset = 0;
    }
}
