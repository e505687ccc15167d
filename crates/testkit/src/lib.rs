//! What the tests share: a PostgreSQL database per test, the product on it with a clock that stands still, and
//! builders for what most tests need. Used from `tests/` only.

mod database;
mod dead_jobs;
mod faults;
pub mod file_server;
mod second_app;
pub mod simulation;
pub mod smtp;
mod test_app;

pub use database::{Database, run_on_database};
pub use test_app::{Answer, TestApp, config, run, run_with};
