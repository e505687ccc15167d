//! What the close of a month made of the commissions on a fact.

use std::collections::{BTreeMap, BTreeSet};

use domain::explain::{CorrectionAccount, MonthAccount, correction};
use domain::ids::{AffiliateId, DealId, DealVersionId, FactId};
use domain::money::decimal;
use domain::period::Correction;
use domain::time::Period;
use store::period::PeriodRow;
use store::program::ProgramRow;
use store::{Connection, Result};

use super::booked::Books;
use crate::App;
use crate::cache::Decisions;
use crate::period::{Reader, Wanted, months_of, together};

/// The months of the commissions on a fact, under deals whose months are closed.
pub(super) async fn of(
    app: &App,
    connection: &mut Connection,
    decisions: &Decisions,
    books: &Books,
    fact: FactId,
) -> Result<Vec<MonthAccount>> {
    let program = &decisions.program;
    let views: Vec<_> = books.commissions.iter().filter(|view| view.fact_id == fact.0).collect();
    let wanted: BTreeSet<DealVersionId> =
        views.iter().map(|view| DealVersionId(view.deal_version_id)).collect();
    let versions = app.0.cache.versions(connection, program.id, &wanted).await?;
    let mut months: BTreeMap<(Period, AffiliateId, DealId), DealVersionId> = BTreeMap::new();
    for view in views {
        let version = DealVersionId(view.deal_version_id);
        if let Some((deal, _)) = versions.get(&version).filter(|(_, terms)| terms.has_close()) {
            let month = program.zone.period_of(view.occurred_at);
            months.insert((month, AffiliateId(view.affiliate_id), *deal), version);
        }
    }
    let mut accounts = Vec::new();
    for ((month, affiliate, deal), version) in months {
        let stored = store::period::of_affiliate(connection, program.id, affiliate).await?;
        let row = stored.iter().find(|row| row.month == month && row.deal == deal);
        let mut corrections = match (row, versions.get(&version)) {
            (Some(row), Some((_, terms))) => corrections(row, terms, program),
            _ => Vec::new(),
        };
        if !corrections.is_empty() {
            let parts = parts(app, connection, decisions, (affiliate, month), fact).await?;
            for (correction, part) in
                corrections.iter_mut().zip(posted(row).map(|(reason, _)| parts.get(reason)))
            {
                correction.of_this = part.map(|micros| decimal(*micros, program.currency.exponent()));
            }
        }
        accounts.push(MonthAccount {
            month: month.to_string(),
            affiliate_id: affiliate,
            deal_id: deal,
            effective_at: row.map(|row| row.effective_at),
            corrections,
        });
    }
    Ok(accounts)
}

/// What is booked of a month. What a correction was worked out from stands in the statement, which the first close froze.
fn corrections(row: &PeriodRow, terms: &domain::deal::Terms, program: &ProgramRow) -> Vec<CorrectionAccount> {
    let print = |micros: i64| decimal(micros.into(), program.currency.exponent());
    let account = |(reason, micros): (&Correction, &i64)| {
        let stated = row.statement.adjustments.iter().find(|(known, _)| known == reason);
        CorrectionAccount {
            reason: reason.as_str(),
            text: correction(reason, stated.map(|(_, adjusted)| adjusted.from), terms, program.currency),
            amount: print(*micros),
            of_this: None,
        }
    };
    posted(Some(row)).map(account).collect()
}

/// What is booked of a month and is not zero.
fn posted(row: Option<&PeriodRow>) -> impl Iterator<Item = (&Correction, &i64)> {
    row.into_iter().flat_map(|row| &row.posted.adjustments).filter(|(_, micros)| **micros != 0)
}

/// What of each correction of a month is for a fact: the month is closed once more, without booking anything.
async fn parts(
    app: &App,
    connection: &mut Connection,
    decisions: &Decisions,
    (affiliate, month): (AffiliateId, Period),
    fact: FactId,
) -> Result<BTreeMap<Correction, i128>> {
    let sets = together(connection, decisions.program.id).await?;
    let set = sets.into_iter().find(|set| set.contains(&affiliate));
    let affiliates = set.unwrap_or_else(|| BTreeSet::from([affiliate]));
    let wanted = Wanted { affiliates: &affiliates, span: (month, month), watched: Some(fact), instead: None };
    let mut reader = Reader::Looking(connection);
    let months = months_of(app, &mut reader, decisions, &decisions.program, wanted).await?;
    let mut parts: BTreeMap<Correction, i128> = BTreeMap::new();
    for change in months.into_iter().filter(|it| it.affiliate == affiliate).flat_map(|month| month.changes) {
        if change.after != change.before {
            let part = parts.entry(change.correction).or_default();
            *part += i128::from(change.after) - i128::from(change.before);
        }
    }
    Ok(parts)
}
