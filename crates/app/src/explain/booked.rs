//! What is booked on a referral's facts, read from the books and put into the words of `domain::explain`.

use std::collections::BTreeMap;

use domain::currency::Currency;
use domain::explain::{
    CommissionAccount, DealAccount, ExchangeAccount, FactAccount, LaterAccount, TransferAccount, Worth,
};
use domain::fact::{Attributes, Kind};
use domain::fold::Course;
use domain::ids::{AffiliateId, CommissionId, DealVersionId, FactId, LogId, ProgramId, ReferralId};
use domain::ledger::{self, Account, Cause};
use domain::money::decimal;
use domain::sub_affiliate::{Cut, cut_of};
use store::commission::{CommissionView, Filter};
use store::fact::FactRow;
use store::log::WrittenRow;
use store::program::ProgramRow;
use store::transfer::BookedRow;
use store::{Connection, Result};

/// What a fact says, as it was recorded.
pub(super) async fn fact(
    connection: &mut Connection,
    row: &FactRow,
    currency: Currency,
) -> Result<FactAccount> {
    let exchange = match (row.exchange, row.amount) {
        (Some(rates), Some(amount)) => Some(ExchangeAccount {
            day: rates.day,
            amount_rate: rates.from.to_string(),
            amount_rate_source: store::exchange_rate::source(connection, amount.currency(), rates.day)
                .await?,
            value_rate: rates.to.to_string(),
            value_rate_source: store::exchange_rate::source(connection, currency, rates.day).await?,
        }),
        _ => None,
    };
    let print = |micros: i64, currency: Currency| decimal(micros.into(), currency.exponent());
    Ok(FactAccount {
        id: row.id,
        kind: row.kind.as_str(),
        referral_id: row.referral,
        source_id: row.amount.map(|_| row.source.clone()),
        occurred_at: row.occurred_at,
        recorded_at: row.recorded_at,
        engine: row.engine,
        state: row.state().map(str::to_owned),
        payment_id: row.payment.filter(|_| matches!(row.kind, Kind::Refund | Kind::Dispute)),
        amount: row.amount.map(|amount| print(amount.micros(), amount.currency())),
        currency: row.amount.map(|amount| amount.currency()),
        value: row.value_micros.map(|micros| print(micros, currency)),
        value_currency: currency,
        exchange,
        attributes: None,
    })
}

/// What conditions look at: what the fact says, and what the registration stands in for.
pub(super) fn attributes(row: &FactRow, course: &Course) -> Result<Attributes> {
    let said = row.to_fact(course.currency)?.attributes;
    let customer = &course.customer;
    let told = |one: Option<String>, other: &Option<String>| one.or_else(|| other.clone());
    Ok(Attributes {
        brand: told(said.brand, &customer.brand),
        country: told(said.country, &customer.country),
        campaign: told(said.campaign, &customer.campaign),
        coupon: told(said.coupon, &customer.coupon),
        ..said
    })
}

/// A deal version by its name and number.
pub(super) async fn deal(
    connection: &mut Connection,
    program: ProgramId,
    version: DealVersionId,
) -> Result<Option<DealAccount>> {
    let row = store::deal::by_versions(connection, program, &[version]).await?.pop();
    Ok(row.map(|row| DealAccount {
        id: row.id,
        name: row.name,
        version: row.number,
        version_id: row.version,
    }))
}

/// All that is booked on the facts of a referral.
pub(super) struct Books {
    currency: Currency,
    facts: BTreeMap<FactId, FactRow>,
    pub(super) commissions: Vec<CommissionView>,
    transfers: Vec<BookedRow>,
    logs: BTreeMap<LogId, WrittenRow>,
}

impl Books {
    /// Reads them.
    pub(super) async fn read(
        connection: &mut Connection,
        program: &ProgramRow,
        referral: ReferralId,
    ) -> Result<Books> {
        let facts = store::fact::of_referrals(connection, program.id, &[referral]).await?;
        let filter = Filter { referral: Some(referral), ..Filter::default() };
        let mut commissions = store::commission::list(connection, program.id, &filter, i64::MAX).await?;
        commissions.reverse();
        let ids: Vec<CommissionId> = commissions.iter().map(|view| CommissionId(view.id)).collect();
        let transfers = store::transfer::of_commissions(connection, program.id, &ids).await?;
        let mut logs: Vec<LogId> = transfers.iter().map(|row| row.transfer.log).collect();
        logs.sort_unstable();
        logs.dedup();
        let logs = store::log::by_ids(connection, program.id, &logs).await?;
        Ok(Books {
            currency: program.currency,
            facts: facts.into_iter().map(|row| (row.id, row)).collect(),
            commissions,
            transfers,
            logs: logs.into_iter().map(|row| (row.id, row)).collect(),
        })
    }

    fn print(&self, micros: impl Into<i128>) -> String {
        decimal(micros.into(), self.currency.exponent())
    }

    /// The commissions that are booked on a fact, each compared with what it should stand at.
    pub(super) fn commissions(&self, fact: FactId, worth: &[Worth]) -> Vec<CommissionAccount> {
        let of_fact = self.commissions.iter().filter(|view| view.fact_id == fact.0);
        let account = |view: &CommissionView| {
            let number = u16::try_from(view.rule).unwrap_or(0);
            let cut = cut_of(number);
            let is_it = |worth: &&Worth| {
                worth.key.rule == number && worth.affiliate_id == AffiliateId(view.affiliate_id)
            };
            let target = worth.iter().find(is_it).map_or(0, |worth| worth.micros);
            let own = |row: &&BookedRow| row.transfer.commission == Some(CommissionId(view.id));
            CommissionAccount {
                id: CommissionId(view.id),
                affiliate_id: AffiliateId(view.affiliate_id),
                rule: cut.map_or(number, |(_, rule)| rule),
                cut: cut.map(|(cut, _)| word(cut)),
                kind: ledger::Kind::from_code(view.kind).unwrap_or(ledger::Kind::Share),
                amount: self.print(view.standing_micros),
                state: view.state().as_str(),
                release_at: view.release_at,
                released_at: view.released_at,
                agrees: target == view.standing_micros,
                transfers: self.transfers.iter().filter(own).map(|row| self.transfer(row)).collect(),
            }
        };
        of_fact.map(account).collect()
    }

    fn transfer(&self, row: &BookedRow) -> TransferAccount {
        let transfer = &row.transfer;
        TransferAccount {
            id: transfer.id,
            commission_id: transfer.commission,
            debit: transfer.movement.debit().name(),
            credit: transfer.movement.credit().name(),
            amount: self.print(transfer.movement.micros()),
            entry: transfer.entry.map(ledger::Entry::as_str),
            cause: transfer.cause.as_str(),
            because: self.because(row),
            effective_at: transfer.effective_at,
            period: transfer.period.to_string(),
            log_id: transfer.log,
            engine: row.engine,
        }
    }

    /// What caused a transfer, in words.
    fn because(&self, row: &BookedRow) -> String {
        let transfer = &row.transfer;
        let log = self.logs.get(&transfer.log);
        let kind = log.map_or("", |log| log.kind.as_str());
        let body = |field: &str| log?.body.as_ref()?.get(field)?.as_str().map(str::to_owned);
        let reason = || body("reason").map_or_else(String::new, |reason| format!(": {reason}"));
        match (transfer.cause, kind) {
            (Cause::Fact, _) => {
                let id = FactId(transfer.cause_id);
                let fact = self.facts.get(&id);
                let amount =
                    fact.and_then(|fact| fact.amount).map_or_else(String::new, |it| format!(" of {it}"));
                format!("{} {id}{amount}", fact.map_or("event", |fact| fact.kind.as_str()))
            }
            (Cause::Release, "period.closed") => "the close of its month".to_owned(),
            (Cause::Release, _) => "the end of its hold".to_owned(),
            (Cause::Decision, "commission.rejected") => format!("a reviewer's rejection{}", reason()),
            (Cause::Decision, "referral.rejected") => format!("the rejection of the referral{}", reason()),
            (Cause::Decision, "event.converted") => "an exchange rate that became known".to_owned(),
            (cause, _) => cause.as_str().to_owned(),
        }
    }

    /// Refunds and disputes of a payment, with what each changed of the commissions on it: of one affiliate, or of all.
    pub(super) fn later(&self, fact: FactId, viewer: Option<AffiliateId>) -> Vec<LaterAccount> {
        let is_of =
            |row: &&FactRow| row.payment == Some(fact) && matches!(row.kind, Kind::Refund | Kind::Dispute);
        let mut rows: Vec<&FactRow> = self.facts.values().filter(is_of).collect();
        rows.sort_by_key(|row| (row.recorded_at, row.id));
        let account = |row: &FactRow| LaterAccount {
            id: row.id,
            kind: row.kind.as_str(),
            state: row.state().map(str::to_owned),
            amount: row.amount.map(|it| decimal(it.micros().into(), it.currency().exponent())),
            currency: row.amount.map(|amount| amount.currency()),
            occurred_at: row.occurred_at,
            recorded_at: row.recorded_at,
            changed: self.print(self.changed(row.id, fact, viewer)),
        };
        rows.into_iter().map(account).collect()
    }

    /// What a cause changed of what the commissions on a fact stand at.
    fn changed(&self, cause: FactId, fact: FactId, viewer: Option<AffiliateId>) -> i128 {
        let own = |view: &&CommissionView| {
            view.fact_id == fact.0 && viewer.is_none_or(|viewer| viewer.0 == view.affiliate_id)
        };
        let ids: Vec<CommissionId> =
            self.commissions.iter().filter(own).map(|view| CommissionId(view.id)).collect();
        let entries = self.transfers.iter().map(|row| &row.transfer).filter(|transfer| {
            transfer.entry.is_some()
                && transfer.cause == Cause::Fact
                && transfer.cause_id == cause.0
                && transfer.commission.is_some_and(|id| ids.contains(&id))
        });
        entries.map(|transfer| signed(transfer.movement)).sum()
    }

    /// What a fact moved of the commissions on other facts.
    pub(super) fn moved(&self, cause: FactId, fact: FactId) -> Vec<TransferAccount> {
        let own: Vec<CommissionId> = self
            .commissions
            .iter()
            .filter(|view| view.fact_id == fact.0)
            .map(|view| CommissionId(view.id))
            .collect();
        let moved = self.transfers.iter().filter(|row| {
            let transfer = &row.transfer;
            transfer.cause == Cause::Fact
                && transfer.cause_id == cause.0
                && transfer.commission.is_some_and(|id| !own.contains(&id))
        });
        moved.map(|row| self.transfer(row)).collect()
    }
}

/// What an entry adds to its commission.
fn signed(movement: ledger::Movement) -> i128 {
    let micros = i128::from(movement.micros());
    if matches!(movement.debit(), Account::Earned(_)) { micros } else { -micros }
}

/// The word for what a parent takes.
fn word(cut: Cut) -> &'static str {
    match cut {
        Cut::Flat => "flat",
        Cut::Share => "percent_of_share",
        Cut::NetPnl => "percent_of_net_pnl",
    }
}
