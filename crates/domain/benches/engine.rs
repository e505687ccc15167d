//! How many evaluations a second the pure engine makes on one core: `cargo bench -p domain --bench engine`. What is
//! evaluated is in `support`; how many instructions that takes, whatever else the machine does, is in `instructions`.

#![allow(missing_docs, reason = "divan's macros make items without documentation")]

mod support;

use divan::counter::ItemsCount;
use divan::{Bencher, black_box};
use support::Case;

const ZONES: [&str; 2] = ["UTC", "Europe/Berlin"];

fn main() {
    divan::main();
}

#[divan::bench(args = ZONES)]
fn evaluate(bencher: Bencher<'_, '_>, zone: &str) {
    let case = Case::new(zone);
    bencher.counter(ItemsCount::new(1_usize)).bench_local(|| black_box(&case).evaluate());
}

#[divan::bench(args = ZONES)]
fn book(bencher: Bencher<'_, '_>, zone: &str) {
    let case = Case::new(zone);
    bencher.counter(ItemsCount::new(1_usize)).bench_local(|| black_box(&case).book());
}

#[divan::bench(args = ZONES)]
fn fold_two(bencher: Bencher<'_, '_>, zone: &str) {
    let case = Case::new(zone);
    bencher.counter(ItemsCount::new(2_usize)).bench_local(|| black_box(&case).fold());
}
