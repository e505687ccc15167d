//! Each rule of the embedded PostgreSQL, on whatever PostgreSQL this machine has, as root or an ordinary
//! user.

#![allow(clippy::unwrap_used)] // A failed step of a test is a failed test.

mod client;
mod finding;
mod helper;
mod processes;
mod running;
mod sockets;
mod support;
mod users;
