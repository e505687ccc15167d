//! What is posted as facts and decisions become known: which word, on which side, effective when (money.md §2).

use domain::commission::State;

use crate::story::check_postings;

#[test]
fn a_commission_is_earned_on_the_held_side_or_at_once_on_the_payable_one() {
    check_postings(
        "20% hold 30",
        "pay p1 100 EUR 2026-01-01",
        &["p1: earned share 20.00 of p1 held 2026-01-01"],
    );
    check_postings("20%", "pay p1 100 EUR 2026-01-01", &["p1: earned share 20.00 of p1 due 2026-01-01"]);
    check_postings(
        "lead 5, flat 40 first, 20% renewals",
        "reg 2026-01-01; pay p1 100 EUR 2026-01-02; churn 2026-01-03; pay p2 100 EUR 2026-01-04",
        &[
            "reg: earned lead 5.00 of reg due 2026-01-01",
            "p1: earned acquisition 40.00 of p1 due 2026-01-02",
            "p2: earned share 20.00 of p2 due 2026-01-04",
        ],
    );
}

#[test]
fn what_earns_nothing_posts_nothing() {
    check_postings("20%", "reg 2026-01-01; pay p0 0 EUR 2026-01-01; churn 2026-01-02", &[]);
    check_postings("20%", "block 2026-01-01; pay p1 9 EUR 2026-01-01; refund p1 9 2026-01-01", &[]);
    check_postings("20%", "reject 2026-01-01; pay p1 9 EUR 2026-01-01", &[]);
}

#[test]
fn a_refund_reverses_where_the_commission_stands() {
    let paid = "pay p1 100 EUR 2026-01-01";
    check_postings(
        "20% hold 30",
        &format!("{paid}; refund p1 30 2026-01-10; refund p1 70 2026-01-20"),
        &[
            "p1: earned share 20.00 of p1 held 2026-01-01",
            "r1: reversed share -6.00 of p1 held 2026-01-10",
            "r2: reversed share -14.00 of p1 held 2026-01-20",
        ],
    );
    // Released, it is taken from what is due.
    check_postings(
        "20% hold 30",
        &format!("{paid}; release 2026-01-31; refund p1 30 2026-02-10"),
        &["p1: earned share 20.00 of p1 held 2026-01-01", "r1: reversed share -6.00 of p1 due 2026-02-10"],
    );
    // The refund happened before the release and became known after it: nothing is taken from due before it was due.
    check_postings(
        "20% hold 30",
        &format!("{paid}; release 2026-01-31; refund p1 30 2026-01-10"),
        &["p1: earned share 20.00 of p1 held 2026-01-01", "r1: reversed share -6.00 of p1 due 2026-01-31"],
    );
    // A refund dated before its payment takes effect with it.
    check_postings(
        "20% hold 30",
        "pay p1 100 EUR 2026-01-05; refund p1 30 2026-01-01",
        &["p1: earned share 20.00 of p1 held 2026-01-05", "r1: reversed share -6.00 of p1 held 2026-01-05"],
    );
}

#[test]
fn a_refund_that_waited_for_its_payment_follows_it() {
    let story =
        crate::story::Story::tell("20% hold 30", "pay p1 100 EUR 2026-01-01; refund p1 30 2026-01-10");
    let mut books = crate::books::Books::new(&story.course);
    assert_eq!(books.take(&story.steps[1]), []);
    let postings = books.take(&story.steps[0]);
    let words: Vec<_> = postings.iter().map(|posting| posting.entry.as_str()).collect();
    assert_eq!(words, ["earned", "reversed"]);
}

#[test]
fn a_refund_beyond_the_payment_posts_only_what_is_left() {
    check_postings(
        "20%",
        "pay p1 100 EUR 2026-01-01; refund p1 80 2026-01-02; refund p1 80 2026-01-03; refund p1 80 2026-01-04",
        &[
            "p1: earned share 20.00 of p1 due 2026-01-01",
            "r1: reversed share -16.00 of p1 due 2026-01-02",
            "r2: reversed share -4.00 of p1 due 2026-01-03",
        ],
    );
}

#[test]
fn a_refund_that_fails_reinstates() {
    check_postings(
        "20%",
        "pay p1 100 EUR 2026-01-01; refund p1 100 2026-01-02; fail r1",
        &[
            "p1: earned share 20.00 of p1 due 2026-01-01",
            "r1: reversed share -20.00 of p1 due 2026-01-02",
            "fail r1: reinstated share 20.00 of p1 due 2026-01-02",
        ],
    );
}

#[test]
fn other_commissions_of_the_referral_are_corrected() {
    // The refunded first payment makes the next one first.
    check_postings(
        "50% first, 20%, hold 30",
        "pay p1 100 EUR 2026-01-01; pay p2 200 EUR 2026-02-01; refund p1 100 2026-02-10",
        &[
            "p1: earned share 50.00 of p1 held 2026-01-01",
            "p1: earned share 20.00 of p1 held 2026-01-01",
            "p2: earned share 40.00 of p2 held 2026-02-01",
            "r1: reversed share -50.00 of p1 held 2026-02-10",
            "r1: reversed share -20.00 of p1 held 2026-02-10",
            "r1: earned share 100.00 of p2 held 2026-02-10",
        ],
    );
    // An older payment that comes late takes the first place; what it causes on the newer one is effective with that.
    check_postings(
        "50% first",
        "pay p2 200 EUR 2026-02-01; pay p1 100 EUR 2026-01-01",
        &[
            "p2: earned share 100.00 of p2 due 2026-02-01",
            "p1: corrected share -100.00 of p2 due 2026-02-01",
            "p1: earned share 50.00 of p1 due 2026-01-01",
        ],
    );
    // And back again: the commission that was corrected to nothing is corrected up, not earned a second time.
    check_postings(
        "50% first",
        "pay p2 200 EUR 2026-02-01; pay p1 100 EUR 2026-01-01; refund p1 100 2026-03-01",
        &[
            "p2: earned share 100.00 of p2 due 2026-02-01",
            "p1: corrected share -100.00 of p2 due 2026-02-01",
            "p1: earned share 50.00 of p1 due 2026-01-01",
            "r1: reversed share -50.00 of p1 due 2026-03-01",
            "r1: corrected share 100.00 of p2 due 2026-03-01",
        ],
    );
    // A payment within the months moves their end.
    check_postings(
        "20% for 1 months, hold 7",
        "pay p2 10 EUR 2026-02-10; release 2026-02-17; pay p1 10 EUR 2026-01-10",
        &[
            "p2: earned share 2.00 of p2 held 2026-02-10",
            "p1: corrected share -2.00 of p2 due 2026-02-17",
            "p1: earned share 2.00 of p1 held 2026-01-10",
        ],
    );
}

#[test]
fn a_rate_that_becomes_known_earns_with_the_payment() {
    check_postings(
        "20% hold 30",
        "pay p1 100 USD 2026-01-01 = ?; refund p1 50 2026-01-05; rate p1 90",
        &["rate p1: earned share 9.00 of p1 held 2026-01-01"],
    );
}

#[test]
fn rejection_reverses_everything_once() {
    check_postings(
        "lead 5, 20%, hold 30",
        "reg 2026-01-01; pay p1 100 EUR 2026-01-01; pay p2 50 EUR 2026-02-20; release 2026-01-31; reject 2026-02-01; \
         reject 2026-02-02; pay p3 50 EUR 2026-02-03; refund p1 50 2026-02-04; again p1",
        &[
            "reg: earned lead 5.00 of reg held 2026-01-01",
            "p1: earned share 20.00 of p1 held 2026-01-01",
            "p2: earned share 10.00 of p2 held 2026-02-20",
            "reject: reversed share -10.00 of p2 held 2026-02-20",
            "reject: reversed share -20.00 of p1 due 2026-02-01",
            "reject: reversed lead -5.00 of reg due 2026-02-01",
        ],
    );
}

#[test]
fn a_fact_that_comes_again_posts_nothing() {
    check_postings(
        "50% first, 20% renewals",
        "pay p1 100 EUR 2026-01-01; again p1; refund p1 10 2026-01-02; again r1; again p1",
        &["p1: earned share 50.00 of p1 due 2026-01-01", "r1: reversed share -5.00 of p1 due 2026-01-02"],
    );
}

#[test]
fn the_state_of_a_commission_follows_from_its_entries_and_lines() {
    for (standing, released, settled, expected) in [
        (20, false, false, State::Pending),
        (20, true, false, State::Due),
        (20, true, true, State::Paid),
        (0, false, false, State::Rejected),
        (0, true, true, State::Rejected),
        (-5, true, true, State::Due),
    ] {
        assert_eq!(State::derive(standing, released, settled), expected, "{standing} {released} {settled}");
    }
}
