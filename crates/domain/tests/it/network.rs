//! Sub-affiliates (money.md §4): what parents earn by what a child earns, level by level, and how it follows.

use std::collections::BTreeMap;
use std::sync::Arc;

use domain::affiliate::{History, Status};
use domain::commission::{Key, Target};
use domain::currency::Currency;
use domain::deal::{On, Terms};
use domain::fact::{Position, Rank};
use domain::ids::{AffiliateId, DealVersionId, FactId};
use domain::ledger::Kind;
use domain::money::decimal;
use domain::period::{Adjusted, Chain, Closed, Correction, Input, Item, Scope, close};
use domain::rate::Rate;
use domain::sub_affiliate::{Cut, Member, Network, cut_of, follow, rule_number};
use domain::time::{Timestamp, Zone};
use uuid::Uuid;

use crate::months::period;
use crate::story::moment;

/// 1 was brought by 2, 2 by 3, 3 by 4.
fn network(terms: &str) -> Network {
    let terms: Arc<Terms> = Arc::new(serde_json::from_str(terms).expect(terms));
    assert_eq!(terms.check(Currency::EUR), Ok(()));
    let member = |id: i64| {
        let parents = vec![(Timestamp::UNIX_EPOCH, (id < 4).then_some(AffiliateId(id + 1)))];
        let version = DealVersionId(Uuid::from_u128(id as u128));
        let terms = vec![(Timestamp::UNIX_EPOCH, version, terms.clone())];
        (AffiliateId(id), Member { parents, statuses: History::always(Status::Approved), terms })
    };
    Network { currency: Currency::EUR, zone: Zone::UTC, members: (1..=4).map(member).collect() }
}

fn earned(on: On, kind: Kind, full: i64, micros: i64, base: i64) -> BTreeMap<Key, Target> {
    let key = Key { fact: FactId(Uuid::from_u128(9)), rule: 1, affiliate: AffiliateId(1) };
    let at = moment("2026-03-05");
    let target = Target {
        kind,
        version: DealVersionId(Uuid::from_u128(77)),
        micros,
        occurred_at: at,
        release_at: at,
        at_once: true,
        after_close: on == On::Activity,
        disputed: false,
        on,
        full,
        base,
        returned: (0, 1),
    };
    BTreeMap::from([(key, target)])
}

fn check(network: &Network, targets: &BTreeMap<Key, Target>, expected: &str) {
    let derived = network.derive(targets);
    let printed: Vec<String> = derived
        .iter()
        .map(|(key, target)| {
            assert_eq!(target.kind, Kind::SubAffiliate);
            let (cut, rule) = cut_of(key.rule).expect("a cut");
            assert_eq!(rule_number(cut, rule), key.rule);
            format!("{} {cut:?} {}", key.affiliate, decimal(target.micros.into(), 2))
        })
        .collect();
    assert_eq!(printed.join("; "), expected);
}

const CUTS: &str = r#"{"rules": [], "sub_affiliates": [
    {"flat": "8", "percent_of_share": "10"}, {"percent_of_share": "5"}]}"#;

#[test]
fn every_level_takes_its_percent_of_the_affiliate_who_referred() {
    let eur = 1_000_000;
    let network = network(CUTS);
    check(
        &network,
        &earned(On::Activity, Kind::Share, 300 * eur, 300 * eur, 1000 * eur),
        "2 Share 30.00; 3 Share 15.00",
    );
    // Below zero too, in micros.
    check(
        &network,
        &earned(On::Activity, Kind::Share, -15, -15, -50),
        "2 Share -0.000002; 3 Share -0.000001",
    );
    // On payments in whole cents.
    check(
        &network,
        &earned(On::Payment, Kind::Share, 33 * eur / 10, 33 * eur / 10, 0),
        "2 Share 0.33; 3 Share 0.17",
    );
    // A flat sum by a qualified customer alone, and at the ratio that is left of the child's.
    check(&network, &earned(On::QualifiedDeposit, Kind::Acquisition, 40 * eur, 40 * eur, 0), "2 Flat 8.00");
    check(&network, &earned(On::QualifiedDeposit, Kind::Acquisition, 40 * eur, 30 * eur, 0), "2 Flat 6.00");
    check(&network, &earned(On::Payment, Kind::Acquisition, 40 * eur, 40 * eur, 0), "");
}

#[test]
fn a_cut_of_net_pnl_is_of_what_the_share_was_taken_of() {
    let network = network(r#"{"rules": [], "sub_affiliates": [{"percent_of_net_pnl": "2"}]}"#);
    check(&network, &earned(On::Activity, Kind::Share, 30_000_000, 30_000_000, 100_000_000), "2 NetPnl 2.00");
    check(&network, &earned(On::Payment, Kind::Share, 30_000_000, 30_000_000, 100_000_000), "");
}

#[test]
fn a_blocked_parent_earns_nothing_and_nothing_passes_upward() {
    let mut network = network(CUTS);
    let share = earned(On::Payment, Kind::Share, 100_000_000, 100_000_000, 0);
    check(&network, &share, "2 Share 10.00; 3 Share 5.00");
    let member = network.members.get_mut(&AffiliateId(2)).expect("a member");
    member.statuses = History::new(vec![
        (Timestamp::UNIX_EPOCH, Status::Approved),
        (moment("2026-03-05"), Status::Blocked),
    ]);
    check(&network, &share, "");
}

#[test]
fn parentage_is_a_dated_list_and_a_circle_ends() {
    let mut network = network(CUTS);
    let share = earned(On::Payment, Kind::Share, 100_000_000, 100_000_000, 0);
    let child = network.members.get_mut(&AffiliateId(1)).expect("a member");
    child.parents = vec![(moment("2026-03-06"), Some(AffiliateId(2)))];
    check(&network, &share, "");
    let child = network.members.get_mut(&AffiliateId(1)).expect("a member");
    child.parents = vec![(moment("2026-03-05"), Some(AffiliateId(2)))];
    let parent = network.members.get_mut(&AffiliateId(2)).expect("a member");
    parent.parents = vec![(Timestamp::UNIX_EPOCH, Some(AffiliateId(1)))];
    check(&network, &share, "2 Share 10.00");
}

#[test]
fn a_commission_of_a_sub_affiliate_goes_with_the_sale() {
    let network = network(CUTS);
    check(
        &network,
        &earned(On::Payment, Kind::Share, 100_000_000, 25_000_000, 0),
        "2 Share 2.50; 3 Share 1.25",
    );
    check(&network, &BTreeMap::new(), "");
}

#[test]
fn the_close_of_the_childs_month_is_followed_as_far_as_it_concerns_shares() {
    let shares = Scope { kind: Kind::Share, brand: None };
    let adjusted = |micros, of_shares| Adjusted { micros, of_shares, from: 0 };
    let closed = Closed {
        adjustments: BTreeMap::from([
            (Correction::Reset(shares.clone()), adjusted(60_000_000, 60_000_000)),
            (Correction::Milestone(0), adjusted(50_000_000, 0)),
        ]),
        carried: BTreeMap::from([(shares.clone(), -20_000_000)]),
        effective_at: Some(moment("2026-03-31")),
        ..Closed::default()
    };
    let followed = follow(Rate::from_percent("10").expect("a rate"), &closed);
    let micros: Vec<i64> = followed.adjustments.values().map(|adjusted| adjusted.micros).collect();
    assert_eq!(micros, [6_000_000]);
    let scope = Scope { kind: Kind::SubAffiliate, brand: None };
    assert_eq!(followed.carried, BTreeMap::from([(scope, -2_000_000)]));
    assert_eq!(followed.effective_at, closed.effective_at);
    assert_eq!(cut_of(rule_number(Cut::Flat, 31)), Some((Cut::Flat, 31)));
    assert_eq!(cut_of(31), None);
}

#[test]
fn a_cut_of_net_pnl_has_the_parents_own_carry_over() {
    let terms: Arc<Terms> = Arc::new(
        serde_json::from_str(
            r#"{"rules": [], "sub_affiliates": [{"percent_of_net_pnl": "2", "percent_of_share": "10"}],
                "negative_month": "carry"}"#,
        )
        .expect("terms"),
    );
    assert_eq!(terms.check(Currency::EUR), Ok(()));
    let item = |cut: Cut, fact: u128, micros: i64| Item {
        key: Key {
            fact: FactId(Uuid::from_u128(fact)),
            rule: rule_number(cut, 0),
            affiliate: AffiliateId(2),
        },
        position: Position(moment("2026-03-05"), Rank::Payment, String::new()),
        kind: Kind::SubAffiliate,
        version: DealVersionId(Uuid::from_u128(2)),
        on: On::Activity,
        full: micros,
        now: micros,
        full_now: micros,
        returned: (0, 1),
        base: 0,
        brand: None,
    };
    let versions = BTreeMap::new();
    let month = |items: Vec<Item>, before: &Chain| {
        let input = Input {
            currency: Currency::EUR,
            zone: Zone::UTC,
            period: period("2026-03"),
            terms: &terms,
            versions: &versions,
            items,
            reached: BTreeMap::new(),
            no_carry_over: false,
            asked: [].into(),
            asked_before: 0,
        };
        close(&input, before)
    };
    let scope = Scope { kind: Kind::SubAffiliate, brand: None };
    // The cut of the share is not in it: that follows the child's own month.
    let march = month(vec![item(Cut::NetPnl, 1, -20_000_000), item(Cut::Share, 2, -99)], &Chain::default());
    assert_eq!(march.carried, BTreeMap::from([(scope.clone(), -20_000_000)]));
    let april = month(vec![item(Cut::NetPnl, 3, 50_000_000)], &march.chain);
    assert_eq!(april.carried, BTreeMap::from([(scope, 20_000_000)]));
    assert_eq!(april.chain.carried, []);
}
