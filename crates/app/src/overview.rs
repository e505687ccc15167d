//! Affiliates as staff look them over: with the parent's name, the deal in force and, unless left out, the balances.

use std::collections::{BTreeMap, BTreeSet};

use domain::affiliate::Status;
use domain::ids::{AffiliateId, DealId};
use store::Snapshot;
use store::account::AccountRow;
use store::affiliate::AffiliateRow;
use store::balance::BalanceRow;
use store::deal::DealRow;
use store::program::ProgramRow;

use crate::error::{Error, Result};
use crate::pages::Cursor;
use crate::{App, Caller};

/// An affiliate with what is said of it elsewhere.
#[derive(Clone, PartialEq, Debug)]
pub struct Overview {
    /// The affiliate.
    pub affiliate: AffiliateRow,
    /// The name of who brought it.
    pub parent_name: Option<String>,
    /// The deal that new referrals meet, in its newest version; none for organic traffic.
    pub deal: Option<DealRow>,
    /// Its balances, if they were asked for.
    pub account: Option<AccountRow>,
}

/// Which affiliates to look over.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Wanted {
    /// Only this one.
    pub affiliate: Option<AffiliateId>,
    /// Only in one of these statuses; empty for all.
    pub statuses: Vec<Status>,
    /// Without balances.
    pub without_money: bool,
    /// Rows to skip.
    pub offset: i64,
    /// Rows at most.
    pub limit: i64,
}

/// A list of affiliates by id, read page by page.
pub struct Overviews {
    snapshot: Snapshot,
    /// The program.
    pub program: ProgramRow,
    wanted: Wanted,
    after: Option<AffiliateId>,
    cursor: Cursor,
}

/// Begins a list of affiliates.
pub async fn list(app: &App, caller: &Caller, wanted: Wanted) -> Result<Overviews> {
    caller.require_operator()?;
    let mut snapshot = store::snapshot(app.pool()).await?;
    let program = crate::program::by_id(&mut snapshot, caller.program).await?;
    let cursor = Cursor::new(wanted.offset, wanted.limit);
    Ok(Overviews { snapshot, program, wanted, after: None, cursor })
}

/// One affiliate with its balances, and its program.
pub async fn show(app: &App, caller: &Caller, id: AffiliateId) -> Result<(ProgramRow, Overview)> {
    let wanted = Wanted { affiliate: Some(id), limit: 1, ..Wanted::default() };
    let mut overviews = list(app, caller, wanted).await?;
    let overview = overviews.next_page().await?.pop();
    let overview = overview.ok_or_else(|| Error::NotFound(format!("there is no affiliate {id}")))?;
    Ok((overviews.program, overview))
}

impl Overviews {
    /// The next affiliates; empty at the end.
    pub async fn next_page(&mut self) -> Result<Vec<Overview>> {
        let Some((offset, limit)) = self.cursor.next() else { return Ok(Vec::new()) };
        let rows = if self.wanted.without_money {
            let affiliates = self.affiliates(offset, limit).await?;
            affiliates.into_iter().map(|affiliate| (affiliate, None)).collect()
        } else {
            self.balances(offset, limit).await?
        };
        self.cursor.took(rows.len());
        self.after = rows.last().map(|(affiliate, _)| affiliate.id);
        Ok(self.complete(rows).await?)
    }

    async fn affiliates(&mut self, offset: i64, limit: i64) -> store::Result<Vec<AffiliateRow>> {
        let filter = store::affiliate::Filter {
            id: self.wanted.affiliate,
            statuses: self.wanted.statuses.clone(),
            after: self.after,
            ..store::affiliate::Filter::default()
        };
        store::affiliate::list(&mut self.snapshot, self.program.id, &filter, offset, limit).await
    }

    async fn balances(
        &mut self,
        offset: i64,
        limit: i64,
    ) -> store::Result<Vec<(AffiliateRow, Option<AccountRow>)>> {
        let filter = store::balance::Filter {
            currency: self.program.currency,
            zone: self.program.zone,
            affiliate: self.wanted.affiliate,
            statuses: self.wanted.statuses.clone(),
            above_threshold_micros: None,
            after: self.after,
            as_of: None,
        };
        let rows = store::balance::list(&mut self.snapshot, self.program.id, &filter, offset, limit).await?;
        Ok(rows.into_iter().map(|BalanceRow { affiliate, account }| (affiliate, Some(account))).collect())
    }

    async fn complete(
        &mut self,
        rows: Vec<(AffiliateRow, Option<AccountRow>)>,
    ) -> store::Result<Vec<Overview>> {
        let deals: BTreeSet<DealId> =
            rows.iter().filter_map(|(affiliate, _)| deal_of(&self.program, affiliate)).collect();
        let deals: Vec<DealId> = deals.into_iter().collect();
        let deals = store::deal::newest_of(&mut self.snapshot, self.program.id, &deals).await?;
        let deals: BTreeMap<DealId, DealRow> = deals.into_iter().map(|deal| (deal.id, deal)).collect();
        let parents = self.names(rows.iter().filter_map(|(affiliate, _)| affiliate.parent).collect()).await?;
        let program = &self.program;
        let overview = |(affiliate, account): (AffiliateRow, Option<AccountRow>)| Overview {
            parent_name: affiliate.parent.and_then(|parent| parents.get(&parent).cloned()),
            deal: deal_of(program, &affiliate).and_then(|deal| deals.get(&deal).cloned()),
            affiliate,
            account,
        };
        Ok(rows.into_iter().map(overview).collect())
    }

    async fn names(&mut self, ids: BTreeSet<AffiliateId>) -> store::Result<BTreeMap<AffiliateId, String>> {
        if ids.is_empty() {
            return Ok(BTreeMap::new());
        }
        let filter = store::affiliate::Filter {
            ids: ids.into_iter().collect(),
            ..store::affiliate::Filter::default()
        };
        let rows = store::affiliate::list(&mut self.snapshot, self.program.id, &filter, 0, i64::MAX).await?;
        Ok(rows.into_iter().map(|row| (row.id, row.person.name.unwrap_or_default())).collect())
    }
}

/// An affiliate's own deal, else the program's default one; organic traffic has none.
pub(crate) fn deal_of(program: &ProgramRow, affiliate: &AffiliateRow) -> Option<DealId> {
    let is_organic = affiliate.id == program.default_affiliate;
    affiliate.deal.or((!is_organic).then_some(program.default_deal))
}
