//! The outside world, as concrete clients: mail goes out and files are fetched here. They are called by jobs, never
//! inside a transaction.

pub mod http;
pub mod mail;
