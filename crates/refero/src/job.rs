//! `refero job`: jobs that were given up after their last attempt. They can be listed, and resumed once what they failed
//! on is mended.

use clap::{Args, Subcommand};
use domain::ids::ProgramId;
use serde_json::json;
use uuid::Uuid;

use crate::failure::Outcome;
use crate::house::{self, House, Manner};

/// Jobs read at a time.
const PAGE: i64 = 1000;

#[derive(Args)]
pub(crate) struct Options {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// List the jobs that were given up, and what they failed with.
    List(List),
    /// Let jobs that were given up be tried again.
    Resume(Resume),
}

#[derive(Args)]
struct List {
    #[command(flatten)]
    house: house::Options,
    /// The program.
    #[arg(long, value_name = "ID")]
    program: ProgramId,
    /// Answer in JSON, a line a job.
    #[arg(long)]
    json: bool,
}

#[derive(Args)]
struct Resume {
    #[command(flatten)]
    house: house::Options,
    /// The program.
    #[arg(long, value_name = "ID")]
    program: ProgramId,
    /// Only this job.
    #[arg(long, value_name = "ID")]
    id: Option<Uuid>,
    /// Answer in JSON.
    #[arg(long)]
    json: bool,
}

pub(crate) async fn run(options: Options) -> Outcome {
    match options.command {
        Command::List(options) => {
            let house = House::open(&options.house, Manner::command()).await?;
            let listed = list(&house, options.program, options.json).await;
            house.close(false).await?;
            listed
        }
        Command::Resume(options) => {
            let house = House::open(&options.house, Manner::command()).await?;
            let caller = app::Caller::operator(options.program, house.app.now());
            let resumed = match app::program::show(&house.app, &caller).await {
                Ok(_) => app::jobs::resume(&house.app, &caller, options.id).await,
                Err(error) => Err(error),
            };
            house.close(false).await?;
            let resumed = resumed?;
            if options.json {
                println!("{}", json!({ "resumed": resumed }));
            } else {
                println!("{resumed} to be tried again");
            }
            Ok(())
        }
    }
}

async fn list(house: &House, program: ProgramId, as_json: bool) -> Outcome {
    let caller = app::Caller::operator(program, house.app.now());
    app::program::show(&house.app, &caller).await?;
    let mut after = None;
    loop {
        let jobs = app::jobs::dead(&house.app, &caller, after, PAGE).await?;
        let Some(last) = jobs.last() else { return Ok(()) };
        after = Some(last.id);
        for job in jobs {
            let error = job.last_error.unwrap_or_default();
            if as_json {
                let (id, kind, attempts, at) = (job.id, job.kind, job.attempts, job.created_at);
                println!(
                    "{}",
                    json!({ "id": id, "kind": kind, "attempts": attempts, "created_at": at, "error": error })
                );
            } else {
                println!("{}  {}  {} attempts  {error}", job.id, job.kind, job.attempts);
            }
        }
    }
}
