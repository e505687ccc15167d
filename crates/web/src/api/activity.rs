//! `/v1/activity`: the daily figures of players, as JSON or CSV. Both become the same row here.

pub(super) mod create;
mod csv;
mod row;

/// Rows in one request at most.
const LIMIT: usize = 10_000;

/// The largest body, in bytes.
const BODY_LIMIT: usize = 8 << 20;
