//! `refero bench`: measures the product beside the physical limit, in one run. Nothing here is part of the product;
//! besides `store` and the tests this is the only place that speaks SQL.

mod balances;
mod counters;
mod ground;
mod limit;
mod load;
mod payments;
mod report;
mod seed;
mod server;

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
}

pub(crate) async fn run(options: Options) -> Outcome {
    match options.command {
        Command::Payments(options) => payments::run(options).await,
        Command::Balances(options) => balances::run(options).await,
    }
}
