//! A seeded simulation: a random program with random deals lives through some months of registrations, payments in many
//! currencies, refunds, disputes, days of players, closes, payouts and changed settings, told late, twice, in any order and
//! through crashes; an independent auditor compares what every affiliate earned, is due and was paid with what it computes
//! from what was acknowledged. The same seed makes the same program and the same requests.
//!
//! `REFERO_SIMULATION=7`, `7,8` or `100..200` runs these seeds instead of the usual ones.

mod asks;
mod auditor;
mod client;
mod draw;
mod plan;
mod play;
mod severed;
mod words;
mod world;

use std::ops::Range;
use std::panic::AssertUnwindSafe;
use std::sync::atomic::{AtomicUsize, Ordering};

use crate::TestApp;
use play::{Play, STEPS};

/// Names the seeds to run.
const VARIABLE: &str = "REFERO_SIMULATION";

/// How often is compared as long as nothing differs.
const EVERY: usize = 12;

/// Runs the seeds of a range, or the part of those asked for by the environment that falls to one of several tests.
pub fn run(usual: Range<u64>, (part, parts): (u64, u64)) {
    for seed in wanted(usual).into_iter().filter(|seed| seed % parts == part) {
        run_seed(seed);
    }
}

/// Runs one seed. Where something differs, runs it again, comparing after every step, to name the first step after which it
/// does.
pub fn run_seed(seed: u64) {
    if let Err(first) = attempt(seed, STEPS, EVERY) {
        let step = match attempt(seed, STEPS, 1) {
            Err(second) => format!(
                "compared after every step, it fails at step {} of {STEPS}:\n{}",
                second.step, second.message
            ),
            Ok(()) => "compared after every step, it does not fail".to_owned(),
        };
        panic!(
            "seed {seed} fails by step {}:\n{}\n{step}\nrun it again: {VARIABLE}={seed} \
             cargo run -p embedded-postgres --example test-postgres -- cargo test -p app simulation",
            first.step, first.message
        );
    }
}

/// What went wrong, and by which step.
struct Failure {
    step: usize,
    message: String,
}

fn attempt(seed: u64, steps: usize, every: usize) -> Result<(), Failure> {
    let watch = AtomicUsize::new(0);
    let body = async |test: TestApp| Play::begin(&test, seed).await.live(steps, every, &watch).await;
    std::panic::catch_unwind(AssertUnwindSafe(|| crate::run(body))).map_err(|panic| {
        let text = panic.downcast_ref::<String>().cloned();
        let message = text.or_else(|| panic.downcast_ref::<&str>().map(|text| (*text).to_owned()));
        Failure { step: watch.load(Ordering::Relaxed), message: message.unwrap_or_default() }
    })
}

/// The seeds asked for: `7`, `7,8` or `100..200`.
fn wanted(usual: Range<u64>) -> Vec<u64> {
    let Ok(text) = std::env::var(VARIABLE) else { return usual.collect() };
    let number = |text: &str| {
        let refused = format!("{VARIABLE} is {text:?}; write it as in 7, 7,8 or 100..200");
        text.trim().parse::<u64>().unwrap_or_else(|_| panic!("{refused}"))
    };
    match text.split_once("..") {
        Some((from, to)) => (number(from)..number(to)).collect(),
        None => text.split(',').map(number).collect(),
    }
}
