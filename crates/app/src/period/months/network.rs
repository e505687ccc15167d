//! What parents get to their months by the affiliates they brought: their parts of commissions, and what they book because
//! a child's month is corrected, reset or carried (money.md §4).

use std::collections::{BTreeMap, BTreeSet};

use domain::fact::Fact;
use domain::fold::Course;
use domain::ids::{AffiliateId, DealId, DealVersionId};
use domain::period::{Reading, Under, postings, read};
use domain::sub_affiliate::{Network, follow};
use domain::time::Period;
use store::program::ProgramRow;

use super::{Member, Month, Readings, Versions};

/// Adds what a parent gets by a referral of affiliates it brought.
pub(super) fn add(
    readings: &mut Readings,
    versions: &Versions,
    parent: AffiliateId,
    months: &BTreeSet<Period>,
    course: &Course,
    facts: &[Fact],
    network: &Network,
) {
    let mut children: BTreeMap<AffiliateId, BTreeSet<DealVersionId>> = BTreeMap::new();
    for assignment in course.assignments.iter().filter(|it| it.affiliate != parent) {
        let version = assignment.terms.as_ref().map(|terms| terms.0);
        children.entry(assignment.affiliate).or_default().extend(version);
    }
    children.retain(|child, _| network.members.get(child).is_some_and(|member| !member.parents.is_empty()));
    for (child, under) in &children {
        for month in months {
            let under = Under { affiliate: *child, versions: under, period: *month };
            for (version, item) in network.read(&read(course, facts, under)) {
                let Some((deal, _)) = versions.get(&version).filter(|_| item.key.affiliate == parent) else {
                    continue;
                };
                let items = Reading { items: vec![item], ..Reading::default() };
                readings.entry(*deal).or_default().entry(*month).or_default().add(items);
            }
        }
    }
}

/// Who follows the month of a child: the parent, its deal, and how much of the child's shares it takes.
fn followers(
    program: &ProgramRow,
    network: &Network,
    versions: &Versions,
    child: AffiliateId,
    month: Period,
) -> Vec<(AffiliateId, DealId, domain::rate::Rate)> {
    let earners = network.earners(child, program.zone.close_of(month, 0));
    let follower = |earner: domain::sub_affiliate::Earner<'_>| {
        let (deal, _) = versions.get(&earner.version)?;
        Some((earner.affiliate, *deal, earner.level.percent_of_share?))
    };
    earners.into_iter().filter_map(follower).collect()
}

/// Has parents close the months in which whom they brought have anything to close.
pub(super) fn expect(program: &ProgramRow, network: &Network, versions: &Versions, members: &mut [Member]) {
    let mut expected: BTreeSet<(AffiliateId, DealId, Period)> = BTreeSet::new();
    for member in members.iter() {
        for month in member.readings.values().flat_map(BTreeMap::keys) {
            let followers = followers(program, network, versions, member.affiliate, *month);
            expected.extend(followers.into_iter().map(|(parent, deal, _)| (parent, deal, *month)));
        }
    }
    for (parent, deal, month) in expected {
        if let Some(member) = members.iter_mut().find(|member| member.affiliate == parent) {
            member.readings.entry(deal).or_default().entry(month).or_default();
        }
    }
}

/// Adds to parents' months what they book because of their children's. The months are in order.
pub(super) fn follow_all(program: &ProgramRow, network: &Network, versions: &Versions, months: &mut [Month]) {
    let mut followed: Vec<(AffiliateId, DealId, Period, domain::period::Closed)> = Vec::new();
    for month in months.iter() {
        for (parent, deal, rate) in followers(program, network, versions, month.affiliate, month.month) {
            followed.push((parent, deal, month.month, follow(rate, &month.closed)));
        }
    }
    for (parent, deal, of, followed) in followed {
        let own = |month: &&mut Month| month.affiliate == parent && month.deal == deal && month.month >= of;
        for month in months.iter_mut().filter(own) {
            if month.month == of {
                month.closed.follow(&followed);
            } else {
                month.closed.chain.follow(&followed.carried);
            }
        }
    }
    for month in months.iter_mut() {
        let pairs = |closed: &domain::period::Closed| {
            (closed.adjustments.clone().into_iter().collect(), closed.carried.clone().into_iter().collect())
        };
        (month.statement.adjustments, month.statement.carried) = pairs(&month.closed);
        month.effective_at = month.closed.effective_at.unwrap_or(month.effective_at);
        let posted = month.before.as_ref().map(|row| row.posted.clone()).unwrap_or_default();
        month.postings = postings(&month.closed, &posted);
    }
}
