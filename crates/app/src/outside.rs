//! The outside world, as concrete clients: mail goes out here. They are called by jobs, never inside a transaction.

pub mod mail;
