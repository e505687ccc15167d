//! What closed months come to (money.md §4 and §6): tiers, caps, spend limits and milestones from the facts dated up to the
//! month's end, in proportion to what each commission stands at now; then what becomes of a negative result. Every month is
//! worked out again from the first one on, whenever it is asked for.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use super::super::words::{Measure, Negative, On, Terms};
use super::fold::{Earned, Name, Place};
use super::{Auditor, Instant, Kind, Month, in_force, rounded};

/// A commission dated in a month.
#[derive(Clone, Debug)]
struct Item {
    of: Earned,
    /// Before refunds, by what is dated up to the month's end.
    full: i128,
    /// The same by all facts.
    full_now: i128,
    now: i128,
}

/// What the months of an affiliate under a deal hand on.
#[derive(Clone, Debug, Default)]
struct Chain {
    carried: BTreeMap<Kind, i128>,
    given: BTreeMap<usize, i128>,
    reached: BTreeMap<Measure, i128>,
    milestones: BTreeSet<usize>,
}

/// What a month comes to.
#[derive(Clone, Debug, Default)]
pub(super) struct Closed {
    items: Vec<Item>,
    /// Corrections, and what of them concerns shares.
    corrected: i128,
    of_shares: i128,
    results: BTreeMap<Kind, i128>,
    carried: BTreeMap<Kind, i128>,
    /// What parents' rows take over from their children's.
    followed: i128,
    followed_carried: i128,
    effective_at: Instant,
}

/// A statement: what commissions dated in the month stood at by kind, what the close corrected and what it carried, in all.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub(crate) struct Statement {
    pub(crate) commissions: BTreeMap<Kind, i128>,
    pub(crate) corrected: i128,
    pub(crate) carried: i128,
}

impl Closed {
    pub(super) fn statement(&self) -> Statement {
        let mut commissions: BTreeMap<Kind, i128> = BTreeMap::new();
        for item in &self.items {
            *commissions.entry(item.of.kind).or_default() += item.of.now;
        }
        commissions.retain(|_, sum| *sum != 0);
        Statement { commissions, corrected: self.corrections(), carried: self.carried_of(None) }
    }

    /// All that is booked as adjustments.
    pub(super) fn corrections(&self) -> i128 {
        self.corrected + self.followed
    }

    /// All that is carried, or what is of one kind.
    pub(super) fn carried_of(&self, kind: Option<Kind>) -> i128 {
        let own = self.carried.iter().filter(|(of, _)| kind.is_none_or(|kind| kind == **of));
        let followed =
            if kind.is_none_or(|kind| kind == Kind::SubAffiliate) { self.followed_carried } else { 0 };
        own.map(|(_, micros)| *micros).sum::<i128>() + followed
    }

    /// When it is booked.
    pub(super) fn effective_at(&self) -> Instant {
        self.effective_at
    }
}

/// By affiliate and deal.
type Items = BTreeMap<(usize, usize), Vec<Item>>;
type Reached = BTreeMap<(usize, usize), BTreeMap<Measure, i128>>;
type Months = BTreeMap<(usize, usize, Month), Closed>;

impl Terms {
    fn closes(&self) -> bool {
        let closes = |rule: &super::super::words::Rule| {
            rule.on == On::Activity
                || rule.tiers.is_some()
                || rule.per_affiliate.is_some()
                || rule.per_month.is_some()
        };
        self.spend_limit.is_some()
            || !self.milestones.is_empty()
            || !self.levels.is_empty()
            || self.rules.iter().any(closes)
    }
}

impl Auditor {
    /// Every closed month of every affiliate under every deal that closes.
    pub(super) fn months(&self) -> Months {
        let Some(through) = self.closed_through else { return Months::new() };
        let first =
            self.facts.values().flatten().map(|fact| self.month(fact.at)).min().unwrap_or(through + 1);
        let now: BTreeMap<&str, Vec<Earned>> =
            self.customers.keys().map(|name| (name.as_str(), self.fold(name, None).earned)).collect();
        let mut months = Months::new();
        let mut chains: BTreeMap<(usize, usize), Chain> = BTreeMap::new();
        let mut spent: BTreeMap<usize, i128> = BTreeMap::new();
        for month in first..=through {
            let (mut items, reached) = self.read(month, &now);
            for deal in 0..self.deals.len() {
                if !self.deals[deal].iter().any(|(_, terms)| terms.closes()) {
                    continue;
                }
                let mut closing: BTreeMap<usize, (Closed, Arc<Terms>)> = BTreeMap::new();
                for person in 0..self.people.len() {
                    let reached = reached.get(&(person, deal)).cloned().unwrap_or_default();
                    let terms = self.at_end(deal, month);
                    let mut closed = Closed {
                        items: items.remove(&(person, deal)).unwrap_or_default(),
                        effective_at: self.end(month, terms.hold_days),
                        ..Closed::default()
                    };
                    let chain = chains.entry((person, deal)).or_default();
                    self.tiers(&mut closed, &reached);
                    self.caps(&terms, &mut closed, chain);
                    milestones(&terms, &mut closed, chain, &reached);
                    closing.insert(person, (closed, terms));
                }
                self.spend(deal, &mut closing, &mut spent);
                for (person, (mut closed, terms)) in closing {
                    let resets = in_force(&self.people[person].resets, self.end(month, 0)).unwrap_or(false);
                    let chain = chains.entry((person, deal)).or_default();
                    settle(&mut closed, chain, if resets { Negative::Reset } else { terms.negative });
                    months.insert((person, deal, month), closed);
                }
            }
        }
        self.follow(&mut months);
        months
    }

    /// The terms of a deal in force at the end of a month.
    fn at_end(&self, deal: usize, month: Month) -> Arc<Terms> {
        let end = self.end(month, 0);
        let versions = &self.deals[deal];
        let newest = versions.iter().rev().find(|(from, _)| *from <= end).or(versions.first());
        newest.map(|(_, terms)| terms.clone()).expect("a deal has a version")
    }

    /// The commissions dated in a month and what was reached in it, by affiliate and deal.
    fn read(&self, month: Month, now: &BTreeMap<&str, Vec<Earned>>) -> (Items, Reached) {
        let end = self.end(month, 0);
        let (mut items, mut reached) = (Items::new(), Reached::new());
        for (name, customer) in &self.customers {
            let then = self.fold(name, Some(end));
            for (by, at, micros) in then.reached {
                if self.month(at) == month {
                    let of = reached.entry((customer.affiliate, customer.deal)).or_default();
                    *of.entry(by).or_default() += micros;
                }
            }
            let mut both: BTreeMap<Name, (Option<Earned>, Option<Earned>)> = BTreeMap::new();
            for earned in then.earned {
                let name = earned.name.clone();
                both.entry(name).or_default().0 = Some(earned);
            }
            for earned in &now[name.as_str()] {
                both.entry(earned.name.clone()).or_default().1 = Some(earned.clone());
            }
            for (then, now) in both.into_values() {
                let stands = now.as_ref().map_or(0, |now| now.now);
                let full = then.as_ref().map(|then| then.full);
                let Some(of) = now.or(then) else { continue };
                if self.month(of.place.0) == month {
                    let full_now = of.full;
                    let of = Earned { now: stands, ..of };
                    let item = Item { full: full.unwrap_or(full_now), full_now, now: stands, of };
                    items.entry((item.of.name.2, item.of.deal)).or_default().push(item);
                }
            }
        }
        for items in items.values_mut() {
            items.sort_by_key(|item| (item.of.place.clone(), item.of.name.clone()));
        }
        (items, reached)
    }

    /// Puts an item to another full amount; what it stands at follows.
    fn put(&self, item: &mut Item, full: i128) -> i128 {
        item.full_now = match item.full_now == item.full {
            true => full,
            false => self.scaled(item, item.full_now, full, item.full),
        };
        let now = if item.now == 0 { 0 } else { self.after(item.full_now, item.of.back) };
        let change = now - item.now;
        (item.full, item.now) = (full, now);
        change
    }

    fn scaled(&self, item: &Item, micros: i128, numerator: i128, denominator: i128) -> i128 {
        let unit = if item.of.on == On::Activity { 1 } else { i128::from(self.program.unit) };
        rounded(micros * numerator, denominator * unit) * unit
    }

    fn tiers(&self, closed: &mut Closed, reached: &BTreeMap<Measure, i128>) {
        let mut items = std::mem::take(&mut closed.items);
        for item in items.iter_mut().filter(|item| item.of.kind != Kind::SubAffiliate) {
            let rule = &self.terms(item.of.deal, item.of.version).rules[item.of.name.1];
            let Some(tiers) = &rule.tiers else { continue };
            let level = reached.get(&tiers.by).copied().unwrap_or(0);
            let own = i128::from(rule.reward.size());
            let reached: Vec<(i128, i128)> = tiers
                .steps
                .iter()
                .map(|(from, reward)| (i128::from(*from), i128::from(reward.size())))
                .filter(|(from, _)| *from <= level)
                .collect();
            let Some((_, top)) = reached.last() else { continue };
            let (numerator, denominator) = if tiers.marginal && level > 0 {
                let ends = reached.iter().skip(1).map(|(from, _)| *from).chain([level]);
                let above: i128 =
                    reached.iter().zip(ends).map(|((from, size), end)| (end - from) * size).sum();
                (reached[0].0 * own + above, level)
            } else {
                (*top, 1)
            };
            let full = self.scaled(item, item.full, numerator, denominator * own);
            let change = self.put(item, full);
            closed.correct(item, change);
        }
        closed.items = items;
    }

    fn caps(&self, terms: &Terms, closed: &mut Closed, chain: &mut Chain) {
        for (index, rule) in terms.rules.iter().enumerate() {
            let is_it = |item: &Item| item.of.name.1 == index;
            if let Some(cap) = rule.per_month {
                self.cut(closed, is_it, cap.into());
            }
            let given = chain.given.entry(index).or_default();
            if let Some(cap) = rule.per_affiliate {
                self.cut(closed, is_it, (i128::from(cap) - *given).max(0));
            }
            *given += closed.items.iter().filter(|item| is_it(item)).map(|item| item.full).sum::<i128>();
        }
    }

    /// Cuts the latest items so that the earliest fit.
    fn cut(&self, closed: &mut Closed, is_it: impl Fn(&Item) -> bool, room: i128) {
        let mut items = std::mem::take(&mut closed.items);
        let mut left = room;
        for item in items.iter_mut().filter(|item| is_it(item)) {
            let full = item.full.min(left);
            left -= full;
            if full < item.full {
                let change = self.put(item, full);
                closed.correct(item, change);
            }
        }
        closed.items = items;
    }

    /// The spend limit of a deal over all affiliates, from the earliest commission on.
    fn spend(
        &self,
        deal: usize,
        closing: &mut BTreeMap<usize, (Closed, Arc<Terms>)>,
        spent: &mut BTreeMap<usize, i128>,
    ) {
        let spent = spent.entry(deal).or_default();
        let mut order: Vec<(Place, Name, usize, usize)> = Vec::new();
        for (person, (closed, _)) in &*closing {
            let places = closed.items.iter().enumerate();
            order.extend(
                places.map(|(index, item)| (item.of.place.clone(), item.of.name.clone(), *person, index)),
            );
        }
        order.sort();
        for (_, _, person, index) in order {
            let Some((closed, terms)) = closing.get_mut(&person) else { continue };
            let mut item = closed.items[index].clone();
            if let Some(limit) = terms.spend_limit {
                let room = (i128::from(limit) - *spent).max(0);
                *spent += item.full;
                if item.full > room {
                    let change = self.put(&mut item, room);
                    closed.correct(&item, change);
                }
            }
            closed.items[index] = item;
        }
    }

    /// Parents with a part of a child's shares book the same part of what the close of its month did to them.
    fn follow(&self, months: &mut Months) {
        let mut followed = Vec::new();
        for ((person, _, month), closed) in &*months {
            for parent in self.above(*person, self.end(*month, 0)) {
                let Some(rate) = parent.level.of_share else { continue };
                let part = |micros: i128| rounded(micros * i128::from(rate), 1_000_000);
                let carried = closed.carried.get(&Kind::Share).copied().unwrap_or(0);
                let key = (parent.person, parent.deal, *month);
                followed.push((key, part(closed.of_shares), part(carried), closed.effective_at));
            }
        }
        for (key, corrected, carried, effective_at) in followed {
            if let Some(row) = months.get_mut(&key) {
                row.followed += corrected;
                row.followed_carried += carried;
                if corrected != 0 || carried != 0 {
                    row.effective_at = row.effective_at.max(effective_at);
                }
            }
        }
    }
}

impl Closed {
    fn correct(&mut self, item: &Item, change: i128) {
        self.corrected += change;
        if item.of.kind == Kind::Share {
            self.of_shares += change;
        }
    }
}

fn milestones(terms: &Terms, closed: &mut Closed, chain: &mut Chain, reached: &BTreeMap<Measure, i128>) {
    for (by, micros) in reached {
        *chain.reached.entry(*by).or_default() += micros;
    }
    for (index, milestone) in terms.milestones.iter().enumerate() {
        let level = if milestone.ever { &chain.reached } else { reached };
        let level = level.get(&milestone.by).copied().unwrap_or(0);
        let is_new = !milestone.ever || !chain.milestones.contains(&index);
        if level >= i128::from(milestone.from) && is_new {
            if milestone.ever {
                chain.milestones.insert(index);
            }
            closed.corrected += i128::from(milestone.bonus);
        }
    }
}

/// What becomes of the results: shares, and by themselves a parent's cuts of net P&L.
fn settle(closed: &mut Closed, chain: &mut Chain, negative: Negative) {
    for item in &closed.items {
        let is_in = match item.of.kind {
            Kind::Share => true,
            Kind::SubAffiliate => super::network::is_of_net_pnl(item.of.name.1),
            Kind::Lead | Kind::Acquisition => false,
        };
        if is_in {
            *closed.results.entry(item.of.kind).or_default() += item.now;
        }
    }
    for (kind, result) in closed.results.clone() {
        let aside = chain.carried.entry(kind).or_default();
        let change = match negative {
            Negative::Carry if result < 0 => result,
            Negative::Reset if result < 0 => {
                closed.corrected -= result;
                if kind == Kind::Share {
                    closed.of_shares -= result;
                }
                0
            }
            _ => result.max(0).min(-*aside),
        };
        *aside += change;
        if change != 0 {
            closed.carried.insert(kind, change);
        }
    }
}
