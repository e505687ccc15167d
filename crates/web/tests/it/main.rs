//! The surfaces against the whole product on a real PostgreSQL.

mod api_activity;
mod api_affiliates;
mod api_attributes;
mod api_client;
mod api_document;
mod api_events;
mod api_input;
mod api_keys;
mod api_money;
mod api_program;
mod api_rates;
mod api_referrals;
mod reditus_affiliate;
mod reditus_company;
mod reditus_frame;
mod reditus_partners;
mod reditus_payments;
mod reditus_referrals;
mod reditus_refunds;
mod reditus_tracking_conversion;
mod smartico_access;
mod smartico_adjustments;
mod smartico_affiliates;
mod smartico_balance;
mod smartico_operator;
mod smartico_payments;
