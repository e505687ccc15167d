//! `refero demo`: seeds and serves.

use clap::Args;

use crate::failure::Outcome;
use crate::serve;

#[derive(Args)]
pub(crate) struct Options {
    #[command(flatten)]
    serve: serve::Options,
    /// End after seeding.
    #[arg(long)]
    seed_only: bool,
}

pub(crate) async fn run(options: Options) -> Outcome {
    let _ = options.seed_only;
    serve::run(options.serve).await
}
