-- One payment of the product as one statement: the rows that its batch writes, and the number that its log row gets.
-- The row that waits for the number is written too and stays; the product deletes it again.
with
fact_row as (
    insert into fact (program_id, id, kind, operation, referral_id, payment_id, amount_micros, currency,
                      value_micros, source, occurred_at, recorded_at, input_hash, engine, detail, outcome)
    values ($1, $2, 1, 1, $5, null, $8, 'EUR', $8, $7, $9, $9, $10, 1, null, $11::jsonb)
),
name_row as (
    insert into name (program_id, hash, kind, subject) values ($1, $12, 1, $2)
),
commission_row as (
    insert into commission (program_id, id, fact_id, referral_id, affiliate_id, rule, kind, deal_version_id,
                            currency, occurred_at, release_at, released_at, after_close, disputed)
    values ($1, $3, $2, $5, $6, 0, 2, $14, 'EUR', $9, $9, $9, false, false)
),
transfer_row as (
    insert into transfer (program_id, id, affiliate_id, currency, debit, credit, amount_micros, cause, cause_id,
                          revision, commission_id, leg, entry, effective_at, period, log_id, unclaimed_micros,
                          engine)
    values ($1, $4, $6, 'EUR', 2, 10, $13, $15, $2, 0, $3, 0, $16, $9, $17, $2, $13, 1)
),
log_row as (
    insert into log (program_id, id, kind, scope, scope_version, recorded_at, body)
    values ($1, $2, 'payment.recorded', $5, $18, $9, null)
),
waiting_row as (
    insert into log_waiting (program_id, log_id) values ($1, $2)
),
number_row as (
    insert into log_number (program_id, number, log_id) values ($1, $18, $2)
),
referral_row as (
    update referral
    set affiliate_id = $6, state = 'paid', state_set_at = $9, rejected_at = null, fold = $19::jsonb, version = $18,
        updated_at = $9
    where program_id = $1 and id = $5
),
daily_row as (
    insert into fact_daily as d (program_id, affiliate_id, day, link_id, brand_id, deal_id, campaign_id,
                                 registrations, first_payments, first_payments_micros, payments,
                                 payments_micros, refunds, refunds_micros, churns)
    values ($1, $6, $20, 0, 0, $21, 0, 0, 0, 0, 1, $8, 0, 0, 0)
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
    values ($1, $6, 'EUR', $17, array[0, 0, -$13, 0, 0, 0, 0, 0, 0, 0, $13, 0, 0, 0, 0, 0]::numeric[])
    on conflict (program_id, affiliate_id, currency, month) do update
    set moved = array(select x.before + x.more from unnest(a.moved, excluded.moved) as x (before, more))
)
insert into account as a (program_id, affiliate_id, currency,
                          earned_lead, earned_acquisition, earned_share, earned_sub_affiliate, adjustments,
                          paid, pending_lead, pending_acquisition, pending_share, pending_sub_affiliate,
                          due, in_payout, carried_lead, carried_acquisition, carried_share,
                          carried_sub_affiliate, registrations, first_payments, first_payments_micros,
                          payments, payments_micros, last_paid_at)
values ($1, $6, 'EUR', 0, 0, -$13, 0, 0, 0, 0, 0, 0, 0, $13, 0, 0, 0, 0, 0, 0, 0, 0, 1, $8, null)
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
