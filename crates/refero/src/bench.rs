//! `refero bench`: measures the product beside the physical limit, in one run. Nothing here is part of the product;
//! besides `store` and the tests this is the only place that speaks SQL.

mod balances;
mod clicks;
mod connections;
mod counters;
mod ground;
mod limit;
mod load;
mod payments;
mod redirect;
mod replay;
mod report;
mod seed;
mod server;

use std::net::SocketAddr;

use clap::{Args, Subcommand};

use crate::failure::Outcome;

#[derive(Args)]
pub(crate) struct Options {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Payments over HTTP, beside the same rows written by plain SQL.
    Payments(payments::Options),
    /// Balances of one affiliate among many, and of all of them as one stream.
    Balances(balances::Options),
    /// Clicks on many links, every one recorded, beside a bare handler and nginx.
    Redirect(redirect::Options),
    /// The bare handler, for `redirect`.
    #[command(hide = true)]
    BareRedirect {
        /// Where to listen.
        #[arg(long)]
        listen: SocketAddr,
    },
    /// Clicks written to the database: time, and size on disk.
    Clicks(clicks::Options),
    /// A program's history told again: events a second, and memory.
    Replay(replay::Options),
}

pub(crate) async fn run(options: Options) -> Outcome {
    match options.command {
        Command::Payments(options) => payments::run(options).await,
        Command::Balances(options) => balances::run(options).await,
        Command::Redirect(options) => redirect::run(options).await,
        Command::BareRedirect { listen } => redirect::serve_bare(listen).await,
        Command::Clicks(options) => clicks::run(options).await,
        Command::Replay(options) => replay::run(options).await,
    }
}
