-- What a transaction has come to, in one statement: referrals that it has locked, what it appends without meeting a
-- conflict, daily figures, account rows and the rows of their months. Each part asks whether the one before is done, so
-- that every transaction takes its last locks in this order, each part in the order of its keys.
with referrals as (
    -- An upsert, for it looks rows up always; nothing is inserted, because every row is there and locked.
    insert into referral (program_id, id, number, person_id, affiliate_id, state, state_set_at, occurred_at, rejected_at,
                          assignments, fold, version, created_at, updated_at)
    select $1, t.id, r.number, r.person_id, t.affiliate_id, t.state, t.state_set_at, r.occurred_at, t.rejected_at,
           r.assignments, t.fold::jsonb, t.version, r.created_at, t.updated_at
    from unnest($53::uuid[], $54::bigint[], $55::text[], $56::timestamptz[], $57::timestamptz[], $58::text[],
                $59::bigint[], $60::timestamptz[])
         as t (id, affiliate_id, state, state_set_at, rejected_at, fold, version, updated_at)
         cross join lateral (select number, person_id, occurred_at, assignments, created_at from referral
                             where program_id = $1 and id = t.id offset 0) r
    on conflict (program_id, id) do update
    set affiliate_id = excluded.affiliate_id, state = excluded.state, state_set_at = excluded.state_set_at,
        rejected_at = excluded.rejected_at, fold = excluded.fold, version = excluded.version,
        updated_at = excluded.updated_at
    returning 1
), facts as (
    insert into fact (program_id, id, kind, operation, referral_id, payment_id, amount_micros, currency, value_micros,
                     source, occurred_at, recorded_at, input_hash, engine, detail, outcome, exchange)
    select $1, t.id, t.kind, t.operation, t.referral_id, t.payment_id, t.amount_micros, t.currency, t.value_micros,
           t.source, t.occurred_at, t.recorded_at, t.input_hash, t.engine, t.detail::jsonb, t.outcome::jsonb,
           t.exchange::jsonb
    from unnest($2::uuid[], $3::smallint[], $4::smallint[], $5::uuid[], $6::uuid[], $7::bigint[], $8::text[],
                $9::bigint[], $10::text[], $11::timestamptz[], $12::timestamptz[], $13::bytea[], $14::smallint[],
                $15::text[], $16::text[], $17::text[])
         as t (id, kind, operation, referral_id, payment_id, amount_micros, currency, value_micros, source,
               occurred_at, recorded_at, input_hash, engine, detail, outcome, exchange)
    returning 1
), commissions as (
    insert into commission (program_id, id, fact_id, referral_id, affiliate_id, rule, kind, deal_version_id, currency,
                           occurred_at, release_at, released_at, after_close, disputed)
    select $1, t.id, t.fact_id, t.referral_id, t.affiliate_id, t.rule, t.kind, t.deal_version_id, t.currency,
           t.occurred_at, t.release_at, t.released_at, t.after_close, t.disputed
    from unnest($18::uuid[], $19::uuid[], $20::uuid[], $21::bigint[], $22::smallint[], $23::smallint[], $24::uuid[],
                $25::text[], $26::timestamptz[], $27::timestamptz[], $28::timestamptz[], $29::boolean[],
                $30::boolean[])
         as t (id, fact_id, referral_id, affiliate_id, rule, kind, deal_version_id, currency, occurred_at, release_at,
               released_at, after_close, disputed)
    returning 1
), transfers as (
    insert into transfer (program_id, id, affiliate_id, currency, debit, credit, amount_micros, cause, cause_id,
                         revision, commission_id, leg, entry, effective_at, period, log_id, unclaimed_micros,
                         engine)
    select $1, t.id, t.affiliate_id, t.currency, t.debit, t.credit, t.amount_micros, t.cause, t.cause_id, t.revision,
           t.commission_id, t.leg, t.entry, t.effective_at, t.period, t.log_id, t.unclaimed_micros, $79
    from unnest($31::uuid[], $32::bigint[], $33::text[], $34::smallint[], $35::smallint[], $36::bigint[],
                $37::smallint[], $38::uuid[], $39::integer[], $40::uuid[], $41::smallint[], $42::smallint[],
                $43::timestamptz[], $44::integer[], $45::uuid[], $46::bigint[])
         as t (id, affiliate_id, currency, debit, credit, amount_micros, cause, cause_id, revision, commission_id,
               leg, entry, effective_at, period, log_id, unclaimed_micros)
    returning 1
), logs as (
    insert into log (program_id, id, kind, scope, scope_version, recorded_at, body)
    select $1, t.id, t.kind, t.scope, t.scope_version, t.recorded_at, t.body::jsonb
    from unnest($47::uuid[], $48::text[], $49::uuid[], $50::bigint[], $51::timestamptz[], $52::text[])
         as t (id, kind, scope, scope_version, recorded_at, body)
    returning 1
), waiting as (
    insert into log_waiting (program_id, log_id)
    select $1, t.id from unnest($47::uuid[]) with ordinality as t (id, position) order by t.position
    returning 1
), appended as (
    select (select count(*) from referrals) + (select count(*) from facts) + (select count(*) from commissions)
           + (select count(*) from transfers) + (select count(*) from logs) + (select count(*) from waiting) as rows
), counted as (
    insert into fact_daily as d (program_id, affiliate_id, day, link_id, brand_id, deal_id, campaign_id,
                                 registrations, first_payments, payments, refunds, churns, first_payments_micros,
                                 payments_micros, refunds_micros)
    select $1, t.affiliate_id, t.day, 0, 0, t.deal_id, 0, t.counts[1], t.counts[2], t.counts[3], t.counts[4],
           t.counts[5], t.amounts[1], t.amounts[2], t.amounts[3]
    from (select affiliate_id, day, deal_id, counts::bigint[] as counts, amounts::numeric[] as amounts, position
          from unnest($74::bigint[], $75::date[], $76::bigint[], $77::text[], $78::text[]) with ordinality
               as u (affiliate_id, day, deal_id, counts, amounts, position)
          offset 0) t
    where (select rows from appended) >= 0
    order by t.position
    on conflict (program_id, affiliate_id, day, link_id, brand_id, deal_id, campaign_id) do update set
        registrations = d.registrations + excluded.registrations,
        first_payments = d.first_payments + excluded.first_payments,
        payments = d.payments + excluded.payments,
        refunds = d.refunds + excluded.refunds,
        churns = d.churns + excluded.churns,
        first_payments_micros = d.first_payments_micros + excluded.first_payments_micros,
        payments_micros = d.payments_micros + excluded.payments_micros,
        refunds_micros = d.refunds_micros + excluded.refunds_micros
    returning 1
), booked as (
    insert into account as a (program_id, affiliate_id, currency,
                              earned_lead, earned_acquisition, earned_share, earned_sub_affiliate, adjustments, paid,
                              pending_lead, pending_acquisition, pending_share, pending_sub_affiliate, due,
                              in_payout, carried_lead, carried_acquisition, carried_share, carried_sub_affiliate,
                              registrations, first_payments, first_payments_micros, payments, payments_micros,
                              last_paid_at)
    select $1, t.affiliate_id, t.currency,
           t.moved[1], t.moved[2], t.moved[3], t.moved[4], t.moved[5], t.moved[6], t.moved[7], t.moved[8],
           t.moved[9], t.moved[10], t.moved[11], t.moved[12], t.moved[13], t.moved[14], t.moved[15], t.moved[16],
           t.registrations, t.first_payments, t.first_payments_micros::numeric, t.payments,
           t.payments_micros::numeric, t.last_paid_at
    from (select affiliate_id, currency, moved::numeric[] as moved, registrations, first_payments,
                 first_payments_micros, payments, payments_micros, last_paid_at, position
          from unnest($61::bigint[], $62::text[], $63::text[], $64::bigint[], $65::bigint[], $66::text[], $67::bigint[],
                      $68::text[], $69::timestamptz[]) with ordinality
               as u (affiliate_id, currency, moved, registrations, first_payments, first_payments_micros, payments,
                     payments_micros, last_paid_at, position)
          offset 0) t
    where (select count(*) from counted) >= 0
    order by t.position
    on conflict (program_id, affiliate_id, currency) do update set
        earned_lead = a.earned_lead + excluded.earned_lead,
        earned_acquisition = a.earned_acquisition + excluded.earned_acquisition,
        earned_share = a.earned_share + excluded.earned_share,
        earned_sub_affiliate = a.earned_sub_affiliate + excluded.earned_sub_affiliate,
        adjustments = a.adjustments + excluded.adjustments,
        paid = a.paid + excluded.paid,
        pending_lead = a.pending_lead + excluded.pending_lead,
        pending_acquisition = a.pending_acquisition + excluded.pending_acquisition,
        pending_share = a.pending_share + excluded.pending_share,
        pending_sub_affiliate = a.pending_sub_affiliate + excluded.pending_sub_affiliate,
        due = a.due + excluded.due,
        in_payout = a.in_payout + excluded.in_payout,
        carried_lead = a.carried_lead + excluded.carried_lead,
        carried_acquisition = a.carried_acquisition + excluded.carried_acquisition,
        carried_share = a.carried_share + excluded.carried_share,
        carried_sub_affiliate = a.carried_sub_affiliate + excluded.carried_sub_affiliate,
        registrations = a.registrations + excluded.registrations,
        first_payments = a.first_payments + excluded.first_payments,
        first_payments_micros = a.first_payments_micros + excluded.first_payments_micros,
        payments = a.payments + excluded.payments,
        payments_micros = a.payments_micros + excluded.payments_micros,
        last_paid_at = greatest(a.last_paid_at, excluded.last_paid_at)
    returning 1
)
insert into account_month as a (program_id, affiliate_id, currency, month, moved)
select $1, t.affiliate_id, t.currency, t.month, t.moved::numeric[]
from unnest($70::bigint[], $71::text[], $72::integer[], $73::text[]) with ordinality
     as t (affiliate_id, currency, month, moved, position)
where (select count(*) from booked) >= 0
order by t.position
on conflict (program_id, affiliate_id, currency, month) do update
set moved = array(select x.before + x.more from unnest(a.moved, excluded.moved) as x (before, more))
