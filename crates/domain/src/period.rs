//! The close of a calendar month of one affiliate under one root deal (money.md §4, §6): tiers, caps per affiliate and
//! month, spend limits, fees that are not linear, milestones, negative months.
//!
//! [`close`] is a pure function of what stands dated in the month and of the [`Chain`] of the months before; what is
//! posted is again a difference ([`postings`]), so that a late fact posts only what it changes. [`read`] says what one
//! referral brings to a month. Single facts and limits per referral are in `fold`.

mod booking;
mod limits;
mod reading;
mod statement;
mod trace;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use serde::{Deserialize, Serialize};

pub use booking::{Posted, Posting, postings};
pub use reading::{Reading, Under, read};
pub use statement::Statement;
pub use trace::{Change, Trace, Traced};

use crate::commission::Key;
use crate::currency::Currency;
use crate::deal::{CarryScope, Charge, Measure, NegativeMonth, Of, On, Span, Terms};
use crate::fact::Position;
use crate::ids::DealVersionId;
use crate::ledger::Kind;
use crate::money::{Money, divide_half_away};
use crate::sub_affiliate;
use crate::time::{Period, Timestamp, Zone};

/// A commission dated in the month.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Item {
    /// What names it.
    pub key: Key,
    /// Its fact's place in the canonical order: caps and spend limits are filled from the earliest.
    pub position: Position,
    /// Its kind.
    pub kind: Kind,
    /// The version whose rule gave it.
    pub version: DealVersionId,
    /// What that rule is on.
    pub on: On,
    /// Before refunds, by the facts dated up to the month's end: caps and limits are filled by this, so that a refund
    /// dated later makes no room.
    pub full: i64,
    /// What it stands at now, by all facts.
    pub now: i64,
    /// The same before refunds; other than `full` where a later fact moved it to another place in its row.
    pub full_now: i64,
    /// How much of how much was returned, by which `full_now` became `now`.
    pub returned: (i64, i64),
    /// What a percentage was taken of.
    pub base: i64,
    /// The brand of its fact.
    pub brand: Option<String>,
}

/// What results are formed over: a kind, and a brand where the deal judges brand by brand.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug, Serialize, Deserialize)]
pub struct Scope {
    /// Shares, or a parent's cuts of net P&L.
    pub kind: Kind,
    /// The brand; nothing where the deal is judged as a whole, and for facts without brand.
    pub brand: Option<String>,
}

/// What the months of one affiliate and root deal hand on to the next.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
pub struct Chain {
    /// What is carried, at most zero.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub carried: Vec<(Scope, i64)>,
    /// What each rule gave so far towards its cap per affiliate.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub given: BTreeMap<u16, i64>,
    /// What the deal cost so far by this affiliate, towards the spend limit.
    #[serde(default)]
    pub spent: i64,
    /// What was reached in all months together.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub reached: BTreeMap<Measure, i64>,
    /// What was carried by following the months of sub-affiliates. It is worked off with theirs, never by results of
    /// its own.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub followed: Vec<(Scope, i64)>,
    /// Milestones over all months that were earned.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub milestones: BTreeSet<u16>,
}

/// All that the close of a month depends on.
#[derive(Clone, Debug)]
pub struct Input<'a> {
    /// The program's currency.
    pub currency: Currency,
    /// The program's time zone.
    pub zone: Zone,
    /// The month.
    pub period: Period,
    /// The terms in force for the affiliate at the month's end: what is said of the deal as a whole is read there.
    pub terms: &'a Terms,
    /// The terms of every version that gave an item: each referral is paid by its own version's table.
    pub versions: &'a BTreeMap<DealVersionId, Arc<Terms>>,
    /// The commissions dated in the month, in any order.
    pub items: Vec<Item>,
    /// What was reached in the month, over all versions of the deal, by facts dated up to its end.
    pub reached: BTreeMap<Measure, i64>,
    /// The affiliate's `no_carry_over` at the month's end.
    pub no_carry_over: bool,
    /// What everybody under the deal asks of the spend limit in this month, in order; empty where there is no limit.
    /// What the affiliate itself asks is worked out again and may as well be missing.
    pub asked: Arc<[Asked]>,
    /// What other affiliates asked of the spend limit in the months before; else zero.
    pub asked_before: i64,
}

/// What a commission asks of the spend limit of its deal.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub struct Asked {
    /// Its fact's place in the canonical order.
    pub position: Position,
    /// What names it.
    pub key: Key,
    /// How much it is before refunds, after tiers and caps.
    pub micros: i64,
}

/// Why an adjustment is posted at the close.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Correction {
    /// Another step of a rule's tiers was reached.
    Tier(u16),
    /// A rule's cap per month.
    CapPerMonth(u16),
    /// A rule's cap per affiliate.
    CapPerAffiliate(u16),
    /// The deal's spend limit.
    SpendLimit,
    /// A fee of the deal that is not linear.
    Fee(u16),
    /// A milestone of the deal.
    Milestone(u16),
    /// A negative month is made good.
    Reset(Scope),
}

/// An adjustment with its arithmetic.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
pub struct Adjusted {
    /// What the adjustment should stand at, signed.
    pub micros: i64,
    /// The part of it that concerns shares: what parents with a cut of the shares follow.
    pub of_shares: i64,
    /// What it was worked out from: what was reached, what stood before it, or what the result was.
    pub from: i64,
}

/// What a month comes to.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Closed {
    /// What every adjustment of the month should stand at; what is not here stands at zero.
    pub adjustments: BTreeMap<Correction, Adjusted>,
    /// What the month should move between `due` and `carried`: below zero put aside, above zero worked off.
    pub carried: BTreeMap<Scope, i64>,
    /// The result of each scope, after tiers and caps and before it was carried or reset.
    pub results: BTreeMap<Scope, i64>,
    /// What the next month starts from.
    pub chain: Chain,
    /// When all of it takes effect: the last microsecond of the month plus hold days, as what the close releases does.
    pub effective_at: Option<Timestamp>,
}

/// What an affiliate's commissions of a month ask of the deal's spend limit.
pub fn asked(input: &Input<'_>, before: &Chain) -> Vec<Asked> {
    let mut closed = Closed { chain: before.clone(), ..Closed::default() };
    let mut items = input.items.clone();
    limits::tiers(input, &mut items, &mut closed, &());
    sort(&mut items);
    limits::caps(input, &mut items, &mut closed, &());
    items.into_iter().map(|it| Asked { position: it.position, key: it.key, micros: it.full }).collect()
}

fn sort(items: &mut [Item]) {
    items.sort_by(|a, b| a.position.cmp(&b.position).then(a.key.cmp(&b.key)));
}

/// Closes a month, or closes it again.
pub fn close(input: &Input<'_>, before: &Chain) -> Closed {
    close_traced(input, before, &())
}

/// As [`close`], telling what it changes of each commission.
pub fn close_traced(input: &Input<'_>, before: &Chain, trace: &impl Trace) -> Closed {
    let mut closed = Closed {
        chain: before.clone(),
        effective_at: Some(input.zone.close_of(input.period, input.terms.hold_days)),
        ..Closed::default()
    };
    let mut items = input.items.clone();
    sort(&mut items);
    limits::tiers(input, &mut items, &mut closed, trace);
    limits::caps(input, &mut items, &mut closed, trace);
    limits::spend_limit(input, &mut items, &mut closed, trace);
    let mut results = results(input, &items);
    fees(input, &items, &mut results, &mut closed);
    milestones(input, &mut closed);
    settle(input, results, &mut closed);
    closed.adjustments.retain(|_, adjusted| adjusted.micros != 0);
    closed
}

impl Closed {
    /// Adds what a parent books because of a month of a sub-affiliate (`sub_affiliate::follow`). A month takes effect at
    /// one instant (money.md §6), so a child's longer hold puts off all of the parent's: neither is a correction paid
    /// before what it corrects, nor that before its correction.
    pub fn follow(&mut self, followed: &Closed) {
        for (correction, adjusted) in &followed.adjustments {
            let sum = self.adjustments.entry(correction.clone()).or_default();
            sum.micros = sum.micros.saturating_add(adjusted.micros);
            sum.from = sum.from.saturating_add(adjusted.from);
        }
        self.adjustments.retain(|_, adjusted| adjusted.micros != 0);
        for (scope, micros) in &followed.carried {
            let sum = self.carried.entry(scope.clone()).or_default();
            *sum = sum.saturating_add(*micros);
        }
        self.carried.retain(|_, micros| *micros != 0);
        self.chain.follow(&followed.carried);
        self.effective_at = self.effective_at.max(followed.effective_at);
    }
}

impl Chain {
    /// Adds what was carried by following a month of a sub-affiliate.
    pub fn follow(&mut self, carried: &BTreeMap<Scope, i64>) {
        let mut sums: BTreeMap<Scope, i64> = std::mem::take(&mut self.followed).into_iter().collect();
        for (scope, micros) in carried {
            let sum = sums.entry(scope.clone()).or_default();
            *sum = sum.saturating_add(*micros);
        }
        self.followed = sums.into_iter().filter(|(_, micros)| *micros != 0).collect();
    }
}

/// The result of each scope: shares and cuts of net P&L dated in the month, whatever was released or paid.
fn results(input: &Input<'_>, items: &[Item]) -> BTreeMap<Scope, i128> {
    let mut results: BTreeMap<Scope, i128> = BTreeMap::new();
    for item in items.iter().filter(|item| is_in_result(item)) {
        *results.entry(scope_of(input, item)).or_default() += i128::from(item.now);
    }
    results
}

fn is_in_result(item: &Item) -> bool {
    match item.kind {
        Kind::Share => true,
        Kind::SubAffiliate => sub_affiliate::is_of_net_pnl(item.key.rule),
        Kind::Lead | Kind::Acquisition => false,
    }
}

fn scope_of(input: &Input<'_>, item: &Item) -> Scope {
    let brand = match input.terms.carry_scope {
        CarryScope::Deal => None,
        CarryScope::Brand => item.brand.clone(),
    };
    Scope { kind: item.kind, brand }
}

/// Fees that are not linear lower the net P&L of the month, and with it the shares of net P&L at their mean rate. They
/// never make a month negative.
fn fees(input: &Input<'_>, items: &[Item], results: &mut BTreeMap<Scope, i128>, closed: &mut Closed) {
    let of_net_pnl =
        |item: &&Item| item.kind == Kind::Share && item.on == On::Activity && pays_net_pnl(input, item);
    let (mut shares, mut base) = (0_i128, 0_i128);
    for item in items.iter().filter(of_net_pnl) {
        shares += i128::from(item.now);
        base += i128::from(item.base);
    }
    let reached = |by: Measure| i128::from(input.reached.get(&by).copied().unwrap_or(0));
    for (index, fee) in input.terms.fees.iter().enumerate().filter(|(_, fee)| !fee.is_linear()) {
        if base <= 0 || shares <= 0 {
            continue;
        }
        let charged = match fee.charge {
            Charge::FlatPerMonth(amount) => i128::from(amount.0),
            Charge::Percent { rate, of } => {
                let of = match of {
                    Of::Pnl => reached(Measure::Pnl),
                    Of::NetPnl => base,
                    Of::Deposits => reached(Measure::Revenue),
                    Of::Volume => reached(Measure::Volume),
                };
                scale(of.max(0), rate.ppm().into(), 1_000_000)
            }
        };
        let charged = charged.min(base);
        let less = scale(charged, shares, base).min(shares);
        spread(results, less);
        let micros = clamp(-less);
        let adjusted = Adjusted { micros, of_shares: micros, from: clamp(charged) };
        closed.adjustments.insert(Correction::Fee(index as u16), adjusted);
        base -= charged;
        shares -= less;
    }
}

fn pays_net_pnl(input: &Input<'_>, item: &Item) -> bool {
    let rule = limits::rule_of(input, item);
    rule.is_some_and(|rule| matches!(rule.reward, crate::deal::Reward::PercentOfNetPnl(_)))
}

/// Takes an amount off the results of shares that are above zero, in proportion; the last one takes what is left.
fn spread(results: &mut BTreeMap<Scope, i128>, amount: i128) {
    let is_above = |(scope, result): &(&Scope, &mut i128)| scope.kind == Kind::Share && **result > 0;
    let mut whole: i128 = results.iter_mut().filter(is_above).map(|(_, result)| *result).sum();
    let mut left = amount;
    for (_, result) in results.iter_mut().filter(is_above) {
        let part = scale(left, *result, whole);
        whole -= *result;
        left -= part;
        *result -= part;
    }
}

fn milestones(input: &Input<'_>, closed: &mut Closed) {
    for (by, micros) in &input.reached {
        let so_far = closed.chain.reached.entry(*by).or_default();
        *so_far = so_far.saturating_add(*micros);
    }
    for (index, milestone) in input.terms.milestones.iter().enumerate() {
        let reached = match milestone.per {
            Span::Month => &input.reached,
            Span::Ever => &closed.chain.reached,
        };
        let reached = reached.get(&milestone.by).copied().unwrap_or(0);
        let is_new = milestone.per == Span::Month || !closed.chain.milestones.contains(&(index as u16));
        if reached >= milestone.from.0 && is_new {
            if milestone.per == Span::Ever {
                closed.chain.milestones.insert(index as u16);
            }
            let adjusted = Adjusted { micros: milestone.bonus.0, of_shares: 0, from: reached };
            closed.adjustments.insert(Correction::Milestone(index as u16), adjusted);
        }
    }
}

/// What becomes of each result: below zero it lowers due, is carried or is made good; above zero it works off what is
/// carried in its scope.
fn settle(input: &Input<'_>, results: BTreeMap<Scope, i128>, closed: &mut Closed) {
    let negative = if input.no_carry_over { NegativeMonth::Reset } else { input.terms.negative_month };
    let mut carried: BTreeMap<Scope, i64> = std::mem::take(&mut closed.chain.carried).into_iter().collect();
    for (scope, result) in results {
        let result = clamp(result);
        let aside = carried.get(&scope).copied().unwrap_or(0);
        let change = match (result, negative) {
            (..0, NegativeMonth::Carry) => result,
            (..0, NegativeMonth::Reset) => {
                let micros = result.saturating_neg();
                let of_shares = if scope.kind == Kind::Share { micros } else { 0 };
                let adjusted = Adjusted { micros, of_shares, from: result };
                closed.adjustments.insert(Correction::Reset(scope.clone()), adjusted);
                0
            }
            (..0, NegativeMonth::Net) => 0,
            (_, _) => result.min(aside.saturating_neg().max(0)),
        };
        if change != 0 {
            carried.insert(scope.clone(), aside.saturating_add(change));
            closed.carried.insert(scope.clone(), change);
        }
        closed.results.insert(scope, result);
    }
    closed.chain.carried = carried.into_iter().filter(|(_, micros)| *micros != 0).collect();
}

/// `amount × numerator / denominator`, rounded once, half away from zero; zero where the denominator is.
fn scale(amount: i128, numerator: i128, denominator: i128) -> i128 {
    amount.checked_mul(numerator).and_then(|product| divide_half_away(product, denominator)).unwrap_or(0)
}

/// As [`scale`], to whole minor units, unless the commission is on activity, which keeps micros.
fn scale_item(input: &Input<'_>, item: &Item, micros: i64, numerator: i128, denominator: i128) -> i64 {
    if item.on == On::Activity {
        return clamp(scale(micros.into(), numerator, denominator));
    }
    let money = Money::from_micros(micros, input.currency).share(numerator, denominator);
    money.map_or(micros, |money| money.micros())
}

fn clamp(micros: i128) -> i64 {
    i64::try_from(micros).unwrap_or(if micros < 0 { -i64::MAX } else { i64::MAX })
}
