//! Writes the simulated year through the same verbs that every surface calls, month by month: facts by ingest, then
//! releases, decisions and payouts on the first of the next month.

use app::affiliate::{AffiliateRow, NewAffiliate};
use app::balance::Wanted;
use app::deal::NewDeal;
use app::ingest::{Ask, submit};
use app::payout::{NewPayout, Rail};
use app::program::{Changes, Mode, NewProgram, PayoutMode};
use app::{App, Caller};
use domain::affiliate::Status;
use domain::command::{Command, Operation};
use domain::currency::Currency;
use domain::deal::Terms;
use domain::fold::{Source, Truth};
use domain::ids::{AffiliateId, DealId, ProgramId};
use domain::money::MICROS;
use domain::payout::Step;
use domain::text::{Email, Key, Name, Slug};
use domain::time::{Timestamp, Zone};
use futures_util::future::join_all;
use serde_json::json;

use super::cast::{Fate, Partner};
use super::generator::Generator;
use super::year::{Event, Month, Year, waves};
use crate::failure::{Failure, Outcome};

/// Commands that wait at the same time; far below what the queue takes, and above what two batches hold.
const AT_ONCE: usize = 2048;

/// A program as the demo makes it.
pub(super) struct Plan {
    pub(super) name: &'static str,
    pub(super) zone: Zone,
    pub(super) threshold: i64,
    /// The terms of whoever has no own deal.
    pub(super) terms: Terms,
    /// The deal of the best affiliates: its name and terms, and what it becomes after half of the year.
    pub(super) favoured: (&'static str, Terms, Terms),
    pub(super) partners: &'static [Partner],
    pub(super) rail: Rail,
    /// The brand whose figures come by day; deposits are told one by one.
    pub(super) brand: Option<&'static str>,
    pub(super) events: Vec<Event>,
}

/// What was written, to be told.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, serde::Serialize)]
pub(super) struct Written {
    pub(super) affiliates: usize,
    pub(super) facts: usize,
    pub(super) releases: usize,
    pub(super) closes: usize,
    pub(super) payouts: usize,
    pub(super) adjustments: usize,
}

/// A program that is being written.
struct Desk<'a> {
    app: &'a App,
    program: ProgramId,
    plan: &'a Plan,
    favoured: DealId,
    affiliates: Vec<Option<AffiliateId>>,
    written: Written,
}

/// Makes a program. Until its year is complete its name says that it is not.
pub(super) async fn make(app: &App, year: &Year, plan: &Plan) -> Outcome<ProgramId> {
    let new = NewProgram {
        name: Name::parse(&unfinished(plan.name))?,
        currency: Currency::EUR,
        zone: plan.zone,
        mode: Mode::Live,
        terms: plan.terms.clone(),
        payout_threshold_micros: plan.threshold * MICROS,
    };
    Ok(app::program::create(app, year.start(), new).await?.id)
}

/// Writes a program's year.
pub(super) async fn fill(app: &App, program: ProgramId, year: &Year, mut plan: Plan) -> Outcome<Written> {
    let events = std::mem::take(&mut plan.events);
    let months = year.months();
    let (name, terms, _) = &plan.favoured;
    let deal = NewDeal { name: Name::parse(name)?, terms: terms.clone(), affiliate: None };
    let favoured = app::deal::create(app, &Caller::operator(program, year.start()), deal).await?.id;
    prepare(app, &Caller::operator(program, year.start()), plan.brand).await?;
    let affiliates = vec![None; plan.partners.len()];
    let mut desk = Desk { app, program, plan: &plan, favoured, affiliates, written: Written::default() };
    let mut parts: Vec<Vec<Event>> = months.iter().map(|_| Vec::new()).collect();
    for event in events {
        let month = months.iter().rposition(|month| month.from <= event.at).unwrap_or(0);
        parts[month].push(event);
    }
    for (index, (month, events)) in months.iter().zip(parts).enumerate() {
        desk.welcome(index, month).await?;
        desk.record(events).await?;
        if app::period::close_ended(app, program, month.to).await? {
            desk.written.closes += 1;
        }
        app::period::run_due(app, program, month.to).await?;
        desk.written.releases += app::release::run_due(app, program, month.to).await?;
        desk.decide(index, month).await?;
        if month.is_whole {
            desk.pay(index, month, month.to == last_payday(&months)).await?;
        }
    }
    let changes = Changes { name: Some(Name::parse(plan.name)?), ..Changes::default() };
    app::program::update(app, &Caller::operator(program, year.end()), changes).await?;
    Ok(desk.written)
}

/// Settings that are there before the first fact: months close as soon as they have ended, so that what they come to is
/// paid on the first.
async fn prepare(app: &App, caller: &Caller, brand: Option<&str>) -> Outcome {
    let changes = Changes { close_after_days: Some(0), ..Changes::default() };
    app::program::update(app, caller, changes).await?;
    if let Some(brand) = brand {
        let truth = Truth { deposits: Source::Events, withdrawals: Source::Events };
        app::brand::put(app, caller, brand, truth).await?;
    }
    Ok(())
}

/// The name of a program whose year is not complete.
pub(super) fn unfinished(name: &str) -> String {
    format!("{name} (unfinished demo)")
}

/// The last first of a month, on which payouts are requested only, so that every state can be seen.
fn last_payday(months: &[Month]) -> Timestamp {
    let paydays = months.iter().filter(|month| month.is_whole);
    paydays.map(|month| month.to).max().unwrap_or(Timestamp::UNIX_EPOCH)
}

/// What an affiliate tells about itself: its site, and for most of them where its money goes, by wire transfer.
fn introduce(row: &mut AffiliateRow, place: usize) {
    row.profile.web_site_url = Some(format!("https://{}.example", row.slug));
    if place % 4 != 3 {
        row.payment_method = 1;
        row.person.payment_details = json!({ "1": {
            "bank_name": "Example Bank",
            "beneficary": row.person.name,
            "account_number": format!("EX00 1000 2000 {:04}", 3001 + place),
        } });
    }
}

impl Desk<'_> {
    fn caller(&self, now: Timestamp) -> Caller {
        Caller::operator(self.program, now)
    }

    /// An affiliate that has joined.
    fn affiliate(&self, slug: &str) -> Option<AffiliateId> {
        let place = self.plan.partners.iter().position(|partner| partner.slug == slug)?;
        self.affiliates[place]
    }

    /// Makes the affiliates that join in a month.
    async fn welcome(&mut self, index: usize, month: &Month) -> Outcome {
        let joining = self.plan.partners.iter().enumerate().filter(|(_, partner)| partner.joins == index);
        for (place, partner) in joining {
            let new = NewAffiliate {
                name: Name::parse(partner.name)?,
                email: Email::parse(&format!("hello@{}.example", partner.slug))?,
                slug: Some(Slug::parse(partner.slug)?),
                status: match partner.fate {
                    Fate::Is(status) => status,
                    Fate::Plain | Fate::Favoured | Fate::Becomes(..) => Status::Approved,
                },
                deal: (partner.fate == Fate::Favoured).then_some(self.favoured),
                parent: partner.brought_by.and_then(|slug| self.affiliate(slug)),
                external_id: None,
                payout_threshold_micros: None,
            };
            let caller = self.caller(month.from);
            let row = app::affiliate::create(self.app, &caller, new).await?;
            if partner.weight > 0 {
                app::affiliate::update(self.app, &caller, row.id, |row| {
                    introduce(row, place);
                    Ok(())
                })
                .await?;
            }
            self.affiliates[place] = Some(row.id);
            self.written.affiliates += 1;
        }
        Ok(())
    }

    /// Records what happened in a month. Each fact is recorded when it occurs.
    async fn record(&mut self, events: Vec<Event>) -> Outcome {
        for wave in waves(events) {
            for part in wave.chunks(AT_ONCE) {
                let asks = part.iter().map(|event| {
                    let operation = match event.command {
                        Command::Activity(_) => Operation::Activity,
                        _ => Operation::Native,
                    };
                    let ask = Ask::new(operation, event.command.clone());
                    submit(self.app, self.program, event.at, ask)
                });
                for answer in join_all(asks).await {
                    answer.map_err(|refused| {
                        Failure::new(format!("the demo's own fact was refused: {refused}"))
                    })?;
                    self.written.facts += 1;
                }
            }
        }
        Ok(())
    }

    /// What the staff decides at the end of a month: statuses, a bonus or a correction, and once better terms.
    async fn decide(&mut self, index: usize, month: &Month) -> Outcome {
        let caller = self.caller(month.to);
        for (place, partner) in self.plan.partners.iter().enumerate() {
            if let (Fate::Becomes(status, at), Some(id)) = (partner.fate, self.affiliates[place])
                && at == index
            {
                let change = |row: &mut AffiliateRow| {
                    row.status = status;
                    Ok(())
                };
                app::affiliate::update(self.app, &caller, id, change).await?;
            }
        }
        if index == 6 {
            let terms = self.plan.favoured.2.clone();
            app::deal::update(self.app, &caller, self.favoured, None, Some(terms.into())).await?;
        }
        if index % 3 == 2 {
            self.adjust(index, &caller).await?;
        }
        Ok(())
    }

    /// A bonus for somebody and a correction for somebody else.
    async fn adjust(&mut self, index: usize, caller: &Caller) -> Outcome {
        let mut generator = Generator::of(self.plan.name, index as u64);
        let known: Vec<AffiliateId> = self.affiliates.iter().take(8).copied().flatten().collect();
        if known.is_empty() {
            return Ok(());
        }
        let bonus = (generator.between(2, 10) * 25, "Bonus for the best quarter so far");
        let correction = (-generator.between(5, 30), "Correction of a customer counted twice");
        for (units, reason) in [bonus, correction] {
            let new = app::adjustment::NewAdjustment {
                affiliate: *generator.pick(&known),
                amount_micros: units * MICROS,
                reason: reason.to_owned(),
            };
            app::adjustment::create(self.app, caller, "v1.adjustment", None, new).await?;
            self.written.adjustments += 1;
        }
        Ok(())
    }

    /// Pays everybody who is above the threshold. The last payouts of the year are on their way: requested, and some of
    /// them approved, paid or cancelled.
    async fn pay(&mut self, index: usize, month: &Month, is_last: bool) -> Outcome {
        let caller = self.caller(month.to);
        let payable = self.payable(&caller).await?;
        self.set_mode(&caller, if is_last { PayoutMode::ThreeStep } else { PayoutMode::Direct }).await?;
        for (place, affiliate) in payable.into_iter().enumerate() {
            let new = NewPayout {
                rail: self.plan.rail,
                affiliate,
                amount_micros: None,
                period: (Some(month.from), Some(month.to)),
                operator_comments: None,
                payment_details: Some(format!(
                    "Commissions of {}",
                    self.plan.zone.date_of(month.from).format("%B %Y")
                )),
                send_mail: false,
            };
            let key = Key::parse(&format!("payout-{index}-{affiliate}"))?;
            let (row, _) = app::payout::create(self.app, &caller, Some(&key), new).await?;
            self.written.payouts += 1;
            let steps: &[Step] = match place % 5 {
                _ if !is_last => &[],
                0 | 1 => &[Step::Approve, Step::Process, Step::Pay],
                2 => &[Step::Approve],
                3 => &[],
                _ => &[Step::Cancel],
            };
            for step in steps {
                app::payout::take_step(self.app, &caller, row.id, *step).await?;
            }
        }
        self.set_mode(&caller, PayoutMode::Direct).await
    }

    async fn set_mode(&self, caller: &Caller, mode: PayoutMode) -> Outcome {
        if app::program::show(self.app, caller).await?.payout_mode != mode {
            let changes = Changes { payout_mode: Some(mode), ..Changes::default() };
            app::program::update(self.app, caller, changes).await?;
        }
        Ok(())
    }

    /// Affiliates with more to be paid out than the threshold; the blocked are not paid.
    async fn payable(&self, caller: &Caller) -> Outcome<Vec<AffiliateId>> {
        let mut list = app::balance::list(self.app, caller, Wanted::default()).await?;
        let unit = list.program.currency.minor_unit_micros();
        let threshold = i128::from(list.program.payout_threshold_micros);
        let mut found = Vec::new();
        loop {
            let page = list.next_page().await?;
            if page.is_empty() {
                return Ok(found);
            }
            let rows = page.iter().filter(|row| row.affiliate.status.earns());
            let above = rows.filter(|row| row.account.balances.payable(unit) > threshold);
            found.extend(above.map(|row| row.affiliate.id));
        }
    }
}
