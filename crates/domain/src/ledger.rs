//! The ledger's journal: the accounts of an affiliate and the movements between them (money.md §2).
//!
//! A transfer always names two different accounts and a positive amount, so no transfer can be unbalanced. Where it
//! is stored, and the wide account row, are the store's.

use serde::{Deserialize, Serialize};

/// What a commission is for: percent rules are `Share`, flat sums `Acquisition`, registrations `Lead`.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    /// A registration or a qualified lead.
    Lead,
    /// A flat sum on a payment or a qualified customer.
    Acquisition,
    /// A percentage.
    Share,
    /// A parent's part of what a sub-affiliate earned.
    SubAffiliate,
}

impl Kind {
    /// Every kind, in the order of their codes.
    pub const ALL: [Kind; 4] = [Kind::Lead, Kind::Acquisition, Kind::Share, Kind::SubAffiliate];

    /// The number under which the kind is stored.
    pub fn code(self) -> i16 {
        match self {
            Kind::Lead => 0,
            Kind::Acquisition => 1,
            Kind::Share => 2,
            Kind::SubAffiliate => 3,
        }
    }

    /// The kind of a stored number.
    pub fn from_code(code: i16) -> Option<Kind> {
        Kind::ALL.into_iter().find(|kind| kind.code() == code)
    }

    /// The word of this kind.
    pub fn as_str(self) -> &'static str {
        match self {
            Kind::Lead => "lead",
            Kind::Acquisition => "acquisition",
            Kind::Share => "share",
            Kind::SubAffiliate => "sub_affiliate",
        }
    }
}

/// An account of one affiliate and currency.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Debug)]
pub enum Account {
    /// Contra account: what was earned, by kind.
    Earned(Kind),
    /// Contra account: corrections by hand.
    Adjustments,
    /// Contra account: what was paid out.
    Paid,
    /// Owed and held, by kind.
    Pending(Kind),
    /// Owed and payable; may be negative.
    Due,
    /// Owed and on its way to the affiliate.
    InPayout,
    /// Negative months that later results work off, by kind; never above zero.
    Carried(Kind),
}

/// How many accounts an affiliate has in one currency.
pub const ACCOUNTS: usize = 16;

impl Account {
    /// Every account, in the order of their codes.
    pub const ALL: [Account; ACCOUNTS] = [
        Account::Earned(Kind::Lead),
        Account::Earned(Kind::Acquisition),
        Account::Earned(Kind::Share),
        Account::Earned(Kind::SubAffiliate),
        Account::Adjustments,
        Account::Paid,
        Account::Pending(Kind::Lead),
        Account::Pending(Kind::Acquisition),
        Account::Pending(Kind::Share),
        Account::Pending(Kind::SubAffiliate),
        Account::Due,
        Account::InPayout,
        Account::Carried(Kind::Lead),
        Account::Carried(Kind::Acquisition),
        Account::Carried(Kind::Share),
        Account::Carried(Kind::SubAffiliate),
    ];

    /// The account's place in [`Account::ALL`], which is the number it is stored under.
    pub fn index(self) -> usize {
        match self {
            Account::Earned(kind) => kind.code() as usize,
            Account::Adjustments => 4,
            Account::Paid => 5,
            Account::Pending(kind) => 6 + kind.code() as usize,
            Account::Due => 10,
            Account::InPayout => 11,
            Account::Carried(kind) => 12 + kind.code() as usize,
        }
    }

    /// The account of a stored number.
    pub fn from_code(code: i16) -> Option<Account> {
        usize::try_from(code).ok().and_then(|index| Account::ALL.get(index).copied())
    }

    /// The number under which the account is stored.
    pub fn code(self) -> i16 {
        self.index() as i16
    }

    /// The account's name as a column and in reports: `earned_share`, `due`.
    pub fn name(self) -> String {
        match self {
            Account::Earned(kind) => format!("earned_{}", kind.as_str()),
            Account::Adjustments => "adjustments".to_owned(),
            Account::Paid => "paid".to_owned(),
            Account::Pending(kind) => format!("pending_{}", kind.as_str()),
            Account::Due => "due".to_owned(),
            Account::InPayout => "in_payout".to_owned(),
            Account::Carried(kind) => format!("carried_{}", kind.as_str()),
        }
    }
}

/// An amount that moves from one account (debit) to another (credit) of one affiliate and currency.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Movement {
    debit: Account,
    credit: Account,
    micros: i64,
}

impl Movement {
    /// A movement of a signed amount: a negative one goes the other way round. `None` for zero, which moves nothing,
    /// and between an account and itself.
    fn signed(debit: Account, credit: Account, micros: i64) -> Option<Movement> {
        if micros == 0 || debit == credit || micros == i64::MIN {
            return None;
        }
        let (debit, credit) = if micros > 0 { (debit, credit) } else { (credit, debit) };
        Some(Movement { debit, credit, micros: micros.abs() })
    }

    /// Earned (above zero) or taken back (below zero) on the held side.
    pub fn earned_held(kind: Kind, micros: i64) -> Option<Movement> {
        Movement::signed(Account::Earned(kind), Account::Pending(kind), micros)
    }

    /// Earned (above zero) or taken back (below zero) on the payable side.
    pub fn earned_due(kind: Kind, micros: i64) -> Option<Movement> {
        Movement::signed(Account::Earned(kind), Account::Due, micros)
    }

    /// Held money becomes payable; below zero the other way round.
    pub fn released(kind: Kind, micros: i64) -> Option<Movement> {
        Movement::signed(Account::Pending(kind), Account::Due, micros)
    }

    /// A negative month is put aside (below zero) or worked off (above zero); booked with the release of the month.
    pub fn carried(kind: Kind, micros: i64) -> Option<Movement> {
        Movement::signed(Account::Due, Account::Carried(kind), micros)
    }

    /// A correction by hand, signed.
    pub fn adjusted(micros: i64) -> Option<Movement> {
        Movement::signed(Account::Adjustments, Account::Due, micros)
    }

    /// Money leaves `due` for a payout.
    pub fn payout_requested(micros: i64) -> Option<Movement> {
        Movement::signed(Account::Due, Account::InPayout, micros.max(0))
    }

    /// A payout that was not paid comes back.
    pub fn payout_released(micros: i64) -> Option<Movement> {
        Movement::signed(Account::InPayout, Account::Due, micros.max(0))
    }

    /// A payout arrived.
    pub fn payout_paid(micros: i64) -> Option<Movement> {
        Movement::signed(Account::InPayout, Account::Paid, micros.max(0))
    }

    /// A paid payout came back from the bank.
    pub fn payout_returned(micros: i64) -> Option<Movement> {
        Movement::signed(Account::Paid, Account::Due, micros.max(0))
    }

    /// Paid by an old system before the books were opened here.
    pub fn opening_paid(micros: i64) -> Option<Movement> {
        Movement::signed(Account::Due, Account::Paid, micros)
    }

    /// A movement as it was stored; `None` when it is none.
    pub fn restore(debit: Account, credit: Account, micros: i64) -> Option<Movement> {
        (micros > 0).then(|| Movement::signed(debit, credit, micros)).flatten()
    }

    /// The account the amount leaves.
    pub fn debit(&self) -> Account {
        self.debit
    }

    /// The account the amount reaches.
    pub fn credit(&self) -> Account {
        self.credit
    }

    /// The amount, above zero.
    pub fn micros(&self) -> i64 {
        self.micros
    }

    /// What the movement does to `due`, signed.
    pub fn on_due(&self) -> i64 {
        match (self.debit, self.credit) {
            (Account::Due, _) => -self.micros,
            (_, Account::Due) => self.micros,
            _ => 0,
        }
    }
}

/// Credits minus debits of every account of one affiliate and currency, in micros.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Balances([i128; ACCOUNTS]);

impl Balances {
    /// Balances from their stored values, in the order of [`Account::ALL`].
    pub fn from_columns(columns: [i128; ACCOUNTS]) -> Balances {
        Balances(columns)
    }

    /// Books a movement.
    pub fn apply(&mut self, movement: &Movement) {
        self.0[movement.debit.index()] -= i128::from(movement.micros);
        self.0[movement.credit.index()] += i128::from(movement.micros);
    }

    /// One account: credits minus debits.
    pub fn get(&self, account: Account) -> i128 {
        self.0[account.index()]
    }

    /// All accounts in the order of [`Account::ALL`].
    pub fn columns(&self) -> &[i128; ACCOUNTS] {
        &self.0
    }

    /// The sum of all accounts; zero unless something is broken.
    pub fn sum(&self) -> i128 {
        self.0.iter().sum()
    }

    /// What was earned of a kind, as people read it (above zero).
    pub fn earned(&self, kind: Kind) -> i128 {
        -self.get(Account::Earned(kind))
    }

    /// What is held, all kinds.
    pub fn pending(&self) -> i128 {
        Kind::ALL.into_iter().map(|kind| self.get(Account::Pending(kind))).sum()
    }

    /// What is payable, signed.
    pub fn due(&self) -> i128 {
        self.get(Account::Due)
    }

    /// What is on its way.
    pub fn in_payout(&self) -> i128 {
        self.get(Account::InPayout)
    }

    /// Negative months carried, all kinds; at most zero.
    pub fn carried(&self) -> i128 {
        Kind::ALL.into_iter().map(|kind| self.get(Account::Carried(kind))).sum()
    }

    /// What was paid out.
    pub fn paid(&self) -> i128 {
        self.get(Account::Paid)
    }

    /// Corrections by hand, as people read them (above zero in the affiliate's favour).
    pub fn adjustments(&self) -> i128 {
        -self.get(Account::Adjustments)
    }

    /// What the program owes: pending + due + in payout + carried.
    pub fn balance(&self) -> i128 {
        self.pending() + self.due() + self.in_payout() + self.carried()
    }

    /// `due` cut down to whole minor units, at least zero.
    pub fn payable(&self, minor_unit_micros: i64) -> i128 {
        let unit = i128::from(minor_unit_micros);
        (self.due() / unit * unit).max(0)
    }

    /// The part of a kind's commissions that the Smartico surface shows: earned, less held, less carried (money.md §9).
    pub fn shown_fee(&self, kind: Kind) -> i128 {
        self.earned(kind) - self.get(Account::Pending(kind)) - self.get(Account::Carried(kind))
    }
}

/// What a commission's entry does.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Entry {
    /// First booked.
    Earned,
    /// Brought to a new standing because something else became known.
    Corrected,
    /// Taken back: refund, dispute lost, rejected, restated.
    Reversed,
    /// Given back after a reversal.
    Reinstated,
}

impl Entry {
    /// Every entry, in the order of their codes.
    pub const ALL: [Entry; 4] = [Entry::Earned, Entry::Corrected, Entry::Reversed, Entry::Reinstated];

    /// The number under which the entry's sort is stored.
    pub fn code(self) -> i16 {
        match self {
            Entry::Earned => 0,
            Entry::Corrected => 1,
            Entry::Reversed => 2,
            Entry::Reinstated => 3,
        }
    }

    /// The sort of a stored number.
    pub fn from_code(code: i16) -> Option<Entry> {
        Entry::ALL.into_iter().find(|entry| entry.code() == code)
    }

    /// The word of this sort of entry.
    pub fn as_str(self) -> &'static str {
        match self {
            Entry::Earned => "earned",
            Entry::Corrected => "corrected",
            Entry::Reversed => "reversed",
            Entry::Reinstated => "reinstated",
        }
    }
}

/// What made a transfer necessary.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Cause {
    /// A fact.
    Fact,
    /// A release of held money.
    Release,
    /// A payout's step.
    Payout,
    /// An adjustment.
    Adjustment,
    /// Books brought in from an old system.
    Opening,
    /// A decision on a referral, such as its rejection.
    Decision,
    /// The close of a month.
    Close,
}

impl Cause {
    /// Every cause, in the order of their codes.
    pub const ALL: [Cause; 7] = [
        Cause::Fact,
        Cause::Release,
        Cause::Payout,
        Cause::Adjustment,
        Cause::Opening,
        Cause::Decision,
        Cause::Close,
    ];

    /// The number under which the cause is stored.
    pub fn code(self) -> i16 {
        match self {
            Cause::Fact => 0,
            Cause::Release => 1,
            Cause::Payout => 2,
            Cause::Adjustment => 3,
            Cause::Opening => 4,
            Cause::Decision => 5,
            Cause::Close => 6,
        }
    }

    /// The cause of a stored number.
    pub fn from_code(code: i16) -> Option<Cause> {
        Cause::ALL.into_iter().find(|cause| cause.code() == code)
    }

    /// The word of this cause.
    pub fn as_str(self) -> &'static str {
        match self {
            Cause::Fact => "fact",
            Cause::Release => "release",
            Cause::Payout => "payout",
            Cause::Adjustment => "adjustment",
            Cause::Opening => "opening",
            Cause::Decision => "decision",
            Cause::Close => "close",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn codes_and_accounts_are_one_to_one() {
        for (index, account) in Account::ALL.into_iter().enumerate() {
            assert_eq!(account.index(), index);
            assert_eq!(Account::from_code(account.code()), Some(account));
        }
        assert_eq!(Account::from_code(16), None);
        assert_eq!(Account::from_code(-1), None);
    }

    #[test]
    fn nothing_moves_nowhere() {
        assert_eq!(Movement::adjusted(0), None);
        assert_eq!(Movement::payout_requested(-5), None);
        assert_eq!(Movement::restore(Account::Due, Account::Due, 5), None);
        assert_eq!(Movement::restore(Account::Due, Account::Paid, -5), None);
    }

    fn any_movement() -> impl Strategy<Value = Movement> {
        let kind = (0..4_usize).prop_map(|index| Kind::ALL[index]);
        (0..9_u8, kind, -1_000_000_000_i64..1_000_000_000).prop_filter_map(
            "moves nothing",
            |(which, kind, micros)| match which {
                0 => Movement::earned_held(kind, micros),
                1 => Movement::earned_due(kind, micros),
                2 => Movement::released(kind, micros),
                3 => Movement::adjusted(micros),
                4 => Movement::payout_requested(micros),
                5 => Movement::payout_released(micros),
                6 => Movement::payout_paid(micros),
                7 => Movement::payout_returned(micros),
                _ => Movement::opening_paid(micros),
            },
        )
    }

    proptest! {
        #[test]
        fn every_row_sums_to_zero_and_both_formulas_of_the_balance_agree(
            movements in prop::collection::vec(any_movement(), 0..60)
        ) {
            let mut balances = Balances::default();
            for movement in &movements {
                prop_assert!(movement.micros() > 0 && movement.debit() != movement.credit());
                balances.apply(movement);
            }
            prop_assert_eq!(balances.sum(), 0);
            let earned: i128 = Kind::ALL.into_iter().map(|kind| balances.earned(kind)).sum();
            prop_assert_eq!(balances.balance(), earned - balances.paid() + balances.adjustments());
            let fees: i128 = Kind::ALL.into_iter().map(|kind| balances.shown_fee(kind)).sum();
            prop_assert_eq!(
                fees - balances.paid() + balances.adjustments(),
                balances.due() + balances.in_payout()
            );
        }
    }
}
