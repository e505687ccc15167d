//! `refero verify`: rebuilds everything that is derived, compares, and says what differs.

use clap::Args;
use domain::ids::ProgramId;
use serde_json::json;

use crate::failure::{Failure, Outcome};
use crate::house::{self, House, Manner};

#[derive(Args)]
pub(crate) struct Options {
    #[command(flatten)]
    house: house::Options,
    /// Only this program.
    #[arg(long, value_name = "ID")]
    program: Option<ProgramId>,
    /// Answer in JSON, one line a program.
    #[arg(long)]
    json: bool,
}

pub(crate) async fn run(options: Options) -> Outcome {
    let house = House::open(&options.house, Manner::command()).await?;
    let checked = verify(&house, &options).await;
    house.close(false).await?;
    match checked? {
        0 => Ok(()),
        faults => Err(Failure::new(format!("{faults} checks failed"))),
    }
}

async fn verify(house: &House, options: &Options) -> Outcome<usize> {
    let programs = match options.program {
        Some(program) => vec![program],
        None => app::program::ids(&house.app).await?,
    };
    let mut faults = 0;
    for program in programs {
        let findings = app::verify::program(&house.app, program).await?;
        faults += findings.len();
        if options.json {
            let findings: Vec<_> = findings
                .iter()
                .map(|finding| json!({ "check": finding.check, "rows": finding.rows }))
                .collect();
            println!(
                "{}",
                json!({ "program_id": program, "clean": findings.is_empty(), "findings": findings })
            );
            continue;
        }
        if findings.is_empty() {
            println!("program {program}: clean");
        }
        for finding in findings {
            println!("program {program}: failed: {}", finding.check);
            finding.rows.iter().for_each(|row| println!("    {row}"));
        }
    }
    Ok(faults)
}
