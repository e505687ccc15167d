//! `refero explain`: what came of an event or a commission and why, by the rules, and what is booked.

use app::{Caller, Error};
use clap::Args;
use domain::explain::Account;
use domain::ids::{CommissionId, FactId, ProgramId};

use crate::failure::{Failure, Outcome};
use crate::house::{self, House, Manner};

#[derive(Args)]
pub(crate) struct Options {
    #[command(flatten)]
    house: house::Options,
    /// The program; looked for in all of them unless said.
    #[arg(long, value_name = "ID")]
    program: Option<ProgramId>,
    /// The event (`fact_…`) or commission (`com_…`).
    #[arg(value_name = "ID", required_unless_present_any = ["fact", "commission"])]
    id: Option<String>,
    /// The event.
    #[arg(long, value_name = "ID", conflicts_with_all = ["id", "commission"])]
    fact: Option<FactId>,
    /// The commission.
    #[arg(long, value_name = "ID", conflicts_with = "id")]
    commission: Option<CommissionId>,
    /// Answer in JSON.
    #[arg(long)]
    json: bool,
}

/// What is asked about.
#[derive(Clone, Copy)]
enum Subject {
    Fact(FactId),
    Commission(CommissionId),
}

pub(crate) async fn run(options: Options) -> Outcome {
    let subject = subject(&options)?;
    let house = House::open(&options.house, Manner::command()).await?;
    let found = find(&house, &options, subject).await;
    house.close(false).await?;
    let account = found?;
    if options.json {
        println!("{}", serde_json::to_string(&account).map_err(Failure::new)?);
    } else {
        print!("{account}");
    }
    Ok(())
}

fn subject(options: &Options) -> Outcome<Subject> {
    match (options.fact, options.commission, options.id.as_deref()) {
        (Some(fact), ..) => Ok(Subject::Fact(fact)),
        (_, Some(commission), _) => Ok(Subject::Commission(commission)),
        (.., Some(id)) if id.starts_with("com_") => {
            Ok(Subject::Commission(id.parse().map_err(Failure::new)?))
        }
        (.., Some(id)) if id.starts_with("fact_") => Ok(Subject::Fact(id.parse().map_err(Failure::new)?)),
        (.., id) => Err(Failure::new(format!(
            "{:?} is neither an event's id (fact_…) nor a commission's (com_…)",
            id.unwrap_or_default()
        ))),
    }
}

async fn find(house: &House, options: &Options, subject: Subject) -> Outcome<Account> {
    let programs = match options.program {
        Some(program) => vec![program],
        None => app::program::ids(&house.app).await?,
    };
    for program in programs {
        let caller = Caller::operator(program, house.app.now());
        let found = match subject {
            Subject::Fact(id) => app::explain::fact(&house.app, &caller, id).await,
            Subject::Commission(id) => app::explain::commission(&house.app, &caller, id).await,
        };
        match found {
            Err(Error::NotFound(_)) if options.program.is_none() => {}
            found => return Ok(found?),
        }
    }
    Err(Failure::new(match subject {
        Subject::Fact(id) => format!("there is no event {id} in any program"),
        Subject::Commission(id) => format!("there is no commission {id} in any program"),
    }))
}
