//! Account rows and what no referral books: the sums of all transfers beside the balances, the transfers of closes beside
//! the months, those of adjustments and payouts beside their decisions.

use std::collections::BTreeMap;

use domain::ids::{AffiliateId, ProgramId};
use domain::ledger::{Account, Balances};
use domain::money::decimal;
use store::Connection;
use store::replay::{Moves, Sum};
use uuid::Uuid;

use super::Report;
use super::months::Posted;
use crate::error::Result;

/// Account rows read at a time.
const PAGE: i64 = 1000;

/// Compares every account row, every close, and the transfers of decisions.
pub(super) async fn compare(
    connection: &mut Connection,
    program: ProgramId,
    posted: &Posted,
    report: &mut Report,
) -> Result<()> {
    let mut moves = Moves::open(connection, program).await?;
    let mut after: Option<(AffiliateId, String)> = None;
    let mut closes: BTreeMap<Uuid, i128> = posted.clone();
    loop {
        let rows = store::replay::accounts(connection, program, after.as_ref(), PAGE).await?;
        let Some((owner, _)) = rows.last() else { break };
        after = Some(owner.clone());
        for (owner, balances) in rows {
            let sums = moves.up_to(connection, &owner).await?;
            one(&owner, &balances, &sums, &mut closes, report);
            report.accounts += 1;
        }
    }
    for ((affiliate, currency), sums) in moves.rest(connection).await? {
        report.differs(format!(
            "affiliate {affiliate} has {} transfers in {currency} and no account row",
            sums.len()
        ));
    }
    moves.close(connection).await?;
    for (period, left) in closes.into_iter().filter(|(_, left)| *left != 0) {
        let left = decimal(left, 2);
        report.differs(format!(
            "the month with the id {period}: its transfers are short of its close by {left}"
        ));
    }
    for fault in store::replay::decisions(connection, program).await? {
        report.differs(fault);
    }
    Ok(())
}

fn one(
    (affiliate, currency): &(AffiliateId, String),
    booked: &Balances,
    sums: &[Sum],
    closes: &mut BTreeMap<Uuid, i128>,
    report: &mut Report,
) {
    let mut columns = [0_i128; domain::ledger::ACCOUNTS];
    for sum in sums {
        columns[sum.debit.index()] -= sum.micros;
        columns[sum.credit.index()] += sum.micros;
        let Some(period) = sum.period else { continue };
        let on_due = match (sum.debit, sum.credit) {
            (Account::Due, _) => -sum.micros,
            (_, Account::Due) => sum.micros,
            _ => 0,
        };
        match closes.get_mut(&period) {
            Some(left) => *left -= on_due,
            None => report.differs(format!(
                "affiliate {affiliate}: a close of {period} moved {}, and no such month is closed",
                decimal(on_due, 2)
            )),
        }
    }
    let given = Balances::from_columns(columns);
    for account in Account::ALL {
        let (booked, given) = (booked.get(account), given.get(account));
        if booked != given {
            report.differs(format!(
                "affiliate {affiliate}: {} stands at {} {currency}, its transfers give {}",
                account.name(),
                decimal(booked, 2),
                decimal(given, 2)
            ));
        }
    }
}
