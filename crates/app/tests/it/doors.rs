//! The few doors that the tests of the verbs go through: a program with an affiliate, and facts in one line each.

use app::ingest::{Answer, Ask, submit};
use app::payout::{NewPayout, Rail};
use domain::command::{
    AffiliateName, Churn, Command, Customer, Dispute, Operation, Payment, Refund, Registration, Withdrawal,
};
use domain::currency::Currency;
use domain::fact::{Attributes, DisputeState, RefundState};
use domain::ids::{AffiliateId, ProgramId};
use domain::money::{Money, decimal, parse_decimal};
use domain::text::{Email, Key, Slug, Source, Uid};
use serde_json::{Value, json};
use testkit::TestApp;

/// A program with one affiliate, `ann`.
pub(crate) struct Books<'a> {
    pub(crate) test: &'a TestApp,
    pub(crate) program: ProgramId,
    pub(crate) ann: AffiliateId,
}

/// Terms of a percentage of every payment, held for some days.
pub(crate) fn percent(percent: &str, hold_days: u16) -> Value {
    json!({ "hold_days": hold_days, "rules": [{ "on": "payment", "reward": { "percent": percent } }] })
}

/// An amount of euros.
pub(crate) fn eur(text: &str) -> Money {
    Money::from_micros(parse_decimal(text).expect("an amount"), Currency::EUR)
}

/// A customer by uid.
pub(crate) fn customer(uid: &str) -> Customer {
    Customer { uid: Some(Uid::parse(uid).expect("a uid")), ..Customer::default() }
}

/// A registration with ann.
pub(crate) fn registration(uid: &str) -> Command {
    Command::Registration(Registration {
        other_affiliates: Vec::new(),
        affiliate: Some(AffiliateName::Slug(Slug::parse("ann").expect("a slug"))),
        clicks: Vec::new(),
        uid: Some(Uid::parse(uid).expect("a uid")),
        email: Some(Email::parse(&format!("{uid}@example.com")).expect("an address")),
        attributes: Attributes::default(),
        occurred_at: None,
    })
}

/// A payment.
pub(crate) fn payment(uid: &str, source: &str, amount: Money) -> Command {
    Command::Payment(Payment {
        customer: customer(uid),
        amount,
        base: None,
        attributes: Attributes::default(),
        sources: vec![Source::parse(source).expect("a source")],
        subscription_id: None,
        interval: None,
        interval_count: None,
        occurred_at: None,
    })
}

/// A refund; of what is left when no amount is given.
pub(crate) fn refund(payment: &str, source: Option<&str>, amount: Option<Money>) -> Command {
    Command::Refund(Refund {
        source: source.map(|source| Source::parse(source).expect("a source")),
        amount,
        ..Refund::whole(Source::parse(payment).expect("a source"))
    })
}

/// A report of a refund in a state.
pub(crate) fn refund_in(state: RefundState, payment: &str, source: &str, amount: Option<Money>) -> Command {
    let Command::Refund(told) = refund(payment, Some(source), amount) else { unreachable!("a refund") };
    Command::Refund(Refund { state: Some(state), ..told })
}

/// A report of all that was refunded of a payment so far.
pub(crate) fn refunds_in_total(payment: &str, amount: Money) -> Command {
    let Command::Refund(told) = refund(payment, None, Some(amount)) else { unreachable!("a refund") };
    Command::Refund(Refund { is_total: true, ..told })
}

/// A report of a dispute, of the whole payment when no amount is given.
pub(crate) fn dispute(state: DisputeState, payment: &str, source: &str, amount: Option<Money>) -> Command {
    Command::Dispute(Dispute {
        payment: Source::parse(payment).expect("a source"),
        source: Source::parse(source).expect("a source"),
        amount,
        state,
        occurred_at: None,
    })
}

/// A withdrawal at a brand.
pub(crate) fn withdrawal(uid: &str, source: &str, amount: Money, brand: &str) -> Command {
    Command::Withdrawal(Withdrawal {
        customer: customer(uid),
        amount,
        source: Source::parse(source).expect("a source"),
        brand: Some(brand.to_owned()),
        occurred_at: None,
    })
}

/// A churn.
pub(crate) fn churn(uid: &str) -> Command {
    Command::Churn(Churn { customer: customer(uid), occurred_at: None })
}

/// The same command at a time of its own.
pub(crate) fn at(mut command: Command, time: &str) -> Command {
    let time = Some(time.parse().expect("a time"));
    match &mut command {
        Command::Registration(registration) => registration.occurred_at = time,
        Command::Payment(payment) => payment.occurred_at = time,
        Command::Refund(refund) => refund.occurred_at = time,
        Command::Dispute(dispute) => dispute.occurred_at = time,
        Command::Withdrawal(withdrawal) => withdrawal.occurred_at = time,
        Command::Churn(churn) => churn.occurred_at = time,
        Command::Activity(_) => panic!("a row has the time of its day"),
    }
    command
}

impl<'a> Books<'a> {
    pub(crate) async fn open(test: &'a TestApp, terms: Value) -> Books<'a> {
        let program = test.program(terms).await;
        let ann = test.affiliate(program, "ann").await;
        Books { test, program, ann }
    }

    /// Sends a command through the native door.
    pub(crate) async fn send(&self, command: Command) -> Answer {
        self.ask(Ask::new(Operation::Native, command)).await
    }

    /// Sends a command that may wait.
    pub(crate) async fn park(&self, command: Command) -> Answer {
        self.ask(Ask { park: true, ..Ask::new(Operation::Native, command) }).await
    }

    /// Sends a command as it is asked.
    pub(crate) async fn ask(&self, ask: Ask) -> Answer {
        submit(&self.test.app, self.program, self.test.app.now(), ask).await
    }

    /// Releases what is due now.
    pub(crate) async fn release(&self) -> usize {
        app::release::run_due(&self.test.app, self.program, self.test.app.now()).await.expect("a release")
    }

    /// Asks for a payout of an amount, or of all that is payable.
    pub(crate) async fn pay_out(
        &self,
        rail: Rail,
        key: &str,
        amount: Option<&str>,
    ) -> app::Result<app::payout::PayoutRow> {
        let new = NewPayout {
            rail,
            affiliate: self.ann,
            amount_micros: amount.map(|amount| parse_decimal(amount).expect("an amount")),
            period: (None, None),
            operator_comments: None,
            payment_details: None,
            send_mail: false,
        };
        let key = Key::parse(key).expect("a key");
        let caller = self.test.operator(self.program);
        app::payout::create(&self.test.app, &caller, Some(&key), new).await.map(|(row, _)| row)
    }

    /// Ann's account in one line: what is not zero, as `earned_share -20, due 20`.
    pub(crate) async fn account(&self) -> String {
        self.account_of(self.ann).await
    }

    /// The account of an affiliate in one line.
    pub(crate) async fn account_of(&self, affiliate: AffiliateId) -> String {
        let caller = self.test.operator(self.program);
        let rows = app::balance::of_affiliate(&self.test.app, &caller, affiliate).await.expect("balances");
        let Some(row) = rows.first() else { return String::new() };
        let accounts =
            domain::ledger::Account::ALL.into_iter().filter(|account| row.balances.get(*account) != 0);
        let shown =
            accounts.map(|account| format!("{} {}", account.name(), decimal(row.balances.get(account), 0)));
        shown.collect::<Vec<_>>().join(", ")
    }

    /// Ann's transfers, one a line, in the order in which they were made.
    pub(crate) async fn transfers(&self) -> String {
        self.transfers_of(self.ann).await
    }

    /// The transfers of an affiliate.
    pub(crate) async fn transfers_of(&self, affiliate: AffiliateId) -> String {
        let mut connection = self.test.app.pool().acquire().await.expect("a connection");
        let rows =
            store::transfer::of_affiliate(&mut connection, self.program, affiliate).await.expect("transfers");
        let lines = rows.iter().map(|row| {
            format!(
                "{} {} {} {} -> {} {}{}",
                row.effective_at.format("%Y-%m-%d"),
                row.period,
                row.cause.as_str(),
                row.movement.debit().name(),
                row.movement.credit().name(),
                decimal(row.movement.micros().into(), 0),
                row.entry.map(|entry| format!(" ({})", entry.as_str())).unwrap_or_default(),
            )
        });
        lines.collect::<Vec<_>>().join("\n")
    }

    /// Ann's commissions: state and standing, oldest first.
    pub(crate) async fn commissions(&self) -> String {
        let caller = self.test.operator(self.program);
        let filter = app::commission::Filter::default();
        let mut rows =
            app::commission::list(&self.test.app, &caller, &filter, 100).await.expect("commissions");
        rows.reverse();
        let lines = rows
            .iter()
            .map(|row| format!("{} {}", row.state().as_str(), decimal(row.standing_micros.into(), 0)));
        lines.collect::<Vec<_>>().join(", ")
    }
}
