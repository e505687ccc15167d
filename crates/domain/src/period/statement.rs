//! The statement of a month: what it came to, and what that was worked out from. The first close freezes it.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::{Adjusted, Closed, Correction, Input, Scope};
use crate::deal::Measure;
use crate::ledger::Kind;

/// The statement of a month.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
pub struct Statement {
    /// What the commissions dated in it stand at, by kind, in micros.
    pub commissions: BTreeMap<Kind, i64>,
    /// What was reached by facts dated up to its end, in micros; a count as whole units.
    pub reached: BTreeMap<Measure, i64>,
    /// What the close corrects.
    pub adjustments: Vec<(Correction, Adjusted)>,
    /// The result of each scope, after tiers and caps, before it was carried or reset.
    pub results: Vec<(Scope, i64)>,
    /// What was put aside (below zero) or worked off.
    pub carried: Vec<(Scope, i64)>,
    /// The affiliate's `no_carry_over` at the month's end, which later closes of the month go by too.
    pub no_carry_over: bool,
}

impl Statement {
    /// The statement of a month that was closed.
    pub fn of(input: &Input<'_>, closed: &Closed) -> Statement {
        let mut commissions: BTreeMap<Kind, i64> = BTreeMap::new();
        for item in &input.items {
            let sum = commissions.entry(item.kind).or_default();
            *sum = sum.saturating_add(item.now);
        }
        Statement {
            commissions,
            reached: input.reached.clone(),
            adjustments: pairs(&closed.adjustments),
            results: pairs(&closed.results),
            carried: pairs(&closed.carried),
            no_carry_over: input.no_carry_over,
        }
    }
}

fn pairs<K: Clone, V: Clone>(map: &BTreeMap<K, V>) -> Vec<(K, V)> {
    map.iter().map(|(key, value)| (key.clone(), value.clone())).collect()
}

impl Correction {
    /// Every word for a correction.
    pub const WORDS: [&'static str; 7] =
        ["tier", "cap_per_month", "cap_per_affiliate", "spend_limit", "fee", "milestone", "reset"];

    /// The word of this correction.
    pub fn as_str(&self) -> &'static str {
        let place = match self {
            Correction::Tier(_) => 0,
            Correction::CapPerMonth(_) => 1,
            Correction::CapPerAffiliate(_) => 2,
            Correction::SpendLimit => 3,
            Correction::Fee(_) => 4,
            Correction::Milestone(_) => 5,
            Correction::Reset(_) => 6,
        };
        Correction::WORDS[place]
    }

    /// The place of the rule, fee or milestone in the terms, from 0.
    pub fn place(&self) -> Option<u16> {
        match self {
            Correction::Tier(place)
            | Correction::CapPerMonth(place)
            | Correction::CapPerAffiliate(place)
            | Correction::Fee(place)
            | Correction::Milestone(place) => Some(*place),
            Correction::SpendLimit | Correction::Reset(_) => None,
        }
    }

    /// What is made good, where that is what it does.
    pub fn scope(&self) -> Option<&Scope> {
        match self {
            Correction::Reset(scope) => Some(scope),
            _ => None,
        }
    }
}
