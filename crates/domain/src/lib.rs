//! The rules of Refero, pure: money, deals, the fold of facts into commissions, the ledger's journal and the
//! states of affiliates, referrals, commissions and payouts.
//!
//! What must not be here: a clock, randomness, I/O, SQL, HTTP. Time and ids come in as arguments.

pub mod affiliate;
pub mod attribution;
pub mod claim;
pub mod click;
pub mod command;
pub mod commission;
pub mod currency;
pub mod deal;
pub mod example;
pub mod exchange;
pub mod explain;
pub mod fact;
pub mod fold;
pub mod ids;
pub mod ledger;
pub mod link;
pub mod money;
pub mod outcome;
pub mod payout;
pub mod period;
pub mod postback;
pub mod rate;
pub mod referral;
pub mod sub_affiliate;
pub mod text;
pub mod time;
pub mod traffic;
pub mod widget;

/// The version of the rules in this crate. Every stored outcome carries it, so that history can be replayed
/// under the rules that made it.
pub const ENGINE_VERSION: i16 = 1;
