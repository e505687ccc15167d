//! What history would have cost under another deal, beside what was booked, by affiliate and month. Everything is read in
//! one snapshot and nothing is booked. Facts, decisions, rejections and statuses are those that are recorded; the terms
//! take the place of every deal that the affiliates' referrals were under, from the beginning of time.
//!
//! A month costs what the commissions dated in it stand at, and what its close adjusts. A negative month that is carried
//! costs less in the month itself; months that are still open are closed for the comparison.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use domain::deal::Terms;
use domain::ids::{AffiliateId, ProgramId};
use domain::time::Period;
use store::{Connection, snapshot};

use crate::cache::Decisions;
use crate::error::{Error, Result};
use crate::period::{Instead, Reader, Wanted, months_of, together};
use crate::{App, Caller};

/// Affiliates looked up at a time.
const PAGE: i64 = 200;

/// What is asked.
#[derive(Clone, PartialEq, Debug)]
pub struct Question {
    /// The terms of the other deal.
    pub terms: Terms,
    /// Whose history; everybody's where nobody is named.
    pub affiliates: BTreeSet<AffiliateId>,
    /// The first month to show. Facts before it count all the same: for limits, tiers over all time, what is carried.
    pub from: Option<Period>,
    /// The last month to show.
    pub to: Option<Period>,
}

/// What an affiliate's month cost and would have cost, in micros of the program's currency.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub struct Row {
    /// The affiliate.
    pub affiliate: AffiliateId,
    /// The month.
    pub month: Period,
    /// What is booked.
    pub booked_micros: i128,
    /// What would have been.
    pub would_be_micros: i128,
}

type Costs = BTreeMap<(AffiliateId, Period), (i128, i128)>;

/// Answers the question, by affiliate and month.
pub async fn ask(app: &App, caller: &Caller, question: &Question) -> Result<Vec<Row>> {
    caller.require_operator()?;
    let program = caller.program;
    let mut snapshot = snapshot(app.pool()).await?;
    let decisions = Decisions::read(&mut snapshot, program).await?;
    let decisions = decisions.ok_or_else(|| Error::NotFound(format!("there is no program {program}")))?;
    let currency = decisions.program.currency;
    question.terms.check(currency).map_err(|error| Error::invalid("terms", error))?;
    let known = everybody(&mut snapshot, program).await?;
    if let Some(unknown) = question.affiliates.iter().find(|id| !known.contains(id)) {
        return Err(Error::NotFound(format!("there is no affiliate {unknown}")));
    }
    let affiliates = if question.affiliates.is_empty() { known } else { question.affiliates.clone() };
    let mut costs = Costs::new();
    let sets = together(&mut snapshot, program).await?;
    let instead = Instead { affiliates: affiliates.clone(), terms: Arc::new(question.terms.clone()) };
    for set in groups(&instead, sets) {
        would_be(app, &mut snapshot, &decisions, (&set, &instead), &mut costs).await?;
    }
    for affiliate in &affiliates {
        booked(&mut snapshot, &decisions, *affiliate, &mut costs).await?;
    }
    let is_asked = |month: Period| {
        question.from.is_none_or(|from| month >= from) && question.to.is_none_or(|to| month <= to)
    };
    let row =
        |((affiliate, month), (booked_micros, would_be_micros)): (&(AffiliateId, Period), &(i128, i128))| {
            Row {
                affiliate: *affiliate,
                month: *month,
                booked_micros: *booked_micros,
                would_be_micros: *would_be_micros,
            }
        };
    let asked = |row: &Row| is_asked(row.month) && (row.booked_micros, row.would_be_micros) != (0, 0);
    Ok(costs.iter().map(row).filter(asked).collect())
}

async fn everybody(connection: &mut Connection, program: ProgramId) -> Result<BTreeSet<AffiliateId>> {
    let mut all = BTreeSet::new();
    let mut after = AffiliateId(i64::MIN);
    loop {
        let page = store::affiliate::ids_after(connection, program, after, PAGE).await?;
        let Some(last) = page.last() else { return Ok(all) };
        after = *last;
        all.extend(page);
    }
}

/// Who is closed together: who brought one another, and everybody where the terms have a spend limit, which is shared.
fn groups(instead: &Instead, mut sets: Vec<BTreeSet<AffiliateId>>) -> Vec<BTreeSet<AffiliateId>> {
    sets.retain(|set| !set.is_disjoint(&instead.affiliates));
    for affiliate in &instead.affiliates {
        if !sets.iter().any(|set| set.contains(affiliate)) {
            sets.push(BTreeSet::from([*affiliate]));
        }
    }
    match instead.terms.spend_limit {
        Some(_) => vec![sets.into_iter().flatten().collect()],
        None => sets,
    }
}

async fn would_be(
    app: &App,
    connection: &mut Connection,
    decisions: &Decisions,
    (set, instead): (&BTreeSet<AffiliateId>, &Instead),
    costs: &mut Costs,
) -> Result<()> {
    let (first, last) = (Period::from_number(197001), Period::from_number(219912));
    let (Some(first), Some(last)) = (first, last) else { return Ok(()) };
    let wanted = Wanted { affiliates: set, span: (first, last), watched: None, instead: Some(instead) };
    let mut reader = Reader::Looking(connection);
    let months = months_of(app, &mut reader, decisions, &decisions.program, wanted).await?;
    let of_it = |month: &&crate::period::Month| {
        month.deal == Instead::DEAL && instead.affiliates.contains(&month.affiliate)
    };
    for month in months.iter().filter(of_it) {
        let commissions = month.statement.commissions.values().map(|micros| i128::from(*micros));
        let adjustments = month.closed.adjustments.values().map(|adjusted| i128::from(adjusted.micros));
        let cost = costs.entry((month.affiliate, month.month)).or_default();
        cost.1 += commissions.sum::<i128>() + adjustments.sum::<i128>();
    }
    Ok(())
}

async fn booked(
    connection: &mut Connection,
    decisions: &Decisions,
    affiliate: AffiliateId,
    costs: &mut Costs,
) -> Result<()> {
    let program = &decisions.program;
    let sums = store::commission::month::sums(connection, program.id, affiliate, program.zone.name()).await?;
    for (month, micros) in sums {
        if let Some(month) = Period::from_number(month) {
            costs.entry((affiliate, month)).or_default().0 += micros;
        }
    }
    for row in store::period::of_affiliate(connection, program.id, affiliate).await? {
        let adjusted: i128 = row.posted.adjustments.values().map(|micros| i128::from(*micros)).sum();
        costs.entry((affiliate, row.month)).or_default().0 += adjusted;
    }
    Ok(())
}
