//! `refero deal`: deals as files. `check` runs the examples of a file through the engine; `apply` shows what a file
//! would change and makes a version of it. What a file says is in `domain::example`; here it is read as TOML.

use std::path::{Path, PathBuf};

use app::deal::{DealRow, NewDeal};
use clap::{Args, Subcommand};
use domain::currency::Currency;
use domain::deal::Terms;
use domain::example::{Checked, File};
use domain::ids::{AffiliateId, ProgramId};
use domain::text::Name;
use serde_json::json;

use crate::failure::{Failure, Outcome};
use crate::house::{self, House, Manner};

/// How many deals are read at a time when one is looked for by name.
const PAGE: i64 = 500;

#[derive(Args)]
pub(crate) struct Options {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Run the examples of a deal's file and compare what they come to.
    Check(Check),
    /// Show what a deal's file changes, and make a version of the deal.
    Apply(Apply),
}

#[derive(Args)]
struct Check {
    /// The file.
    #[arg(value_name = "FILE")]
    file: PathBuf,
    /// Answer in JSON.
    #[arg(long)]
    json: bool,
}

#[derive(Args)]
struct Apply {
    #[command(flatten)]
    house: house::Options,
    /// The file; its examples must come to what it says.
    #[arg(value_name = "FILE")]
    file: PathBuf,
    /// The program.
    #[arg(long, value_name = "ID")]
    program: ProgramId,
    /// The affiliate whose own deal it is.
    #[arg(long, value_name = "ID")]
    affiliate: Option<AffiliateId>,
    /// Only show what would change.
    #[arg(long)]
    dry_run: bool,
    /// Answer in JSON.
    #[arg(long)]
    json: bool,
}

pub(crate) async fn run(options: Options) -> Outcome {
    match options.command {
        Command::Check(options) => check(&options),
        Command::Apply(options) => apply(options).await,
    }
}

/// Reads a deal's file.
pub(crate) fn read(path: &Path) -> Outcome<File> {
    let refused = |why: String| Failure::new(format!("{}: {why}", path.display()));
    let text = std::fs::read_to_string(path).map_err(|error| refused(error.to_string()))?;
    toml::from_str(&text).map_err(|error| refused(error.to_string()))
}

/// Runs the examples; a failure names the file and how many differ.
fn checked(path: &Path, file: &File) -> Outcome<Vec<Checked>> {
    file.check().map_err(|error| Failure::new(format!("{}: {error}", path.display())))
}

fn refuse_differences(path: &Path, checked: &[Checked]) -> Outcome {
    let names: Vec<String> = checked
        .iter()
        .filter(|example| !example.differences.is_empty())
        .map(|example| format!("{:?}", example.name))
        .collect();
    if names.is_empty() {
        return Ok(());
    }
    Err(Failure::new(format!("{}: {} does not come to what is expected", path.display(), names.join(", "))))
}

fn check(options: &Check) -> Outcome {
    let file = read(&options.file)?;
    let checked = checked(&options.file, &file)?;
    for example in &checked {
        let Checked { name, differences, standing } = example;
        if options.json {
            println!("{}", json!({ "example": name, "differences": differences, "standing": standing }));
        } else if differences.is_empty() {
            println!("ok    {name}");
        } else {
            println!("wrong {name}");
            differences.iter().for_each(|difference| println!("      {difference}"));
            if !standing.is_empty() {
                println!("      it comes to: {standing}");
            }
        }
    }
    refuse_differences(&options.file, &checked)
}

async fn apply(options: Apply) -> Outcome {
    let file = read(&options.file)?;
    refuse_differences(&options.file, &checked(&options.file, &file)?)?;
    let house = House::open(&options.house, Manner::command()).await?;
    let applied = apply_in(&house, &options, file).await;
    house.close(false).await?;
    let (change, row) = applied?;
    if options.json {
        let id = row.as_ref().map(|row| row.id);
        let version = row.as_ref().map(|row| row.number);
        println!(
            "{}",
            json!({ "change": change.word(), "deal_id": id, "version": version, "terms": change.lines })
        );
        return Ok(());
    }
    change.lines.iter().for_each(|line| println!("{line}"));
    match row {
        Some(row) => println!("{}: deal {} ({}), version {}", change.word(), row.id, row.name, row.number),
        None => println!("{}: nothing was written", change.word()),
    }
    Ok(())
}

/// What a file changes: the terms in sentences, marked `+` where they are new, `-` where they go.
struct Change {
    before: Option<DealRow>,
    is_same: bool,
    lines: Vec<String>,
}

impl Change {
    fn between(before: Option<DealRow>, terms: &Terms, currency: Currency) -> Change {
        let old = before.as_ref().map(|row| row.terms.sentences(currency)).unwrap_or_default();
        let new = terms.sentences(currency);
        let mut lines: Vec<String> =
            old.iter().filter(|line| !new.contains(line)).map(|line| format!("- {line}")).collect();
        lines.extend(new.iter().map(|line| {
            let mark = if old.contains(line) { ' ' } else { '+' };
            format!("{mark} {line}")
        }));
        let is_same = before.as_ref().is_some_and(|row| row.terms == *terms);
        Change { before, is_same, lines }
    }

    fn word(&self) -> &'static str {
        match (&self.before, self.is_same) {
            (None, _) => "new",
            (Some(_), true) => "unchanged",
            (Some(_), false) => "changed",
        }
    }
}

async fn apply_in(house: &House, options: &Apply, file: File) -> Outcome<(Change, Option<DealRow>)> {
    let caller = app::Caller::operator(options.program, house.app.now());
    let program = app::program::show(&house.app, &caller).await?;
    if program.currency != file.currency {
        return Err(Failure::new(format!(
            "{}: its sums are in {}, the books of the program in {}",
            options.file.display(),
            file.currency,
            program.currency
        )));
    }
    let name = Name::parse(&file.name)
        .map_err(|error| Failure::new(format!("{}: name: {error}", options.file.display())))?;
    let before = named(house, &caller, &name, options.affiliate).await?;
    let change = Change::between(before, &file.terms, program.currency);
    if options.dry_run {
        return Ok((change, None));
    }
    let row = match &change.before {
        Some(before) => {
            app::deal::update(&house.app, &caller, before.id, None, Some(file.terms.into())).await?
        }
        None => {
            let new = NewDeal { name, terms: file.terms, affiliate: options.affiliate };
            app::deal::create(&house.app, &caller, new).await?
        }
    };
    Ok((change, Some(row)))
}

/// The deal of a name, for an affiliate or for any.
async fn named(
    house: &House,
    caller: &app::Caller,
    name: &Name,
    affiliate: Option<AffiliateId>,
) -> Outcome<Option<DealRow>> {
    let (mut found, mut after): (Vec<DealRow>, _) = (Vec::new(), None);
    loop {
        let page = app::deal::page(&house.app, caller, after, PAGE).await?;
        let Some(last) = page.last() else { break };
        after = Some(last.id);
        found.extend(page.into_iter().filter(|row| row.name == name.as_str() && row.affiliate == affiliate));
    }
    if let [one, other, ..] = &found[..] {
        return Err(Failure::new(format!(
            "deals {} and {} are both called {name}; rename one of them first",
            one.id, other.id
        )));
    }
    Ok(found.pop())
}
