//! What a measurement came to, for people as a table and for programs as JSON.

use serde_json::{Value, json};

use super::counters::Cost;
use super::load::Measured;

/// One line of the table: a rate and what it is held against.
pub(super) struct Line {
    /// The case.
    pub(super) case: &'static str,
    /// What it is held against.
    pub(super) against: &'static str,
    /// The least ratio.
    pub(super) required: f64,
    /// Run by run: what was measured, and the rate it is held against.
    pub(super) runs: Vec<(Measured, f64)>,
}

impl Line {
    /// A line that waits for its runs.
    pub(super) fn new(case: &'static str, against: &'static str, required: f64) -> Line {
        Line { case, against, required, runs: Vec::new() }
    }

    /// The median of the ratios within each run.
    pub(super) fn ratio(&self) -> f64 {
        median(self.runs.iter().map(|(measured, limit)| measured.rate() / limit))
    }

    fn is_reached(&self) -> bool {
        self.ratio() >= self.required
    }

    fn of(&self, what: impl Fn(&Measured) -> f64) -> f64 {
        median(self.runs.iter().map(|(measured, _)| what(measured)))
    }

    fn errors(&self) -> u64 {
        self.runs.iter().map(|(measured, _)| measured.errors).sum()
    }

    /// What the first request that went wrong got.
    pub(super) fn first_error(&self) -> Option<&str> {
        self.runs.iter().find_map(|(measured, _)| measured.first_error.as_deref())
    }

    fn limit(&self) -> f64 {
        median(self.runs.iter().map(|(_, limit)| *limit))
    }

    fn verdict(&self) -> &'static str {
        if self.is_reached() { "ok" } else { "short" }
    }

    /// The line for programs.
    pub(super) fn json(&self) -> Value {
        json!({
            "case": self.case, "per_second": self.of(Measured::rate), "p50_ms": self.of(|run| run.p50),
            "p99_ms": self.of(|run| run.p99), "errors": self.errors(), "first_error": self.first_error(),
            "against": self.against, "against_per_second": self.limit(), "ratio": self.ratio(),
            "ratios": self.runs.iter().map(|(run, limit)| run.rate() / limit).collect::<Vec<_>>(),
            "required": self.required, "reached": self.is_reached(),
        })
    }
}

/// Prints the table.
pub(super) fn print(lines: &[&Line]) {
    println!(
        "| {:<28} | {:>9} | {:>8} | {:>8} | {:>6} | {:<22} | {:>9} | {:>5} | {:>8} | {:<5} |",
        "case", "a second", "p50 ms", "p99 ms", "errors", "against", "a second", "ratio", "at least", ""
    );
    println!(
        "|{:-<30}|{:->11}|{:->10}|{:->10}|{:->8}|{:-<24}|{:->11}|{:->7}|{:->10}|{:-<7}|",
        "", "", "", "", "", "", "", "", "", ""
    );
    for line in lines {
        println!(
            "| {:<28} | {:>9.0} | {:>8.2} | {:>8.2} | {:>6} | {:<22} | {:>9.0} | {:>5.2} | {:>8.2} | {:<5} |",
            line.case,
            line.of(Measured::rate),
            line.of(|run| run.p50),
            line.of(|run| run.p99),
            line.errors(),
            line.against,
            line.limit(),
            line.ratio(),
            line.required,
            line.verdict()
        );
    }
    for line in lines {
        if let Some(error) = line.first_error() {
            println!("{}: the first error was: {error}", line.case);
        }
    }
}

/// A cost for programs.
pub(super) fn cost_json(cost: &Cost) -> Value {
    json!({
        "inserted_rows": cost.inserted_rows(), "inserted": cost.inserted, "updated_rows": cost.updated,
        "deleted_rows": cost.deleted, "wal_bytes": cost.wal_bytes,
    })
}

/// Prints what a payment costs.
pub(super) fn print_cost(who: &str, cost: &Cost) {
    let tables: Vec<String> =
        cost.inserted.iter().map(|(table, rows)| format!("{table} {rows:.2}")).collect();
    println!(
        "{who}: {:.2} rows inserted ({}), {:.2} updated, {:.2} deleted, {:.0} bytes of log",
        cost.inserted_rows(),
        tables.join(", "),
        cost.updated,
        cost.deleted,
        cost.wal_bytes
    );
}

/// The middle one; of an even number the lower of the two in the middle.
pub(super) fn median(values: impl Iterator<Item = f64>) -> f64 {
    let mut values: Vec<f64> = values.collect();
    values.sort_by(f64::total_cmp);
    values.get(values.len().saturating_sub(1) / 2).copied().unwrap_or(f64::NAN)
}
