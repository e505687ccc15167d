//! The surfaces against the whole product on a real PostgreSQL.

mod reditus_company;
mod reditus_payments;
mod reditus_tracking_conversion;
