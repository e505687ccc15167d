//! Explaining (design.md §2.5): what a fact came to and why, rule by rule, in words and numbers.
//!
//! The account is made of the fold that books, told what it saw on its way (`fold::Traced`), so it cannot disagree with
//! what is booked. Here is what an account says; the words for reasons are in `reasons`, those for steps in `steps`, the
//! page of text in `print`. What is booked is put beside it by whoever reads the books (`booked`).

mod booked;
mod correction;
mod print;
mod reasons;
mod steps;

use std::collections::BTreeMap;

use chrono::NaiveDate;
use serde::Serialize;

pub use booked::{
    CommissionAccount, CorrectionAccount, DealAccount, ExchangeAccount, FactAccount, LaterAccount,
    MonthAccount, TransferAccount,
};
pub use correction::correction;

use crate::affiliate::Status;
use crate::commission::{Key, Target};
use crate::currency::Currency;
use crate::deal::{Rule, Terms};
use crate::fact::Fact;
use crate::fold::{Course, Seen, Traced, fold_traced};
use crate::ids::{AffiliateId, DealVersionId, FactId};
use crate::ledger::Kind;
use crate::money::Money;
use crate::outcome::{LineResult, Note};
use crate::sub_affiliate::{Cut, Network, cut_of};
use crate::time::Timestamp;

/// Everything there is to say of a fact: what it was, what it came to and why, what is booked and what changed it.
#[derive(Clone, PartialEq, Debug, Serialize)]
pub struct Account {
    /// The version of the rules that explain it; the one that first decided it is in `event`.
    pub engine: i16,
    /// The fact.
    pub event: FactAccount,
    /// The deal it was judged by; nothing for organic traffic and while the fact waits.
    pub deal: Option<DealAccount>,
    /// What it came to.
    #[serde(flatten)]
    pub told: Told,
    /// The commissions that are booked on it.
    pub commissions: Vec<CommissionAccount>,
    /// What the close of its month made of them.
    pub months: Vec<MonthAccount>,
    /// Refunds and disputes of it, oldest first.
    pub later: Vec<LaterAccount>,
    /// What the fact itself moved of commissions on other facts.
    pub moved: Vec<TransferAccount>,
}

/// What a fact came to, by the facts and decisions known now.
#[derive(Clone, PartialEq, Debug, Serialize)]
pub struct Told {
    /// Its local date in the program's zone.
    pub local_date: NaiveDate,
    /// Whose referral it was at the time; nothing while the fact waits for its customer or payment.
    pub affiliate_id: Option<AffiliateId>,
    /// The affiliate's status at the time.
    pub affiliate_status: Option<Status>,
    /// The version of the deal in force then.
    #[serde(skip)]
    pub version: Option<DealVersionId>,
    /// Why nothing was earned at all, or what else there is to know.
    pub note: Option<Remark>,
    /// What is true of the fact whatever the rule: its place among payments, where qualifications stand.
    pub remarks: Vec<String>,
    /// Rule by rule.
    pub rules: Vec<RuleAccount>,
    /// What the commissions on it should stand at, those of parents included.
    pub worth: Vec<Worth>,
}

/// Something to know, as a code and in words.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
pub struct Remark {
    /// The code, as it is stored with the fact.
    pub code: &'static str,
    /// In words.
    pub text: String,
}

/// What one rule made of the fact.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
pub struct RuleAccount {
    /// The rule's place in the terms, from 0.
    pub rule: u16,
    /// The rule as a sentence.
    pub terms: String,
    /// Whether it gave something.
    pub earned: bool,
    /// Why it did or did not.
    pub reason: Remark,
    /// How it was worked out.
    pub steps: Vec<StepAccount>,
}

/// A step of the arithmetic.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
pub struct StepAccount {
    /// What was done.
    pub text: String,
    /// What it came to, in the program's currency.
    pub amount: String,
}

/// What a commission on the fact should stand at.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
pub struct Worth {
    /// Who earns it.
    pub affiliate_id: AffiliateId,
    /// The rule's place in the deal of whoever referred.
    pub rule: u16,
    /// What a parent takes of it; nothing for the affiliate's own.
    pub cut: Option<&'static str>,
    /// Its kind.
    pub kind: Kind,
    /// What it stands at.
    pub amount: String,
    /// The same in micros.
    #[serde(skip)]
    pub micros: i64,
    /// What names it.
    #[serde(skip)]
    pub key: Key,
    /// When its hold ends.
    pub release_at: Timestamp,
    /// What it waits for, in words.
    pub hold: String,
}

/// What is known of a referral: its course, its facts, and who brought its affiliates.
#[derive(Clone, Copy, Debug)]
pub struct Known<'a> {
    /// The decisions about it.
    pub course: &'a Course,
    /// Its facts.
    pub facts: &'a [Fact],
    /// Who brought its affiliates.
    pub network: &'a Network,
}

/// What a reason or a step is about.
#[derive(Clone, Copy)]
struct About<'a> {
    course: &'a Course,
    fact: &'a Fact,
    date: NaiveDate,
    seen: &'a [Seen],
    terms: &'a Terms,
    index: u16,
    rule: &'a Rule,
}

impl About<'_> {
    fn money(&self, micros: i64) -> String {
        Money::from_micros(micros, self.course.currency).to_string()
    }
}

/// Tells what a fact of a referral came to; `None` where there is no such fact.
pub fn tell(known: Known<'_>, id: FactId) -> Option<Told> {
    let Known { course, facts, network } = known;
    // Of several reports of a day, the one that counts.
    let revision = |fact: &&Fact| match fact.body {
        crate::fact::Body::Activity { revision, .. } => revision,
        _ => 0,
    };
    let fact = facts.iter().filter(|fact| fact.id == id).max_by_key(revision)?;
    let trace = Traced::default();
    let folded = fold_traced(course, facts, &trace);
    let owner = course.owner_at(fact.occurred_at);
    let date = course.zone.date_of(fact.occurred_at);
    let status = course.statuses.get(&owner.affiliate);
    let seen = trace.of(id);
    let outcome = folded.outcomes.get(&id).cloned().unwrap_or_default();
    let mut targets: BTreeMap<Key, Target> = network.derive(&folded.targets);
    targets.extend(folded.targets);
    targets.retain(|key, _| key.fact == id);
    let terms = owner.terms.as_ref();
    let rules = outcome.lines.iter().filter_map(|line| {
        let (_, terms) = terms?;
        let rule = terms.rules.get(usize::from(line.rule))?;
        let about = About { course, fact, date, seen: &seen, terms, index: line.rule, rule };
        let (earned, reason) = match line.result {
            LineResult::Earned(_) => (true, reasons::earned(&about)),
            LineResult::Skipped(why) => (false, reasons::skipped(&about, why)),
        };
        let steps = if earned { steps::of(&about, line) } else { Vec::new() };
        Some(RuleAccount { rule: line.rule, terms: rule.sentence(course.currency), earned, reason, steps })
    });
    Some(Told {
        local_date: date,
        affiliate_id: Some(owner.affiliate),
        affiliate_status: Some(status.map_or(Status::Pending, |history| history.at(fact.occurred_at))),
        version: terms.map(|(version, _)| *version),
        note: outcome.note.as_ref().map(|note| reasons::note(note, course.currency)),
        remarks: steps::remarks(course, fact, facts, &seen),
        rules: rules.collect(),
        worth: targets.iter().map(|(key, target)| worth(course, key, target)).collect(),
    })
}

fn worth(course: &Course, key: &Key, target: &Target) -> Worth {
    let cut = cut_of(key.rule);
    let word = |cut: Cut| match cut {
        Cut::Flat => "flat",
        Cut::Share => "percent_of_share",
        Cut::NetPnl => "percent_of_net_pnl",
    };
    let hold = if target.disputed {
        "held until the dispute ends".to_owned()
    } else if target.at_once {
        "payable at once".to_owned()
    } else if target.after_close {
        format!("released by the close of {}", course.zone.period_of(target.occurred_at))
    } else {
        format!("held until {}", course.zone.date_of(target.release_at))
    };
    Worth {
        affiliate_id: key.affiliate,
        rule: cut.map_or(key.rule, |(_, rule)| rule),
        cut: cut.map(|(cut, _)| word(cut)),
        kind: target.kind,
        amount: crate::money::decimal(target.micros.into(), course.currency.exponent()),
        micros: target.micros,
        key: *key,
        release_at: target.release_at,
        hold,
    }
}

impl Told {
    /// What there is to say of a fact that waits for its customer or payment.
    pub fn waiting(local_date: NaiveDate, currency: Currency) -> Told {
        Told {
            local_date,
            affiliate_id: None,
            affiliate_status: None,
            version: None,
            note: Some(reasons::note(&Note::Parked, currency)),
            remarks: Vec::new(),
            rules: Vec::new(),
            worth: Vec::new(),
        }
    }
}
