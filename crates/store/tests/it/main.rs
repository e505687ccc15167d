//! What the database is asked for beyond being right: plans, locks, catalogue.

mod plans;
