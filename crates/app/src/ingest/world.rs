//! What a batch needs to know: names, facts, referrals with their courses, locked and read in the one lock order.

mod choices;
mod course;
mod refunds;

use std::collections::{BTreeMap, BTreeSet, HashMap};

use domain::command::Command;
use domain::commission::{Booked, Key};
use domain::fact::{Fact, Kind as FactKind, Position};
use domain::fold::{Course, Truth};
use domain::ids::{DealId, DealVersionId, FactId, ProgramId, ReferralId};
use domain::sub_affiliate::Network;
use store::fact::FactRow;
use store::name::{Binding, Hash, Kind, Mention};
use store::program::ProgramRow;
use store::referral::ReferralRow;
use store::{Connection, Result, Tx};
use uuid::Uuid;

pub(crate) use choices::Choices;
pub(crate) use course::{Scopes, course_of, scope, scopes, scopes_under};
pub(crate) use refunds::{Counted, Refunds};

use super::prepare::Prepared;
use super::rates::Rates;
use crate::App;
use crate::cache::Decisions;

/// A referral with what folding it needs.
pub(crate) struct Scope {
    pub(crate) row: ReferralRow,
    pub(crate) course: Course,
    /// All its facts and booked commissions; `None` where only newer facts come, which need the stored state alone.
    pub(crate) history: Option<History>,
    /// Whether a fact came that needs the history after all.
    pub(crate) wants_history: bool,
    pub(crate) is_new: bool,
    pub(crate) changed: bool,
}

impl Scope {
    /// Who has how much by its commissions as they are booked, in micros.
    pub(crate) fn standings(&self) -> Vec<(domain::ids::AffiliateId, i64)> {
        let booked = self.history.iter().flat_map(|history| history.booked.values());
        booked.map(|booked| (booked.header.key.affiliate, booked.standing)).collect()
    }
}

/// Everything known of a referral.
#[derive(Default)]
pub(crate) struct History {
    pub(crate) facts: Vec<Fact>,
    pub(crate) booked: BTreeMap<Key, Booked>,
    /// Its refunds, report by report.
    pub(crate) refunds: Refunds,
}

/// The known part of the program that a batch touches.
pub(crate) struct World {
    pub(crate) program: ProgramRow,
    pub(crate) names: HashMap<Hash, Name>,
    pub(crate) facts: HashMap<FactId, FactRow>,
    pub(crate) referrals: HashMap<ReferralId, Scope>,
    /// Facts that wait under a name.
    pub(crate) parked: HashMap<Hash, Vec<FactId>>,
    /// What registrations are decided by.
    pub(crate) choices: Choices,
    /// Deals of the deal versions in use.
    pub(crate) deals: BTreeMap<DealVersionId, DealId>,
    pub(crate) statuses: BTreeMap<domain::ids::AffiliateId, domain::affiliate::History>,
    /// Who brought the affiliates.
    pub(crate) network: Network,
    /// What counts the deposits and withdrawals of each brand.
    pub(crate) truths: BTreeMap<String, Truth>,
    /// The newest report of each player's day, by the first one.
    pub(crate) revisions: HashMap<FactId, (u64, FactId)>,
    /// Exchange rates of the days and currencies of the batch.
    pub(crate) rates: Rates,
    /// Integer names for new referrals.
    pub(crate) numbers: Vec<i64>,
}

/// What a name names, before and during the batch.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Name {
    /// It named this before the batch, or names it since an earlier command of the batch.
    Bound(Uuid),
    /// This transaction made its row, with this subject; nobody has taken it yet.
    Fresh(Option<Uuid>),
    /// Something is parked under it; nobody has taken it yet.
    Waiting,
}

impl World {
    /// What a name names.
    pub(crate) fn subject(&self, hash: &Hash) -> Option<Uuid> {
        match self.names.get(hash) {
            Some(Name::Bound(subject)) => Some(*subject),
            _ => None,
        }
    }

    /// The fact that a key or source names.
    pub(crate) fn fact_named(&self, hash: &Hash) -> Option<&FactRow> {
        self.facts.get(&FactId(self.subject(hash)?))
    }

    /// The referral that a command's identifiers name: uid, then id, then e-mail address.
    pub(crate) fn referral_of(&self, prepared: &Prepared) -> Option<ReferralId> {
        let named = |hash: &Option<Hash>| hash.as_ref().and_then(|hash| self.subject(hash)).map(ReferralId);
        let by_id = prepared.customer().and_then(|customer| customer.id);
        [named(&prepared.uid), by_id, named(&prepared.email)]
            .into_iter()
            .flatten()
            .find(|id| self.referrals.contains_key(id))
    }
}

/// Claims, locks and reads everything that a batch touches; `None` for an unknown program.
pub(crate) async fn load(
    app: &App,
    tx: &mut Tx,
    program: ProgramId,
    batch: &[&Prepared],
    numbers: Vec<i64>,
    histories: &BTreeSet<ReferralId>,
) -> Result<Option<World>> {
    let mentions = mentions(batch);
    // Customers may be locked at once where no other referral comes in by a payment that is named.
    let is_plain = batch.iter().all(|prepared| prepared.payment.is_none());
    let by_id: Vec<_> = batch.iter().filter_map(|prepared| prepared.customer()?.id).collect();
    let claimed = store::claim(tx, program, &mentions, is_plain.then_some(&by_id)).await?;
    let mut bindings = claimed.bindings;
    lock_names(tx, program, batch, &mut bindings).await?;
    let subjects: HashMap<Hash, Option<Uuid>> =
        mentions.iter().map(|mention| (mention.hash, mention.subject)).collect();
    let names = bindings
        .into_iter()
        .map(|(hash, binding)| {
            let name = match binding {
                Binding::Bound(subject) => Name::Bound(subject),
                Binding::Fresh => Name::Fresh(subjects.get(&hash).copied().flatten()),
                Binding::Waiting => Name::Waiting,
            };
            (hash, name)
        })
        .collect();
    let Some(decisions) = app.0.cache.decisions(tx, program).await? else { return Ok(None) };
    let mut world = World {
        program: decisions.program.clone(),
        names,
        facts: HashMap::new(),
        referrals: HashMap::new(),
        parked: HashMap::new(),
        choices: Choices::default(),
        deals: BTreeMap::new(),
        statuses: BTreeMap::new(),
        network: Network {
            currency: decisions.program.currency,
            zone: decisions.program.zone,
            members: BTreeMap::new(),
        },
        truths: decisions.brands.clone(),
        revisions: HashMap::new(),
        rates: Rates::none(decisions.program.currency),
        numbers,
    };
    load_facts(tx, program, batch, &mut world).await?;
    load_rates(tx, batch, &mut world).await?;
    let rows = match claimed.referrals {
        Some(rows) => rows,
        None => lock_referrals(tx, program, batch, &world).await?,
    };
    load_referrals(app, tx, program, &mut world, &decisions, rows).await?;
    load_histories(tx, program, batch, &mut world, histories).await?;
    choices::load(app, tx, program, batch, &mut world, &decisions).await?;
    Ok(Some(world))
}

/// Locks the names that name nothing yet. The refund of a payment that is parked itself waits under the payment's
/// names, as do those that another id of it brings, so those are locked too; that a payment is parked may come out only once its source's name is locked.
async fn lock_names(
    tx: &mut Tx,
    program: ProgramId,
    batch: &[&Prepared],
    bindings: &mut HashMap<Hash, Binding>,
) -> Result<()> {
    let mut seen = BTreeSet::new();
    loop {
        store::name::lock_waiting(tx, program, bindings).await?;
        let mut payments = parked_payments(tx, program, batch, bindings).await?;
        payments.retain(|payment| seen.insert(*payment));
        if payments.is_empty() {
            return Ok(());
        }
        let names = store::parked::names_of(tx, program, &payments).await?;
        for name in names {
            bindings.entry(name).or_insert(Binding::Waiting);
        }
    }
}

/// Payments without referral that the batch's refunds name, or that it may bring more ids of.
async fn parked_payments(
    tx: &mut Tx,
    program: ProgramId,
    batch: &[&Prepared],
    bindings: &HashMap<Hash, Binding>,
) -> Result<Vec<FactId>> {
    let sources = |prepared: &&&Prepared| {
        matches!(prepared.ask.command, Command::Payment(_)) && prepared.sources.len() > 1
    };
    let sources = batch.iter().filter(sources).flat_map(|prepared| &prepared.sources);
    let payments = batch.iter().filter_map(|prepared| prepared.payment.as_ref());
    let named = payments.chain(sources).filter_map(|name| match bindings.get(name) {
        Some(Binding::Bound(fact)) => Some(FactId(*fact)),
        _ => None,
    });
    let named: BTreeSet<FactId> = named.collect();
    let rows = store::fact::by_ids(tx.read(), program, &named.into_iter().collect::<Vec<_>>()).await?;
    Ok(rows.into_iter().filter(|row| row.referral.is_none()).map(|row| row.id).collect())
}

/// Every name of the batch once; the first command that would own a name says what it shall name.
fn mentions(batch: &[&Prepared]) -> Vec<Mention> {
    let mut mentions: BTreeMap<Hash, Mention> = BTreeMap::new();
    let mut mention = |hash: Hash, kind: Kind, subject: Option<Uuid>| {
        let entry = mentions.entry(hash).or_insert(Mention { hash, kind, subject });
        entry.subject = entry.subject.or(subject);
    };
    for prepared in batch {
        let fact = Some(prepared.fact.0);
        let own_referral = match prepared.ask.command {
            Command::Registration(_) => Some(prepared.referral.0),
            _ => None,
        };
        prepared.key.into_iter().for_each(|hash| mention(hash, Kind::Key, fact));
        prepared.sources.iter().for_each(|hash| mention(*hash, Kind::Source, fact));
        prepared.payment.into_iter().for_each(|hash| mention(hash, Kind::Source, None));
        prepared.uid.into_iter().for_each(|hash| mention(hash, Kind::Uid, own_referral));
        prepared.email.into_iter().for_each(|hash| mention(hash, Kind::Email, own_referral));
    }
    mentions.into_values().collect()
}

/// Reads facts that keys and sources name, and facts parked under names that the batch may bind.
async fn load_facts(tx: &mut Tx, program: ProgramId, batch: &[&Prepared], world: &mut World) -> Result<()> {
    let waiting: Vec<Hash> =
        world.names.iter().filter(|(_, name)| **name == Name::Waiting).map(|(hash, _)| *hash).collect();
    if !waiting.is_empty() {
        let now = batch.iter().map(|prepared| prepared.now).max().unwrap_or_default();
        for (hash, fact) in store::parked::under(tx, program, &waiting, now).await? {
            world.parked.entry(hash).or_default().push(fact);
        }
    }
    let named = batch
        .iter()
        .flat_map(|prepared| prepared.key.iter().chain(&prepared.sources).chain(&prepared.payment))
        .filter_map(|hash| world.subject(hash).map(FactId));
    let mut wanted: BTreeSet<FactId> = named.collect();
    wanted.extend(world.parked.values().flatten());
    read_facts(tx, program, &wanted, world).await?;
    // A parked refund may belong to a payment that is parked too.
    let payments = world.parked.values().flatten().filter_map(|id| world.facts.get(id)?.payment);
    let payments: BTreeSet<FactId> = payments.filter(|id| !world.facts.contains_key(id)).collect();
    read_facts(tx, program, &payments, world).await?;
    let waiting: Vec<FactRow> = world
        .facts
        .values()
        .filter(|fact| fact.kind == FactKind::Activity && fact.referral.is_none())
        .cloned()
        .collect();
    know_reports(world, waiting)
}

/// Reads the batch's own facts, should an earlier attempt have committed them after all.
pub(crate) async fn load_own(
    tx: &mut Tx,
    program: ProgramId,
    batch: &[&Prepared],
    world: &mut World,
) -> Result<()> {
    read_facts(tx, program, &batch.iter().map(|prepared| prepared.fact).collect(), world).await
}

async fn read_facts(
    tx: &mut Tx,
    program: ProgramId,
    ids: &BTreeSet<FactId>,
    world: &mut World,
) -> Result<()> {
    let ids: Vec<FactId> = ids.iter().copied().collect();
    let rows = store::fact::by_ids(tx.read(), program, &ids).await?;
    world.facts.extend(rows.into_iter().map(|row| (row.id, row)));
    Ok(())
}

/// Reads the exchange rates of the batch's amounts and of the parked facts that it may attach. A refund or dispute has its
/// payment's currency, which is among them wherever the payment is.
async fn load_rates(tx: &mut Tx, batch: &[&Prepared], world: &mut World) -> Result<()> {
    let amounts = batch.iter().filter_map(|prepared| match &prepared.ask.command {
        Command::Payment(payment) => Some((Some(payment.amount), prepared.occurred_at)),
        Command::Refund(refund) => Some((refund.amount, prepared.occurred_at)),
        Command::Dispute(dispute) => Some((dispute.amount, prepared.occurred_at)),
        Command::Withdrawal(withdrawal) => Some((Some(withdrawal.amount), prepared.occurred_at)),
        Command::Registration(_) | Command::Churn(_) | Command::Activity(_) => None,
    });
    let facts = world.facts.values().map(|fact| (fact.amount, fact.occurred_at));
    let amounts = amounts.chain(facts).map(|(amount, at)| (amount.map(|amount| amount.currency()), at));
    world.rates = Rates::load(tx.read(), world.program.currency, amounts).await?;
    Ok(())
}

/// Locks the referrals that the batch names, those of named payments among them.
async fn lock_referrals(
    tx: &mut Tx,
    program: ProgramId,
    batch: &[&Prepared],
    world: &World,
) -> Result<Vec<ReferralRow>> {
    let mut ids: BTreeSet<ReferralId> = BTreeSet::new();
    for prepared in batch {
        let named = prepared.uid.iter().chain(&prepared.email).filter_map(|hash| world.subject(hash));
        ids.extend(named.map(ReferralId));
        ids.extend(prepared.customer().and_then(|customer| customer.id));
    }
    ids.extend(world.facts.values().filter_map(|fact| fact.referral));
    store::referral::lock(tx, program, &ids).await
}

/// Reads what folding the locked referrals needs.
async fn load_referrals(
    app: &App,
    tx: &mut Tx,
    program: ProgramId,
    world: &mut World,
    decisions: &Decisions,
    rows: Vec<ReferralRow>,
) -> Result<()> {
    let versions =
        rows.iter().flat_map(|row| &row.assignments).filter_map(|assignment| assignment.version).collect();
    let terms = app.0.cache.versions(tx.read(), program, &versions).await?;
    let affiliates = rows.iter().flat_map(ReferralRow::affiliates).collect();
    world.statuses = decisions.statuses(tx.read(), &affiliates).await?;
    world.network = decisions.network(tx.read(), &affiliates).await?;
    world.deals = terms.iter().map(|(version, (deal, _))| (*version, *deal)).collect();
    for row in rows {
        let course = course_of(&row, &world.program, &terms, &world.statuses, &world.truths)?;
        world.referrals.insert(
            row.id,
            Scope { row, course, history: None, wants_history: false, is_new: false, changed: false },
        );
    }
    Ok(())
}

/// Reads all facts and commissions of the referrals that cannot be folded from their stored state, `more` among them.
async fn load_histories(
    tx: &mut Tx,
    program: ProgramId,
    batch: &[&Prepared],
    world: &mut World,
    more: &BTreeSet<ReferralId>,
) -> Result<()> {
    let wanted: Vec<ReferralId> = need_history(batch, world).union(more).copied().collect();
    if wanted.is_empty() {
        return Ok(());
    }
    let (mut histories, reports) = read_histories(tx.read(), program, &wanted, &world.program).await?;
    know_reports(world, reports)?;
    for id in wanted {
        if let Some(scope) = world.referrals.get_mut(&id) {
            scope.history = Some(histories.remove(&id).unwrap_or_default());
        }
    }
    Ok(())
}

async fn read_histories(
    connection: &mut Connection,
    program: ProgramId,
    ids: &[ReferralId],
    settings: &ProgramRow,
) -> Result<(HashMap<ReferralId, History>, Vec<FactRow>)> {
    let mut reports = Vec::new();
    let mut histories: HashMap<ReferralId, History> = HashMap::new();
    for row in store::fact::of_referrals(connection, program, ids).await? {
        if let Some(referral) = row.referral {
            let history = histories.entry(referral).or_default();
            history.facts.push(row.to_fact(settings.currency)?);
            history.refunds.put(&row);
        }
        if row.kind == FactKind::Activity {
            reports.push(row);
        }
    }
    for (referral, booked) in store::commission::booked(connection, program, ids).await? {
        histories.entry(referral).or_default().booked = booked;
    }
    Ok((histories, reports))
}

/// Keeps reports of players' days, and which is the newest of each.
fn know_reports(world: &mut World, reports: Vec<FactRow>) -> Result<()> {
    for row in reports {
        let revision = row.activity()?.revision;
        let newest = world.revisions.entry(row.payment.unwrap_or(row.id)).or_insert((revision, row.id));
        if revision > newest.0 {
            *newest = (revision, row.id);
        }
        world.facts.insert(row.id, row);
    }
    Ok(())
}

/// Referrals that meet a refund, a fact older than their newest folded one, or parked facts. A fact that pulls down what its
/// day has qualified is noticed where it is folded.
fn need_history(batch: &[&Prepared], world: &World) -> BTreeSet<ReferralId> {
    let mut wanted = BTreeSet::new();
    let mut newest: HashMap<ReferralId, Position> = HashMap::new();
    let owners: HashMap<Uuid, &Prepared> =
        batch.iter().map(|prepared| (prepared.fact.0, *prepared)).collect();
    for prepared in batch {
        if let Some(payment) = &prepared.payment {
            let known = world.fact_named(payment).and_then(|fact| fact.referral);
            let in_batch = match world.names.get(payment) {
                Some(Name::Fresh(Some(fact))) => owners.get(fact).and_then(|owner| world.referral_of(owner)),
                _ => None,
            };
            wanted.extend(known.or(in_batch));
            continue;
        }
        let Some(id) = world.referral_of(prepared) else { continue };
        let Some(scope) = world.referrals.get(&id) else { continue };
        if matches!(prepared.ask.command, Command::Activity(_)) {
            // A newer report of a day.
            let is_known = prepared.sources.iter().any(|source| world.subject(source).is_some());
            if is_known || newest.contains_key(&id) {
                wanted.insert(id);
            }
        }
        let position = Position(prepared.occurred_at, prepared.ask.command.kind().rank(), prepared.source());
        let last = newest.get(&id).or(scope.row.fold.last.as_ref());
        if last.is_some_and(|last| *last >= position) {
            wanted.insert(id);
        }
        // It may take the place of what a browser said.
        if matches!(prepared.ask.command, Command::Registration(_)) {
            wanted.insert(id);
        }
        // A refund may be parked under the payment's source.
        if prepared.sources.iter().any(|source| world.parked.contains_key(source)) {
            wanted.insert(id);
        }
        newest.insert(id, position);
    }
    wanted
}
