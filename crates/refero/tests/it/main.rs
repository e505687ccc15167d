//! The binary as people run it: in folders of its own, with its own PostgreSQL.

mod binary;
mod browser;
mod deals;
mod demo;
mod fuzz;
mod history;
mod kill;
mod outage;
mod periods;
mod rates;
mod readme;
