//! Lists come in pages: at most 200 rows and an opaque cursor to the next ones.

use std::fmt::Write as _;
use std::str::FromStr;

use axum::Json;
use serde::Serialize;
use utoipa::{IntoParams, ToSchema};

use super::problem::Problem;

/// Which page of a list.
#[derive(Clone, PartialEq, Eq, Debug, IntoParams)]
#[into_params(parameter_in = Query)]
pub(crate) struct Page {
    /// Rows at most.
    #[param(value_type = Option<u16>, minimum = 1, maximum = 200, default = 50)]
    pub(crate) limit: i64,
    /// `next_cursor` of the page before.
    #[param(value_type = Option<String>, pattern = "^([0-9a-f]{2})+$", max_length = 400)]
    pub(crate) cursor: Option<Cursor>,
}

/// One page of a list.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Paged<T> {
    /// The rows.
    pub(crate) data: Vec<T>,
    /// Where the next page begins; null on the last one.
    pub(crate) next_cursor: Option<String>,
}

/// The place in a list behind which a page begins.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct Cursor(String);

/// The text is no cursor of this list.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[error("expected next_cursor of the page before, as it came")]
pub(crate) struct InvalidCursor;

impl FromStr for Cursor {
    type Err = InvalidCursor;

    fn from_str(text: &str) -> Result<Cursor, InvalidCursor> {
        let bytes: Option<Vec<u8>> = text
            .as_bytes()
            .chunks(2)
            .map(|pair| u8::from_str_radix(std::str::from_utf8(pair).ok()?, 16).ok())
            .collect();
        let is_hex = text.len().is_multiple_of(2) && text.bytes().all(|byte| byte.is_ascii_hexdigit());
        let place = bytes.filter(|bytes| is_hex && !bytes.is_empty());
        place.and_then(|bytes| String::from_utf8(bytes).ok()).map(Cursor).ok_or(InvalidCursor)
    }
}

impl Cursor {
    fn shown(place: &str) -> String {
        place.bytes().fold(String::with_capacity(place.len() * 2), |mut hex, byte| {
            // Writing to a string cannot fail.
            let _ = write!(hex, "{byte:02x}");
            hex
        })
    }
}

impl Page {
    /// Rows at most that may be asked for.
    pub(crate) const LIMIT: i64 = 200;
    /// Rows at most where nothing is asked for.
    pub(crate) const DEFAULT: i64 = 50;

    /// How many rows to read: one more than fits tells whether there is a next page.
    pub(crate) fn reads(&self) -> i64 {
        self.limit + 1
    }

    /// The place behind which the page begins.
    pub(crate) fn after<T>(&self, read: impl FnOnce(&str) -> Option<T>) -> Result<Option<T>, Problem> {
        let Some(Cursor(place)) = &self.cursor else { return Ok(None) };
        read(place).map(Some).ok_or_else(|| Problem::invalid("cursor", InvalidCursor))
    }

    /// The place behind which the page begins, where it is an id.
    pub(crate) fn after_id<T: FromStr>(&self) -> Result<Option<T>, Problem> {
        self.after(|place| place.parse().ok())
    }

    /// Renders the rows that were read; `place` names a row's place in the list.
    pub(crate) fn answer<R, T>(
        &self,
        mut rows: Vec<R>,
        place: impl FnOnce(&R) -> String,
        show: impl FnMut(R) -> T,
    ) -> Json<Paged<T>> {
        let limit = usize::try_from(self.limit).unwrap_or(1);
        let has_more = rows.len() > limit;
        rows.truncate(limit);
        let next_cursor = rows.last().filter(|_| has_more).map(|last| Cursor::shown(&place(last)));
        Json(Paged { data: rows.into_iter().map(show).collect(), next_cursor })
    }
}

/// Renders a list that is always whole.
pub(crate) fn whole<T>(data: Vec<T>) -> Json<Paged<T>> {
    Json(Paged { data, next_cursor: None })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cursors_read_what_they_show() {
        let place = "ref_00ff:ü";
        assert_eq!(Cursor::shown(place).parse(), Ok(Cursor(place.to_owned())));
        for bad in ["", "0", "zz", "+1", "ff", "1", "é"] {
            assert_eq!(bad.parse::<Cursor>(), Err(InvalidCursor), "{bad}");
        }
    }
}
