//! `refero key`: makes API keys. A key is shown once.

use app::key::Scope;
use clap::{Args, Subcommand, ValueEnum};
use domain::ids::{AffiliateId, ProgramId};
use serde_json::json;

use crate::failure::{Failure, Outcome};
use crate::house::{self, House, Manner};

#[derive(Args)]
pub(crate) struct Options {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Make a key and show it, once.
    Create(Create),
}

#[derive(Args)]
struct Create {
    #[command(flatten)]
    house: house::Options,
    /// The program.
    #[arg(long, value_name = "ID")]
    program: ProgramId,
    /// Whom the key speaks for.
    #[arg(long, value_enum)]
    kind: Kind,
    /// The affiliate, for an affiliate's key.
    #[arg(long, value_name = "ID", required_if_eq("kind", "affiliate"))]
    affiliate: Option<AffiliateId>,
    /// Answer in JSON.
    #[arg(long)]
    json: bool,
}

#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Kind {
    Operator,
    Affiliate,
}

pub(crate) async fn run(options: Options) -> Outcome {
    let Command::Create(options) = options.command;
    let scope = match (options.kind, options.affiliate) {
        (Kind::Operator, None) => Scope::Operator,
        (Kind::Affiliate, Some(affiliate)) => Scope::Affiliate(affiliate),
        _ => return Err(Failure::new("--affiliate goes with --kind affiliate, and only with it")),
    };
    let house = House::open(&options.house, Manner::command()).await?;
    let made = create(&house, options.program, scope).await;
    house.close(false).await?;
    let key = made?;
    if options.json {
        println!("{}", json!({ "key": key }));
    } else {
        println!("{key}");
    }
    Ok(())
}

async fn create(house: &House, program: ProgramId, scope: Scope) -> Outcome<String> {
    let caller = app::Caller::operator(program, house.app.now());
    app::program::show(&house.app, &caller).await?;
    Ok(app::key::create(&house.app, &caller, scope).await?.1)
}
