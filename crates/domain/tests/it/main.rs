//! Tests of the rules from outside, in one binary. `story` and `books` are the doors; the modules below them hold
//! the cases: text tables for the fold and for what is posted, and laws over random histories.

mod affiliates;
mod amounts;
mod attribution;
mod books;
mod click;
mod counting;
mod deals;
mod difference;
mod disputes;
mod documents;
mod exchange;
mod exchange_files;
mod explanations;
mod golden;
mod laws;
mod laws_of_deals;
mod links;
mod months;
mod network;
mod postbacks;
mod program;
mod random;
mod refund_cases;
mod refunds;
mod regressions;
mod story;
mod story_of_march;
mod terms;
mod widget;
