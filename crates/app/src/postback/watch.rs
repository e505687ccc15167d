//! Reads the log behind the writes and finds the calls that are to be made: nothing is added to the way of a payment. One
//! transaction moves the place in the log, writes the calls and enqueues their jobs, so each is found once.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use domain::fact::Kind;
use domain::ids::{
    AffiliateId, CommissionId, DealId, DealVersionId, FactId, LogId, PersonId, ProgramId, ReferralId,
};
use domain::ledger;
use domain::money::decimal;
use domain::outcome::Note;
use domain::postback::{Escape, Method, Template, Trigger, Values, body_escape};
use domain::time::Timestamp;
use store::fact::FactRow;
use store::log::NumberedRow;
use store::postback::{DeliveryRow, MovedRow, PostbackRow};
use store::referral::ReferralRow;
use store::{Connection, Tx};
use uuid::Uuid;

use super::visit::{self, Visits};
use crate::error::Result;
use crate::ingest::attached_by;
use crate::{App, random};

/// Log rows that are read at a time.
const PAGE: i64 = 500;

/// The longest address and body that are sent, in bytes.
const LONGEST_URL: usize = 8_000;
const LONGEST_BODY: usize = 64_000;

/// How often is looked for news.
const LOOK: Duration = Duration::from_millis(500);

/// Something to tell.
struct News {
    trigger: Trigger,
    log: LogId,
    /// What it is about, if it is told of that once.
    subject: Option<Uuid>,
    affiliate: AffiliateId,
    deal: Option<DealId>,
    values: Values,
}

/// Looks for news until the product stops.
pub(crate) async fn keep_watching(app: &App) {
    let mut stopping = app.0.tasks.stopping();
    loop {
        if let Err(error) = catch_up(app, app.now()).await {
            tracing::debug!(%error, "postbacks have to wait");
        }
        tokio::select! {
            _ = stopping.wait_for(|stop| *stop) => return,
            () = tokio::time::sleep(LOOK) => {}
        }
    }
}

/// Finds all calls of what has been numbered; says how many.
pub(crate) async fn catch_up(app: &App, now: Timestamp) -> Result<usize> {
    let mut found = 0;
    for program in store::postback::programs_behind(app.pool()).await? {
        while let Some(calls) = advance(app, program, now).await? {
            found += calls;
        }
    }
    if found > 0 {
        app.0.jobs.wake();
    }
    Ok(found)
}

/// Reads on by one page; `None` at the end of the log, where another process reads, and where a click is waited for.
async fn advance(app: &App, program: ProgramId, now: Timestamp) -> Result<Option<usize>> {
    let mut tx = Tx::begin(app.pool(), program).await?;
    let Some(from) = store::postback::lock_cursor(&mut tx, program).await? else { return Ok(None) };
    let logs = store::log::after(tx.read(), program, from, PAGE).await?;
    let Some(last) = logs.last().map(|row| row.number) else { return Ok(None) };
    let mut definitions = store::postback::page(tx.read(), program, None, 0, i64::MAX).await?;
    definitions.retain(|definition| definition.active);
    let mut jobs = Vec::new();
    if !definitions.is_empty() {
        let reader = Reader { program, logs: &logs, now };
        let Some(found) = reader.read(tx.read()).await? else { return Ok(None) };
        let mut places: BTreeMap<(i64, LogId), i32> = BTreeMap::new();
        for news in found {
            // Written one by one: what strangers put into their texts must not gather in memory.
            for definition in wanted(&news, &definitions) {
                let Some(mut call) = call(&news, definition, now) else { continue };
                let place = places.entry((call.postback, call.log)).or_insert(0);
                call.place = *place;
                *place += 1;
                let is_new = store::postback::append(&mut tx, program, &call).await?;
                if is_new && call.error.is_none() {
                    jobs.push(crate::jobs::postback::job(call.id, now));
                }
            }
        }
    }
    store::job::enqueue(&mut tx, program, &jobs).await?;
    store::postback::move_cursor(&mut tx, program, last).await?;
    tx.commit().await?;
    Ok(Some(jobs.len()))
}

/// The definitions that a piece of news is for.
fn wanted<'a>(news: &News, definitions: &'a [PostbackRow]) -> impl Iterator<Item = &'a PostbackRow> {
    definitions.iter().filter(|definition| {
        definition.trigger == news.trigger
            && definition.affiliate.is_none_or(|affiliate| affiliate == news.affiliate)
            && definition.deal.is_none_or(|deal| Some(deal) == news.deal)
    })
}

/// A call, filled in; one that comes out too long has failed from the beginning.
fn call(news: &News, definition: &PostbackRow, now: Timestamp) -> Option<DeliveryRow> {
    let fill = |text: &str, escape| text.parse::<Template>().ok().map(|it| it.fill(&news.values, escape));
    let body = definition.body.as_deref().filter(|_| definition.method == Method::Post);
    let mut url = fill(&definition.url, Escape::Percent)?;
    let mut body = match body {
        Some(body) => Some(fill(body, body_escape(body))?),
        None => None,
    };
    let mut error = None;
    if url.len() > LONGEST_URL {
        error = Some(format!("the address has {} bytes; at most {LONGEST_URL} are sent", url.len()));
        url = definition.url.clone();
    }
    if let Some(long) = body.take_if(|body| body.len() > LONGEST_BODY) {
        error = Some(format!("the body has {} bytes; at most {LONGEST_BODY} are sent", long.len()));
    }
    Some(DeliveryRow {
        id: random::id(),
        postback: definition.id,
        affiliate: news.affiliate,
        log: news.log,
        place: 0,
        trigger: news.trigger,
        subject: news.subject,
        method: definition.method,
        url,
        body,
        state: if error.is_some() { "failed" } else { "waiting" }.to_owned(),
        attempts: 0,
        status: None,
        response: None,
        error,
        created_at: now,
        updated_at: now,
    })
}

/// Finds what a page of the log tells of.
struct Reader<'a> {
    program: ProgramId,
    logs: &'a [NumberedRow],
    now: Timestamp,
}

/// What is known of the customers of a page.
struct Known {
    program: ProgramId,
    facts: BTreeMap<FactId, FactRow>,
    referrals: BTreeMap<ReferralId, ReferralRow>,
    uids: BTreeMap<PersonId, String>,
    slugs: BTreeMap<AffiliateId, String>,
    deals: BTreeMap<DealVersionId, DealId>,
    standings: BTreeMap<CommissionId, i64>,
    visits: Visits,
    currency: String,
}

impl Reader<'_> {
    /// What there is to tell; `None` while a click that belongs to it is still to be written.
    async fn read(&self, connection: &mut Connection) -> Result<Option<Vec<News>>> {
        let mut news = Vec::new();
        let Some((known, moved)) = self.known(connection).await? else { return Ok(None) };
        for row in self.logs {
            match row.kind.as_str() {
                "payout.paid" => news.extend(self.payout(connection, row).await?),
                _ => {
                    let moved: Vec<&MovedRow> = moved.iter().filter(|moved| moved.log == row.id).collect();
                    news.extend(known.of_fact(row, &moved));
                    news.extend(moved.iter().flat_map(|moved| known.of_commission(row, moved)));
                }
            }
        }
        Ok(Some(news))
    }

    async fn known(&self, connection: &mut Connection) -> Result<Option<(Known, Vec<MovedRow>)>> {
        let program = self.program;
        let own = self.logs.iter().map(|row| FactId(row.id.0));
        let ids: Vec<FactId> =
            own.chain(self.logs.iter().flat_map(|row| attached_by(row.body.as_ref()))).collect();
        let facts: BTreeMap<FactId, FactRow> = store::fact::by_ids(connection, program, &ids)
            .await?
            .into_iter()
            .map(|row| (row.id, row))
            .collect();
        let scopes = self.logs.iter().filter_map(|row| row.scope).map(ReferralId);
        let of_facts = facts.values().filter_map(|fact| fact.referral);
        let referrals: BTreeSet<ReferralId> = of_facts.chain(scopes).collect();
        let logs: Vec<LogId> = self.logs.iter().map(|row| row.id).collect();
        let list: Vec<ReferralId> = referrals.iter().copied().collect();
        let moved = store::postback::moved(connection, program, &list, &logs).await?;
        let referrals: BTreeMap<ReferralId, ReferralRow> =
            store::referral::read(connection, program, &referrals)
                .await?
                .into_iter()
                .map(|row| (row.id, row))
                .collect();
        let people: Vec<PersonId> = referrals.values().map(|row| row.person).collect();
        let versions: Vec<DealVersionId> =
            referrals.values().flat_map(|row| &row.assignments).filter_map(|row| row.version).collect();
        let deals = store::deal::by_versions(connection, program, &versions).await?;
        let owners = referrals.values().flat_map(|row| &row.assignments).map(|row| row.affiliate);
        let told: BTreeSet<AffiliateId> = owners.chain(moved.iter().map(|row| row.affiliate)).collect();
        let told: Vec<i64> = told.into_iter().map(|id| id.0).collect();
        let found = store::affiliate::find(connection, program, &told, &[], &[]).await?;
        let commissions: Vec<CommissionId> = moved.iter().map(|row| row.commission).collect();
        let row = store::program::by_id(connection, program).await?;
        let Some(visits) = visit::visits(connection, program, &list, self.now).await? else {
            return Ok(None);
        };
        let known = Known {
            program,
            uids: store::postback::uids(connection, program, &people).await?,
            slugs: found.into_iter().map(|found| (found.id, found.slug)).collect(),
            deals: deals.into_iter().map(|deal| (deal.version, deal.id)).collect(),
            standings: store::postback::standings(connection, program, &commissions).await?,
            visits,
            currency: row.map_or_else(String::new, |row| row.currency.to_string()),
            facts,
            referrals,
        };
        Ok(Some((known, moved)))
    }

    async fn payout(&self, connection: &mut Connection, log: &NumberedRow) -> Result<Option<News>> {
        let id = log.body.as_ref().and_then(|body| body.get("payout")?.as_i64());
        let Some(id) = id else { return Ok(None) };
        let filter = store::payout::Filter { id: Some(domain::ids::PayoutId(id)), ..Default::default() };
        let Some(payout) = store::payout::list(connection, self.program, &filter, 0, 1).await?.pop() else {
            return Ok(None);
        };
        let mut values = self.common(Trigger::PayoutPaid, log);
        values.insert("affiliate_id", payout.affiliate.to_string());
        values.insert("affiliate", payout.details.payee_slug.clone());
        values.insert("payout_id", payout.id.to_string());
        values.insert("payout_amount", decimal(payout.amount_micros.into(), 2));
        values.insert("payout_currency", payout.currency.to_string());
        values.insert("currency", payout.currency.to_string());
        let (trigger, log, affiliate) = (Trigger::PayoutPaid, log.id, payout.affiliate);
        Ok(Some(News { trigger, log, subject: None, affiliate, deal: None, values }))
    }

    fn common(&self, trigger: Trigger, log: &NumberedRow) -> Values {
        common(self.program, trigger, log)
    }
}

fn common(program: ProgramId, trigger: Trigger, log: &NumberedRow) -> Values {
    Values::from([
        ("event", trigger.as_str().to_owned()),
        ("event_id", log.id.to_string()),
        ("event_time", log.recorded_at.timestamp().to_string()),
        ("program_id", program.to_string()),
    ])
}

impl Known {
    /// What a fact and those that had waited for it are news of; one that waits is none until then. Customers without a deal
    /// are nobody's news.
    fn of_fact(&self, log: &NumberedRow, moved: &[&MovedRow]) -> Vec<News> {
        let waited = attached_by(log.body.as_ref());
        let own = self.facts.get(&FactId(log.id.0)).filter(|fact| fact.outcome.note != Some(Note::Parked));
        let (of_waited, of_own): (Vec<&MovedRow>, Vec<&MovedRow>) =
            moved.iter().copied().partition(|row| waited.contains(&row.fact));
        let mut news: Vec<News> = own.into_iter().flat_map(|fact| self.of(log, fact, &of_own)).collect();
        for fact in waited.iter().filter_map(|id| self.facts.get(id)) {
            let of_it: Vec<&MovedRow> = of_waited.iter().copied().filter(|row| row.fact == fact.id).collect();
            news.extend(self.of(log, fact, &of_it));
        }
        news
    }

    fn of(&self, log: &NumberedRow, fact: &FactRow, moved: &[&MovedRow]) -> Vec<News> {
        let Some(referral) = fact.referral.and_then(|id| self.referrals.get(&id)) else { return Vec::new() };
        let is_first = referral.fold.first_payment.is_some_and(|first| first.fact == fact.id);
        let is_payment = fact.kind == Kind::Payment && fact.amount.is_some_and(|amount| amount.micros() > 0);
        let mut triggers = Vec::new();
        if fact.kind == Kind::Registration {
            triggers.push(Trigger::Registration);
        }
        if is_first {
            triggers.push(Trigger::FirstDeposit);
        }
        if is_payment {
            triggers.push(Trigger::Payment);
        }
        let news = triggers.into_iter().filter_map(|trigger| {
            let (affiliate, deal, mut values) =
                self.customer(log, trigger, referral, fact.occurred_at, None)?;
            if let Some(amount) = fact.amount {
                values.insert("amount", decimal(amount.micros().into(), amount.currency().exponent()));
                values.insert("deposit", decimal(amount.micros().into(), amount.currency().exponent()));
                values.insert("currency", amount.currency().to_string());
            }
            let change: i64 =
                moved.iter().filter(|row| row.affiliate == affiliate).map(|row| row.change_micros).sum();
            values.insert("commission", decimal(change.into(), 2));
            values.insert("commission_change", decimal(change.into(), 2));
            let subject = if trigger == Trigger::Payment { fact.id.0 } else { referral.id.0 };
            Some(News { trigger, log: log.id, subject: Some(subject), affiliate, deal: Some(deal), values })
        });
        news.collect()
    }

    /// What a change of a commission is news of: that, and of a new flat fee that the customer is qualified.
    fn of_commission(&self, log: &NumberedRow, moved: &MovedRow) -> Vec<News> {
        let Some(referral) = self.referrals.get(&moved.referral) else { return Vec::new() };
        let qualified = match ledger::Kind::from_code(moved.kind) {
            Some(ledger::Kind::Lead) => Some(Trigger::QualifiedLead),
            Some(ledger::Kind::Acquisition) => Some(Trigger::QualifiedDeposit),
            _ => None,
        };
        let triggers = qualified.filter(|_| moved.is_new).into_iter().chain([Trigger::CommissionChanged]);
        triggers.filter_map(|trigger| self.commission(log, trigger, referral, moved)).collect()
    }

    fn commission(
        &self,
        log: &NumberedRow,
        trigger: Trigger,
        referral: &ReferralRow,
        moved: &MovedRow,
    ) -> Option<News> {
        let fact = self.facts.get(&moved.fact).map_or(log.recorded_at, |fact| fact.occurred_at);
        let (_, deal, mut values) = self.customer(log, trigger, referral, fact, Some(moved.affiliate))?;
        let kind = ledger::Kind::from_code(moved.kind)?;
        let standing = self.standings.get(&moved.commission).copied().unwrap_or(0);
        values.insert("commission_id", moved.commission.to_string());
        values.insert("commission_kind", kind.as_str().to_owned());
        values.insert("commission", decimal(standing.into(), 2));
        values.insert("commission_change", decimal(moved.change_micros.into(), 2));
        let (log, affiliate, deal) = (log.id, moved.affiliate, Some(deal));
        Some(News { trigger, log, subject: None, affiliate, deal, values })
    }

    /// A customer's owner and deal at an instant, and what is said of them: to the owner unless somebody else is told.
    /// Whoever brought an affiliate is told neither who its customers are nor how they came.
    fn customer(
        &self,
        log: &NumberedRow,
        trigger: Trigger,
        referral: &ReferralRow,
        at: Timestamp,
        told: Option<AffiliateId>,
    ) -> Option<(AffiliateId, DealId, Values)> {
        let owner =
            referral.assignments.iter().rev().find(|it| it.from <= at).or(referral.assignments.first())?;
        let deal = self.deals.get(&owner.version?).copied()?;
        let told = told.unwrap_or(owner.affiliate);
        let is_owner = told == owner.affiliate;
        let mut values = self.visits.get(&(referral.id, told)).cloned().unwrap_or_default();
        values.extend(common(self.program, trigger, log));
        let attributes = &referral.attributes;
        let said = [
            ("registration_id", Some(referral.id.to_string())),
            ("customer_id", self.uids.get(&referral.person).filter(|_| is_owner).cloned()),
            ("affiliate_id", Some(told.to_string())),
            ("affiliate", self.slugs.get(&told).cloned()),
            ("deal_id", Some(deal.to_string())),
            ("currency", Some(self.currency.clone())),
            ("payout_currency", Some(self.currency.clone())),
            ("country_code", attributes.country.clone()),
            ("brand_id", attributes.brand.clone()),
            ("brand_name", attributes.brand.clone()),
            ("campaign_id", attributes.campaign.clone().filter(|_| is_owner)),
            ("campaign_name", attributes.campaign.clone().filter(|_| is_owner)),
            ("coupon", attributes.coupon.clone().filter(|_| is_owner)),
        ];
        values.extend(said.into_iter().filter_map(|(name, value)| Some((name, value?))));
        if let Some(value) = referral.fold.first_payment.and_then(|first| first.value) {
            values.insert("first_deposit_amount", decimal(value.0.into(), 2));
        }
        Some((owner.affiliate, deal, values))
    }
}
