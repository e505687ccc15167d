//! What `refero replay` reads beside the referrals: sums of transfers, account rows, and the transfers of decisions that
//! no referral books. Long lists are cursors of one snapshot, read a part at a time.

use std::collections::VecDeque;

use domain::ids::{AffiliateId, ProgramId};
use domain::ledger::{Account, Balances};
use sqlx::{AssertSqlSafe, Row as _};
use uuid::Uuid;

use crate::Connection;
use crate::error::{Result, corrupt, numeric};

/// Rows fetched at a time.
const PART: usize = 1000;

/// Whose account row: an affiliate's in a currency.
pub type Owner = (AffiliateId, String);

/// What moved between two accounts, in sum.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Sum {
    /// The account it left.
    pub debit: Account,
    /// The account it reached.
    pub credit: Account,
    /// The closed month that moved it, where one did.
    pub period: Option<Uuid>,
    /// How much, in micros.
    pub micros: i128,
}

/// The sums of all transfers of a program, by owner.
pub struct Moves {
    fetched: VecDeque<(Owner, Sum)>,
    is_over: bool,
}

impl Moves {
    /// Opens the cursor in a snapshot.
    pub async fn open(connection: &mut Connection, program: ProgramId) -> Result<Moves> {
        let ProgramId(id) = program;
        let sql = format!(
            "declare moves no scroll cursor for
             select affiliate_id, currency, debit, credit, case when cause = 6 then cause_id end as period,
                    sum(amount_micros)::text as micros
             from transfer where program_id = {id}
             group by 1, 2, 3, 4, 5 order by 1, 2"
        );
        sqlx::query(AssertSqlSafe(sql)).execute(connection).await?;
        Ok(Moves { fetched: VecDeque::new(), is_over: false })
    }

    /// The sums of an owner. Owners are asked for in order; one that is passed over is among its follower's.
    pub async fn up_to(&mut self, connection: &mut Connection, owner: &Owner) -> Result<Vec<Sum>> {
        let mut sums = Vec::new();
        loop {
            if self.fetched.is_empty() && !self.is_over {
                self.fetch(connection).await?;
            }
            match self.fetched.front() {
                Some((of, _)) if of <= owner => sums.extend(self.fetched.pop_front().map(|(_, sum)| sum)),
                _ => return Ok(sums),
            }
        }
    }

    /// What is left behind the last owner asked for.
    pub async fn rest(&mut self, connection: &mut Connection) -> Result<Vec<(Owner, Vec<Sum>)>> {
        let mut rest: Vec<(Owner, Vec<Sum>)> = Vec::new();
        while !(self.fetched.is_empty() && self.is_over) {
            for (owner, sum) in std::mem::take(&mut self.fetched) {
                match rest.last_mut().filter(|(last, _)| *last == owner) {
                    Some((_, sums)) => sums.push(sum),
                    None => rest.push((owner, vec![sum])),
                }
            }
            self.fetch(connection).await?;
        }
        Ok(rest)
    }

    async fn fetch(&mut self, connection: &mut Connection) -> Result<()> {
        let sql = format!("fetch forward {PART} from moves");
        let rows = sqlx::query(AssertSqlSafe(sql)).fetch_all(connection).await?;
        self.is_over = rows.len() < PART;
        for row in rows {
            let affiliate = AffiliateId(row.try_get(0)?);
            let broken = |column| corrupt("transfer", column, affiliate);
            let account = |code: i16, column| {
                Account::from_code(code).ok_or_else(|| corrupt("transfer", column, affiliate))
            };
            let micros: String = row.try_get(5)?;
            let sum = Sum {
                debit: account(row.try_get(2)?, "debit")?,
                credit: account(row.try_get(3)?, "credit")?,
                period: row.try_get(4)?,
                micros: micros.parse().map_err(|_| broken("amount_micros"))?,
            };
            self.fetched.push_back(((affiliate, row.try_get(1)?), sum));
        }
        Ok(())
    }

    /// Closes the cursor.
    pub async fn close(self, connection: &mut Connection) -> Result<()> {
        sqlx::query("close moves").execute(connection).await?;
        Ok(())
    }
}

/// A page of account rows after an owner.
pub async fn accounts(
    connection: &mut Connection,
    program: ProgramId,
    after: Option<&Owner>,
    limit: i64,
) -> Result<Vec<(Owner, Balances)>> {
    let (affiliate, currency) = after.map_or((i64::MIN, ""), |(id, currency)| (id.0, currency.as_str()));
    let rows = sqlx::query!(
        r#"select affiliate_id, currency,
                  array[earned_lead, earned_acquisition, earned_share, earned_sub_affiliate, adjustments, paid,
                        pending_lead, pending_acquisition, pending_share, pending_sub_affiliate, due, in_payout,
                        carried_lead, carried_acquisition, carried_share, carried_sub_affiliate]::text[] as "columns!"
           from account
           where program_id = $1 and (affiliate_id, currency) > ($2, $3)
           order by affiliate_id, currency limit $4"#,
        program.0,
        affiliate,
        currency,
        limit
    )
    .fetch_all(connection)
    .await?;
    rows.into_iter()
        .map(|row| {
            let id = AffiliateId(row.affiliate_id);
            let mut columns = [0_i128; domain::ledger::ACCOUNTS];
            for (column, text) in columns.iter_mut().zip(&row.columns) {
                *column = numeric(text, "account", "balance", id)?;
            }
            Ok(((id, row.currency), Balances::from_columns(columns)))
        })
        .collect()
}

/// What of adjustments and payouts is not booked as it was decided, and what facts were decided under that the log does
/// not say: statuses, parents, deals of affiliates and default deals over time. A sentence each.
pub async fn decisions(connection: &mut Connection, program: ProgramId) -> Result<Vec<String>> {
    let mut faults = Vec::new();
    const CHECKS: [&str; 4] = [
        include_str!("replay/adjustments.sql"),
        include_str!("replay/payouts.sql"),
        include_str!("replay/affiliates.sql"),
        include_str!("replay/default_deals.sql"),
    ];
    for sql in CHECKS {
        let rows = sqlx::query(sql).bind(program.0).fetch_all(&mut *connection).await?;
        for row in rows {
            faults.push(row.try_get(0)?);
        }
    }
    Ok(faults)
}
