-- Daily figures, then account rows, then the rows of their months, each in key order. Each step asks whether the one
-- before is done, so that every transaction locks in this order.
with counted as (
    insert into fact_daily as d (program_id, affiliate_id, day, link_id, brand_id, deal_id, campaign_id,
                                 registrations, first_payments, payments, refunds, churns, first_payments_micros,
                                 payments_micros, refunds_micros)
    select $1, t.affiliate_id, t.day, 0, 0, t.deal_id, 0, t.counts[1], t.counts[2], t.counts[3], t.counts[4],
           t.counts[5], t.amounts[1], t.amounts[2], t.amounts[3]
    from (select affiliate_id, day, deal_id, counts::bigint[] as counts, amounts::numeric[] as amounts, position
          from unnest($15::bigint[], $16::date[], $17::bigint[], $18::text[], $19::text[]) with ordinality
               as u (affiliate_id, day, deal_id, counts, amounts, position)
          offset 0) t
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
          from unnest($2::bigint[], $3::text[], $4::text[], $5::bigint[], $6::bigint[], $7::text[], $8::bigint[],
                      $9::text[], $10::timestamptz[]) with ordinality
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
from unnest($11::bigint[], $12::text[], $13::integer[], $14::text[]) with ordinality
     as t (affiliate_id, currency, month, moved, position)
where (select count(*) from booked) >= 0
order by t.position
on conflict (program_id, affiliate_id, currency, month) do update
set moved = array(select x.before + x.more from unnest(a.moved, excluded.moved) as x (before, more))
