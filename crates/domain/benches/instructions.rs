//! How many instructions an evaluation takes, counted by callgrind, so that the number holds still on a noisy machine:
//! `cargo bench -p domain --bench instructions`. It needs valgrind and the runner of gungraun (docs/PERFORMANCE.md).

#![allow(missing_docs, reason = "gungraun's macros make items without documentation")]

mod support;

use std::hint::black_box;

use domain::commission::Posting;
use domain::fold::Folded;
use gungraun::{library_benchmark, library_benchmark_group, main};
use support::Case;

/// A case that is never dropped, so that dropping it is not counted.
fn lasting(zone: &str) -> &'static Case {
    Box::leak(Box::new(Case::new(zone)))
}

#[library_benchmark]
#[bench::utc(lasting("UTC"))]
#[bench::berlin(lasting("Europe/Berlin"))]
fn evaluate(case: &'static Case) -> Folded {
    black_box(case).evaluate()
}

#[library_benchmark]
#[bench::utc(lasting("UTC"))]
fn book(case: &'static Case) -> Vec<Posting> {
    black_box(case).book()
}

#[library_benchmark]
#[bench::utc(lasting("UTC"))]
fn fold_two(case: &'static Case) -> Folded {
    black_box(case).fold()
}

library_benchmark_group!(name = engine; benchmarks = evaluate, book, fold_two);
main!(library_benchmark_groups = engine);
