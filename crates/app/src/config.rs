//! What whoever starts the product may choose.

use std::path::PathBuf;
use std::time::Duration;

use domain::link::{Destination, Host};

/// Settings of one process.
#[derive(Clone, Debug)]
pub struct Config {
    /// Tasks that write batches.
    pub ingest_workers: usize,
    /// Requests that may wait for a batch, over all programs.
    pub queue_limit: usize,
    /// The mail server, if mails are to be sent.
    pub mail: Option<Mail>,
    /// Where exchange rates are fetched, if they are to be.
    pub rates_url: Option<String>,
    /// Whether postbacks may go to private and loopback addresses.
    pub private_postbacks: bool,
    /// Where this server is reached from outside, without a path: `https://refero.example.com`. Links that are on no host
    /// of their program's own begin with it; where absent, with the host that a request names.
    pub public_url: Option<String>,
    /// The header in which a proxy in front tells the visitor's address, in lower case; the peer's address counts where
    /// absent.
    pub address_header: Option<String>,
    /// Where clicks are made durable until they are in the database; in memory only where absent.
    pub spill: Option<PathBuf>,
    /// Whether PostgreSQL runs on this machine, so that what it does for clicks can give way to redirects.
    pub shares_machine: bool,
    /// What clicks that wait may take in memory, in bytes.
    pub click_memory: usize,
    /// Links that are kept in memory at most.
    pub links_in_memory: usize,
    /// How long a click may wait for a link that is not in memory (engineering.md §4); then its code counts as unknown.
    pub look_up: Duration,
    /// The file that says which country an address is in (MaxMind's format).
    pub country_file: Option<PathBuf>,
    /// Clicks older than so many months are dropped, a whole month at a time.
    pub click_months: u32,
    /// How many conversions and visits one caller may tell of.
    pub limits: Limits,
}

/// How many requests one caller may make: so many a second in the long run, and so many at once.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Limits {
    /// Conversions that come with one API key.
    pub key: Rate,
    /// Page views and conversions of one network address.
    pub address: Rate,
}

/// A rate with a burst.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Rate {
    /// In the long run, a second.
    pub per_second: u32,
    /// At once.
    pub burst: u32,
}

impl Default for Limits {
    fn default() -> Limits {
        Limits { key: Rate { per_second: 500, burst: 5000 }, address: Rate { per_second: 5, burst: 120 } }
    }
}

/// Where mails go out.
#[derive(Clone)]
pub struct Mail {
    /// `smtp://`, `smtps://` or `smtp://…?tls=required`, with user and password where needed.
    pub url: String,
    /// The sender: `Programme <affiliates@example.com>`.
    pub from: String,
}

impl Config {
    /// The host of `public_url`, which all programs of this server share.
    pub fn shared_host(&self) -> Option<Host> {
        let url = Destination::parse(self.public_url.as_deref()?).ok()?;
        Some(url.host().clone())
    }
}

impl Default for Config {
    fn default() -> Config {
        Config {
            ingest_workers: 4,
            queue_limit: 16_384,
            mail: None,
            rates_url: None,
            private_postbacks: false,
            public_url: None,
            address_header: None,
            spill: None,
            shares_machine: false,
            click_memory: 64 << 20,
            links_in_memory: 1_000_000,
            look_up: Duration::from_millis(50),
            country_file: None,
            click_months: 25,
            limits: Limits::default(),
        }
    }
}

impl std::fmt::Debug for Mail {
    /// The URL may hold a password.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Mail").field("from", &self.from).finish_non_exhaustive()
    }
}
