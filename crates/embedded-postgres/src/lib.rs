//! PostgreSQL as a part of a program: found or unpacked, made, started, kept running and stopped as a child
//! that cannot outlive its parent, with full durability, on a unix socket that admits its owner only.
//!
//! What must not be here: a database client, an async runtime, and anything the database is used for.

mod access;
mod archive;
mod binaries;
mod cluster;
mod connection;
mod error;
mod folder;
mod leftover;
mod log;
mod options;
mod spawn;
mod supervisor;
mod user;

pub use access::{Access, Guest, Server, open};
pub use binaries::{Binaries, find_binaries};
pub use connection::Connection;
pub use error::Error;
pub use options::{Options, default_dir};

/// The 64-bit FNV-1a hash, for names that depend on contents. Not against forgery.
pub(crate) fn fnv(bytes: &[u8]) -> u64 {
    bytes
        .iter()
        .fold(0xcbf2_9ce4_8422_2325, |hash, byte| (hash ^ u64::from(*byte)).wrapping_mul(0x100_0000_01b3))
}
