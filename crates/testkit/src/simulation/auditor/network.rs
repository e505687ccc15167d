//! What parents earn by what the affiliates they brought earn (money.md §4): at the same ratio, each level by its own
//! percent of the affiliate who referred.

use super::super::words::{Instant, Level, On};
use super::fold::{Earned, Folded};
use super::{Auditor, Kind, in_force, rounded};

/// A parent's cuts are told apart from rules by numbers from here on: flat, of the share, of the net P&L.
const CUTS: usize = 10_000;
const APART: usize = 100;

/// Whether a number is of a cut of net P&L, which has a carry-over of its own.
pub(super) fn is_of_net_pnl(number: usize) -> bool {
    number >= CUTS + 2 * APART
}

/// A parent with what it takes.
pub(super) struct Parent {
    pub(super) person: usize,
    pub(super) deal: usize,
    version: usize,
    pub(super) level: Level,
}

impl Auditor {
    /// Who earns by what an affiliate earns at an instant, the nearest first. Above one who earns nothing nobody does.
    pub(super) fn above(&self, child: usize, at: Instant) -> Vec<Parent> {
        let mut parents = Vec::new();
        let (mut below, mut depth) = (child, 0);
        while let Some(person) = in_force(&self.people[below].parents, at).flatten() {
            if depth > self.people.len() || !in_force(&self.people[person].earns, at).unwrap_or(false) {
                break;
            }
            if let Some(deal) = in_force(&self.people[person].deals, at) {
                let versions = &self.deals[deal];
                let version = versions.iter().rposition(|(from, _)| *from <= at).unwrap_or(0);
                if let Some(level) = versions[version].1.levels.get(depth) {
                    parents.push(Parent { person, deal, version, level: *level });
                }
            }
            (below, depth) = (person, depth + 1);
        }
        parents
    }

    /// Adds what parents earn.
    pub(super) fn parents(&self, folded: &mut Folded) {
        let own = folded.earned.clone();
        for child in own {
            for parent in self.above(child.name.2, child.place.0) {
                for (cut, full, now) in self.cuts(&parent.level, &child) {
                    if now != 0 {
                        folded.earned.push(self.of_parent(&parent, &child, cut, full, now));
                    }
                }
            }
        }
    }

    fn cuts(&self, level: &Level, child: &Earned) -> Vec<(usize, i128, i128)> {
        let unit = if child.on == On::Activity { 1 } else { i128::from(self.program.unit) };
        let part = |micros: i128, of: i128, whole: i128| rounded(micros * of, whole * unit) * unit;
        let mut cuts = Vec::new();
        if let (Some(flat), On::Qualified) = (level.flat, child.on) {
            let flat = i128::from(flat);
            cuts.push((0, flat, part(flat, child.now, child.full)));
        }
        if let (Some(rate), Kind::Share) = (level.of_share, child.kind) {
            let cut = |micros: i128| part(micros, rate.into(), 1_000_000);
            cuts.push((1, cut(child.full), cut(child.now)));
        }
        if let (Some(rate), Kind::Share, On::Activity) = (level.of_net_pnl, child.kind, child.on) {
            let cut = rounded(child.base * i128::from(rate), 1_000_000);
            cuts.push((2, cut, cut));
        }
        cuts
    }

    fn of_parent(&self, parent: &Parent, child: &Earned, cut: usize, full: i128, now: i128) -> Earned {
        let at = child.place.0;
        let hold = self.terms(parent.deal, parent.version).hold_days;
        let own = if child.release.1 { self.end(self.month(at), hold) } else { self.hold_end(at, hold) };
        Earned {
            name: (child.name.0.clone(), CUTS + cut * APART + child.name.1, parent.person),
            kind: Kind::SubAffiliate,
            deal: parent.deal,
            version: parent.version,
            full,
            now,
            base: if cut == 2 { child.base } else { 0 },
            release: (own.max(child.release.0), child.release.1),
            ..child.clone()
        }
    }
}
