//! What the close of a month corrects, in words.

use crate::currency::Currency;
use crate::deal::sentence::measure;
use crate::deal::{Measure, Terms};
use crate::money::{Money, decimal};
use crate::period::Correction;

/// A correction in words, under the terms it was made by; `from` is what it was worked out from, where that is known.
pub fn correction(correction: &Correction, from: Option<i64>, terms: &Terms, currency: Currency) -> String {
    let money = |micros: i64| Money::from_micros(micros, currency).to_string();
    let reached = |by: Measure| {
        let level = from.map(|from| if by.is_count() { decimal(from.into(), 0) } else { money(from) });
        let level = level.map_or_else(String::new, |level| format!(" came to {level}"));
        format!("{} of the month{level}", measure(by))
    };
    let before = from.map_or_else(String::new, |from| format!(" and {} was earned", money(from)));
    let rule = |place: u16| terms.rules.get(usize::from(place));
    match correction {
        Correction::Tier(place) => {
            let by = rule(*place).and_then(|rule| rule.tiers.as_ref()).map(|tiers| tiers.by);
            let reached = by.map_or_else(|| "the level changed".to_owned(), reached);
            format!("tier of rule {place}: {reached}")
        }
        Correction::CapPerMonth(place) => {
            let cap = rule(*place).and_then(|rule| rule.limits.per_month).map_or(0, |cap| cap.0);
            format!("cap of rule {place}: at most {} a month{before}", money(cap))
        }
        Correction::CapPerAffiliate(place) => {
            let cap = rule(*place).and_then(|rule| rule.limits.per_affiliate).map_or(0, |cap| cap.0);
            format!("cap of rule {place}: at most {} per affiliate{before}", money(cap))
        }
        Correction::SpendLimit => {
            let limit = terms.spend_limit.map_or(0, |limit| limit.0);
            format!("spend limit: the deal costs at most {} in all", money(limit))
        }
        Correction::Fee(place) => {
            let name = terms.fees.get(usize::from(*place)).map_or("fee", |fee| fee.name.as_str());
            let charged = from.map_or_else(String::new, |from| format!(": {} of the net P&L", money(from)));
            format!("{name}{charged}")
        }
        Correction::Milestone(place) => {
            let by = terms.milestones.get(usize::from(*place)).map(|milestone| milestone.by);
            let reached = by.map_or_else(|| "reached".to_owned(), reached);
            format!("milestone {place}: {reached}")
        }
        Correction::Reset(_) => {
            let result = from.map_or_else(String::new, |from| format!(" of {}", money(from)));
            format!("a negative result{result} is reset to zero")
        }
    }
}
