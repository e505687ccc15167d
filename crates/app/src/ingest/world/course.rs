//! What folding referrals needs beside their facts: their courses, put together from the decisions about them; for
//! batches, and for verbs outside ingest.

use std::collections::BTreeMap;
use std::sync::Arc;

use domain::fold::{Assignment, Course, Truth};
use domain::ids::{DealId, DealVersionId, ProgramId, ReferralId};
use domain::sub_affiliate::Network;
use store::program::ProgramRow;
use store::referral::ReferralRow;
use store::{Connection, Result, StoreError, Tx};

use super::{Scope, read_histories};
use crate::App;
use crate::cache::Decisions;

/// Referrals outside of a batch, with what folding them needs.
pub(crate) struct Scopes {
    pub(crate) program: ProgramRow,
    pub(crate) by_id: BTreeMap<ReferralId, Scope>,
    /// Deals of the deal versions in use.
    pub(crate) deals: BTreeMap<DealVersionId, DealId>,
    /// Who brought the affiliates.
    pub(crate) network: Network,
}

/// The course of a referral.
pub(crate) fn course_of(
    row: &ReferralRow,
    program: &ProgramRow,
    terms: &BTreeMap<DealVersionId, (DealId, Arc<domain::deal::Terms>)>,
    statuses: &BTreeMap<domain::ids::AffiliateId, domain::affiliate::History>,
    truths: &BTreeMap<String, Truth>,
) -> Result<Course> {
    let missing = || StoreError::Corrupt { table: "referral", column: "assignments", id: row.id.to_string() };
    let assignments = row.assignments.iter().map(|assignment| {
        let version = match assignment.version {
            Some(version) => {
                let (_, terms) = terms.get(&version).ok_or_else(missing)?;
                Some((version, terms.clone()))
            }
            None => None,
        };
        Ok(Assignment { from: assignment.from, affiliate: assignment.affiliate, terms: version })
    });
    Ok(Course {
        currency: program.currency,
        zone: program.zone,
        assignments: assignments.collect::<Result<_>>()?,
        statuses: row
            .affiliates()
            .into_iter()
            .filter_map(|id| statuses.get(&id).map(|history| (id, history.clone())))
            .collect(),
        rejected_at: row.rejected_at,
        expires_at: row.expires_at,
        customer: row.attributes.clone(),
        truths: truths.clone(),
        rejected: row.rejected.clone(),
        booked: Vec::new(),
    })
}

/// Builds what folding one locked referral needs, for a verb outside ingest: the referral, and who brought its affiliates.
pub(crate) async fn scope(
    app: &App,
    tx: &mut Tx,
    program: ProgramId,
    row: ReferralRow,
) -> Result<Option<(Scope, Network)>> {
    let id = row.id;
    let scopes = scopes(app, tx, program, vec![row]).await?;
    Ok(scopes.and_then(|mut scopes| Some((scopes.by_id.remove(&id)?, scopes.network))))
}

/// Builds what folding locked referrals needs, for verbs outside ingest; `None` for an unknown program.
pub(crate) async fn scopes(
    app: &App,
    tx: &mut Tx,
    program: ProgramId,
    rows: Vec<ReferralRow>,
) -> Result<Option<Scopes>> {
    let Some(decisions) = app.0.cache.decisions(tx, program).await? else { return Ok(None) };
    Ok(Some(scopes_under(app, tx.read(), &decisions, rows).await?))
}

/// [`scopes`] under decisions that were read; the referrals are locked, or everything is read from one snapshot.
pub(crate) async fn scopes_under(
    app: &App,
    connection: &mut Connection,
    decisions: &Decisions,
    rows: Vec<ReferralRow>,
) -> Result<Scopes> {
    let program = decisions.program.id;
    let versions =
        rows.iter().flat_map(|row| &row.assignments).filter_map(|assignment| assignment.version).collect();
    let terms = app.0.cache.versions(connection, program, &versions).await?;
    let affiliates = rows.iter().flat_map(ReferralRow::affiliates).collect();
    let statuses = decisions.statuses(connection, &affiliates).await?;
    let network = decisions.network(connection, &affiliates).await?;
    let ids: Vec<ReferralId> = rows.iter().map(|row| row.id).collect();
    let (mut histories, _) = read_histories(connection, program, &ids, &decisions.program).await?;
    let mut by_id = BTreeMap::new();
    for row in rows {
        let course = course_of(&row, &decisions.program, &terms, &statuses, &decisions.brands)?;
        let history = Some(histories.remove(&row.id).unwrap_or_default());
        by_id.insert(
            row.id,
            Scope { row, course, history, wants_history: false, is_new: false, changed: false },
        );
    }
    let deals = terms.iter().map(|(version, (deal, _))| (*version, *deal)).collect();
    Ok(Scopes { program: decisions.program.clone(), by_id, deals, network })
}
