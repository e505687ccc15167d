//! Tests of the rules from outside, in one binary. `story` and `books` are the doors; the modules below them hold
//! the cases: text tables for the fold and for what is posted, and laws over random histories.

mod affiliates;
mod amounts;
mod books;
mod counting;
mod difference;
mod laws;
mod random;
mod refunds;
mod story;
