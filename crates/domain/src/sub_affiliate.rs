//! What affiliates earn by affiliates they brought (money.md §4): a parent's commission is derived from the child's, at
//! the same ratio, and follows it wherever it goes. The child's commission is not lowered.
//!
//! Every level takes its percent of the affiliate who referred. Parentage, statuses and terms are dated lists, read at
//! the time of the child's fact.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use crate::affiliate;
use crate::commission::{Key, Target};
use crate::currency::Currency;
use crate::deal::{On, SubAffiliate, Terms};
use crate::ids::{AffiliateId, DealVersionId};
use crate::ledger::Kind;
use crate::money::{Amount, Money, divide_half_away};
use crate::period::{Adjusted, Closed, Correction, Item, Reading, Scope};
use crate::rate::Rate;
use crate::time::{Timestamp, Zone};

/// The first number that a derived commission's rule has; below it are the places of rules in a deal.
const FIRST_RULE: u16 = 10_000;
/// How far the numbers of the cuts are apart; a deal has fewer rules.
const RULES: u16 = 100;

/// What a parent takes of a child's commission.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Cut {
    /// A flat sum per qualified customer.
    Flat,
    /// A percentage of the share.
    Share,
    /// A percentage of the net P&L that the share is of.
    NetPnl,
}

/// The number under which a parent's commission names the child's rule and the cut, in place of a rule of its own
/// deal. A parent stands once above a child, so the fact, this number and the parent name the commission.
pub fn rule_number(cut: Cut, rule: u16) -> u16 {
    let cut = match cut {
        Cut::Flat => 0,
        Cut::Share => 1,
        Cut::NetPnl => 2,
    };
    FIRST_RULE + cut * RULES + rule
}

/// The cut and the child's rule of a number; `None` for a rule of a deal.
pub fn cut_of(number: u16) -> Option<(Cut, u16)> {
    let past = number.checked_sub(FIRST_RULE)?;
    let cut = match past / RULES {
        0 => Cut::Flat,
        1 => Cut::Share,
        2 => Cut::NetPnl,
        _ => return None,
    };
    Some((cut, past % RULES))
}

/// Whether a commission is a cut of net P&L, which has a carry-over of its own.
pub fn is_of_net_pnl(number: u16) -> bool {
    matches!(cut_of(number), Some((Cut::NetPnl, _)))
}

/// One affiliate's place in the network.
#[derive(Clone, Debug)]
pub struct Member {
    /// Who brought it, from when on; oldest first. Before the first entry nobody did.
    pub parents: Vec<(Timestamp, Option<AffiliateId>)>,
    /// Its statuses.
    pub statuses: affiliate::History,
    /// The deal whose sub-affiliate terms it earns by, from when on; oldest first.
    pub terms: Vec<(Timestamp, DealVersionId, Arc<Terms>)>,
}

/// The network, as far as it matters to a child: the child, its parents and theirs.
#[derive(Clone, Debug)]
pub struct Network {
    /// The program's currency.
    pub currency: Currency,
    /// The program's time zone.
    pub zone: Zone,
    /// Every affiliate of the chain.
    pub members: BTreeMap<AffiliateId, Member>,
}

/// A parent who earns, with what it takes at its level.
#[derive(Clone, Copy, Debug)]
pub struct Earner<'a> {
    /// The parent.
    pub affiliate: AffiliateId,
    /// The version of its deal.
    pub version: DealVersionId,
    /// That version's terms.
    pub terms: &'a Terms,
    /// What it takes.
    pub level: &'a SubAffiliate,
}

impl Network {
    /// Who earns by what a child earns at an instant, the nearest parent first. A parent that is not approved earns
    /// nothing, and nothing passes it upward; a circle ends where it closes.
    pub fn earners(&self, child: AffiliateId, at: Timestamp) -> Vec<Earner<'_>> {
        let mut seen = BTreeSet::from([child]);
        let mut earners = Vec::new();
        let mut below = child;
        for depth in 0.. {
            let parent =
                self.members.get(&below).and_then(|member| newest(&member.parents, at, |it| it.0)?.1);
            let Some(parent) = parent.filter(|parent| seen.insert(*parent)) else { break };
            let Some(member) = self.members.get(&parent).filter(|it| it.statuses.at(at).earns()) else {
                break;
            };
            if let Some((_, version, terms)) = newest(&member.terms, at, |it| it.0)
                && let Some(level) = terms.sub_affiliates.get(depth)
            {
                earners.push(Earner { affiliate: parent, version: *version, terms, level });
            }
            below = parent;
        }
        earners
    }

    /// What the parents' commissions should stand at, given the child's: to be posted as any other difference.
    pub fn derive(&self, targets: &BTreeMap<Key, Target>) -> BTreeMap<Key, Target> {
        let mut derived = BTreeMap::new();
        for (key, target) in targets.iter().filter(|(_, target)| target.kind != Kind::SubAffiliate) {
            for earner in self.earners(key.affiliate, target.occurred_at) {
                let one = Child { kind: target.kind, on: target.on, full: target.full, base: target.base };
                for (cut, [full, micros, _]) in self.cuts(&earner, one, [target.full, target.micros, 0]) {
                    let key = Key { rule: rule_number(cut, key.rule), affiliate: earner.affiliate, ..*key };
                    if micros != 0 {
                        derived.insert(key, self.target(&earner, cut, target, full, micros));
                    }
                }
            }
        }
        derived
    }

    /// What the parents get to their own month by what a referral of a child brings to the child's, by parent and
    /// version of the parent's deal.
    pub fn read(&self, reading: &Reading) -> Vec<(DealVersionId, Item)> {
        let mut items = Vec::new();
        for item in &reading.items {
            for earner in self.earners(item.key.affiliate, item.position.0) {
                let one = Child { kind: item.kind, on: item.on, full: item.full, base: item.base };
                let amounts = [item.full, item.now, item.full_now];
                for (cut, [full, now, full_now]) in self.cuts(&earner, one, amounts) {
                    let rule = rule_number(cut, item.key.rule);
                    let key = Key { rule, affiliate: earner.affiliate, ..item.key };
                    let derived = Item {
                        key,
                        kind: Kind::SubAffiliate,
                        version: earner.version,
                        full,
                        now,
                        full_now,
                        ..item.clone()
                    };
                    items.push((earner.version, derived));
                }
            }
        }
        items
    }

    /// The cuts of one commission, each for its full amount and for what it stands at.
    fn cuts(&self, earner: &Earner<'_>, child: Child, amounts: [i64; 3]) -> Vec<(Cut, [i64; 3])> {
        let whole_units = child.on != On::Activity;
        let ratio = |micros: i64, numerator: i128, denominator: i128| -> i64 {
            if whole_units {
                let money = Money::from_micros(micros, self.currency);
                return money.share(numerator, denominator).map_or(0, |money| money.micros());
            }
            let share =
                i128::from(micros).checked_mul(numerator).and_then(|it| divide_half_away(it, denominator));
            share.and_then(|share| i64::try_from(share).ok()).unwrap_or(0)
        };
        let mut cuts = Vec::new();
        if let (Some(Amount(flat)), On::QualifiedDeposit) = (earner.level.flat, child.on) {
            cuts.push((Cut::Flat, amounts.map(|amount| ratio(flat, amount.into(), child.full.into()))));
        }
        if let (Some(rate), Kind::Share) = (earner.level.percent_of_share, child.kind) {
            cuts.push((Cut::Share, amounts.map(|amount| ratio(amount, rate.ppm().into(), 1_000_000))));
        }
        if let (Some(rate), Kind::Share, On::Activity) =
            (earner.level.percent_of_net_pnl, child.kind, child.on)
        {
            let base = ratio(child.base, rate.ppm().into(), 1_000_000);
            cuts.push((Cut::NetPnl, amounts.map(|amount| if amount == 0 { 0 } else { base })));
        }
        cuts
    }

    fn target(&self, earner: &Earner<'_>, cut: Cut, child: &Target, full: i64, micros: i64) -> Target {
        let at = child.occurred_at;
        let hold = earner.terms.hold_days;
        let own = if child.after_close {
            self.zone.close_of(self.zone.period_of(at), hold)
        } else if hold == 0 {
            at
        } else {
            self.zone.hold_end(at, hold).max(at)
        };
        Target {
            kind: Kind::SubAffiliate,
            version: earner.version,
            micros,
            occurred_at: at,
            release_at: own.max(child.release_at),
            at_once: child.at_once && hold == 0,
            after_close: child.after_close,
            disputed: child.disputed,
            on: child.on,
            full,
            base: if cut == Cut::NetPnl { child.base } else { 0 },
            returned: child.returned,
        }
    }
}

/// What a cut looks at of a child's commission.
#[derive(Clone, Copy)]
struct Child {
    kind: Kind,
    on: On,
    full: i64,
    base: i64,
}

/// What a parent with a cut of the shares books at the close of a child's month, as far as the close concerns shares:
/// tiers, caps, fees and resets at the same ratio, and what is carried put aside with it.
pub fn follow(rate: Rate, closed: &Closed) -> Closed {
    let part = |micros: i64| {
        let share = divide_half_away(i128::from(micros) * i128::from(rate.ppm()), 1_000_000).unwrap_or(0);
        i64::try_from(share).unwrap_or(0)
    };
    let adjustments = closed.adjustments.iter().map(|(correction, adjusted)| {
        let micros = part(adjusted.of_shares);
        (correction.clone(), Adjusted { micros, of_shares: 0, from: adjusted.of_shares })
    });
    let adjustments: BTreeMap<Correction, Adjusted> = adjustments.filter(|(_, it)| it.micros != 0).collect();
    let of_shares = closed.carried.iter().filter(|(scope, _)| scope.kind == Kind::Share);
    let carried = of_shares.map(|(scope, micros)| {
        (Scope { kind: Kind::SubAffiliate, brand: scope.brand.clone() }, part(*micros))
    });
    Closed {
        adjustments,
        carried: carried.filter(|(_, micros)| *micros != 0).collect(),
        effective_at: closed.effective_at,
        ..Closed::default()
    }
}

fn newest<T>(list: &[T], at: Timestamp, from: impl Fn(&T) -> Timestamp) -> Option<&T> {
    list.iter().rev().find(|entry| from(entry) <= at)
}
