//! The binary: reads its settings and hands over to one file a command. Answers go to stdout, logs to stderr, and the
//! exit code is 0 only on success.

mod bench;
mod deal;
mod demo;
mod explain;
mod failure;
mod house;
mod job;
mod key;
mod logging;
mod migrate;
mod period;
mod program;
mod rates;
mod replay;
mod secret;
mod serve;
mod verify;
mod what_if;

use std::process::ExitCode;

use clap::{Parser, Subcommand};

use crate::failure::Failure;

/// The affiliate platform you run yourself.
#[derive(Parser)]
#[command(name = "refero", version, arg_required_else_help = true)]
struct Arguments {
    #[command(flatten)]
    logging: logging::Options,
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Serve every API.
    Serve(serve::Options),
    /// Seed two programs with a year of believable data, then serve them.
    Demo(demo::Options),
    /// Bring the database to this binary's schema.
    Migrate(migrate::Options),
    /// Make and list programs.
    Program(program::Options),
    /// Check deals in files, and apply them.
    Deal(deal::Options),
    /// Make API keys.
    Key(key::Options),
    /// List jobs that were given up, and let them be tried again.
    Job(job::Options),
    /// Close months.
    Period(period::Options),
    /// Bring in and list exchange rates.
    Rates(rates::Options),
    /// Explain an event or a commission: rules, arithmetic, what is booked.
    Explain(explain::Options),
    /// Rebuild everything that is derived and compare.
    Verify(verify::Options),
    /// Tell every referral its history again and compare with what is booked.
    Replay(replay::Options),
    /// Show what history would have cost under another deal; nothing is booked.
    WhatIf(what_if::Options),
    /// Measure against the physical limit, in one run.
    Bench(bench::Options),
}

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    arguments.logging.init();
    let runtime = match tokio::runtime::Builder::new_multi_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => return Failure::new(format!("the runtime does not start: {error}")).report(),
    };
    let done = runtime.block_on(async {
        match arguments.command {
            Command::Serve(options) => serve::run(options).await,
            Command::Demo(options) => demo::run(options).await,
            Command::Migrate(options) => migrate::run(options).await,
            Command::Program(options) => program::run(options).await,
            Command::Deal(options) => deal::run(options).await,
            Command::Key(options) => key::run(options).await,
            Command::Job(options) => job::run(options).await,
            Command::Period(options) => period::run(options).await,
            Command::Rates(options) => rates::run(options).await,
            Command::Explain(options) => explain::run(options).await,
            Command::Verify(options) => verify::run(options).await,
            Command::Replay(options) => replay::run(options).await,
            Command::WhatIf(options) => what_if::run(options).await,
            Command::Bench(options) => bench::run(options).await,
        }
    });
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => failure.report(),
    }
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory as _;

    #[test]
    fn the_command_line_is_consistent() {
        super::Arguments::command().debug_assert();
    }
}
