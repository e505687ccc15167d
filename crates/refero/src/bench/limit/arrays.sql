-- A thousand payments of the product as one statement over arrays; sums by affiliate were formed before.
with
paid as materialized (
    select * from unnest($2::uuid[], $3::uuid[], $4::uuid[], $5::uuid[], $6::bigint[], $7::text[], $8::bytea[],
                         $9::bytea[], $10::bigint[])
                  as t (fact_id, commission_id, transfer_id, referral_id, affiliate_id, source, name, input, number)
),
summed as materialized (
    select * from unnest($11::bigint[], $12::bigint[]) as t (affiliate_id, payments)
),
fact_row as (
    insert into fact (program_id, id, kind, operation, referral_id, payment_id, amount_micros, currency,
                      value_micros, source, occurred_at, recorded_at, input_hash, engine, detail, outcome)
    select $1, fact_id, 1, 1, referral_id, null, $13, 'EUR', $13, source, $14, $14, input, 1, null, $15::jsonb
    from paid
),
name_row as (
    insert into name (program_id, hash, kind, subject) select $1, name, 1, fact_id from paid
),
commission_row as (
    insert into commission (program_id, id, fact_id, referral_id, affiliate_id, rule, kind, deal_version_id,
                            currency, occurred_at, release_at, released_at, after_close, disputed)
    select $1, commission_id, fact_id, referral_id, affiliate_id, 0, 2, $16, 'EUR', $14, $14, $14, false, false from paid
),
transfer_row as (
    insert into transfer (program_id, id, affiliate_id, currency, debit, credit, amount_micros, cause, cause_id,
                          revision, commission_id, leg, entry, effective_at, period, log_id, unclaimed_micros,
                          engine)
    select $1, transfer_id, affiliate_id, 'EUR', 2, 10, $17, $18, fact_id, 0, commission_id, 0, $19, $14, $20,
           fact_id, $17, 1
    from paid
),
log_row as (
    insert into log (program_id, id, kind, scope, scope_version, recorded_at, body)
    select $1, fact_id, 'payment.recorded', referral_id, number, $14, null from paid
),
waiting_row as (
    insert into log_waiting (program_id, log_id) select $1, fact_id from paid
),
number_row as (
    insert into log_number (program_id, number, log_id) select $1, number, fact_id from paid
),
referral_row as (
    update referral
    set affiliate_id = paid.affiliate_id, state = 'paid', state_set_at = $14, rejected_at = null, fold = $21::jsonb,
        version = paid.number, updated_at = $14
    from paid
    where referral.program_id = $1 and referral.id = paid.referral_id
),
daily_row as (
    insert into fact_daily as d (program_id, affiliate_id, day, link_id, brand_id, deal_id, campaign_id,
                                 registrations, first_payments, first_payments_micros, payments,
                                 payments_micros, refunds, refunds_micros, churns)
    select $1, affiliate_id, $22, 0, 0, $23, 0, 0, 0, 0, payments, payments * $13, 0, 0, 0 from summed
    on conflict (program_id, affiliate_id, day, link_id, brand_id, deal_id, campaign_id) do update set
        registrations = d.registrations + excluded.registrations,
        first_payments = d.first_payments + excluded.first_payments,
        first_payments_micros = d.first_payments_micros + excluded.first_payments_micros,
        payments = d.payments + excluded.payments,
        payments_micros = d.payments_micros + excluded.payments_micros,
        refunds = d.refunds + excluded.refunds, refunds_micros = d.refunds_micros + excluded.refunds_micros,
        churns = d.churns + excluded.churns
),
month_row as (
    insert into account_month as a (program_id, affiliate_id, currency, month, moved)
    select $1, affiliate_id, 'EUR', $20,
           array[0, 0, -payments * $17, 0, 0, 0, 0, 0, 0, 0, payments * $17, 0, 0, 0, 0, 0]::numeric[]
    from summed
    on conflict (program_id, affiliate_id, currency, month) do update
    set moved = array(select x.before + x.more from unnest(a.moved, excluded.moved) as x (before, more))
)
insert into account as a (program_id, affiliate_id, currency,
                          earned_lead, earned_acquisition, earned_share, earned_sub_affiliate, adjustments,
                          paid, pending_lead, pending_acquisition, pending_share, pending_sub_affiliate,
                          due, in_payout, carried_lead, carried_acquisition, carried_share,
                          carried_sub_affiliate, registrations, first_payments, first_payments_micros,
                          payments, payments_micros, last_paid_at)
select $1, affiliate_id, 'EUR', 0, 0, -payments * $17, 0, 0, 0, 0, 0, 0, 0, payments * $17, 0, 0, 0, 0, 0, 0, 0, 0, payments, payments * $13, null
from summed
on conflict (program_id, affiliate_id, currency) do update set
    earned_lead = a.earned_lead + excluded.earned_lead,
    earned_acquisition = a.earned_acquisition + excluded.earned_acquisition,
    earned_share = a.earned_share + excluded.earned_share,
    earned_sub_affiliate = a.earned_sub_affiliate + excluded.earned_sub_affiliate,
    adjustments = a.adjustments + excluded.adjustments, paid = a.paid + excluded.paid,
    pending_lead = a.pending_lead + excluded.pending_lead,
    pending_acquisition = a.pending_acquisition + excluded.pending_acquisition,
    pending_share = a.pending_share + excluded.pending_share,
    pending_sub_affiliate = a.pending_sub_affiliate + excluded.pending_sub_affiliate,
    due = a.due + excluded.due, in_payout = a.in_payout + excluded.in_payout,
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
