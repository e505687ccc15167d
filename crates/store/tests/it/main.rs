//! What the database is asked for beyond being right: plans, locks, catalogue.

mod buffers;
mod catalogue;
mod figures;
mod lock_order;
mod log_numbers;
mod names;
mod statements;
mod values;
