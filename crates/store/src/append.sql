-- What a transaction appends without meeting a conflict (lock order, step 5), in one statement.
with facts as (
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
), transfers as (
    insert into transfer (program_id, id, affiliate_id, currency, debit, credit, amount_micros, cause, cause_id,
                         revision, commission_id, leg, entry, effective_at, period, log_id, unclaimed_micros)
    select $1, t.id, t.affiliate_id, t.currency, t.debit, t.credit, t.amount_micros, t.cause, t.cause_id, t.revision,
           t.commission_id, t.leg, t.entry, t.effective_at, t.period, t.log_id, t.unclaimed_micros
    from unnest($31::uuid[], $32::bigint[], $33::text[], $34::smallint[], $35::smallint[], $36::bigint[],
                $37::smallint[], $38::uuid[], $39::integer[], $40::uuid[], $41::smallint[], $42::smallint[],
                $43::timestamptz[], $44::integer[], $45::uuid[], $46::bigint[])
         as t (id, affiliate_id, currency, debit, credit, amount_micros, cause, cause_id, revision, commission_id,
               leg, entry, effective_at, period, log_id, unclaimed_micros)
), logs as (
    insert into log (program_id, id, kind, scope, scope_version, recorded_at, body)
    select $1, t.id, t.kind, t.scope, t.scope_version, t.recorded_at, t.body::jsonb
    from unnest($47::uuid[], $48::text[], $49::uuid[], $50::bigint[], $51::timestamptz[], $52::text[])
         as t (id, kind, scope, scope_version, recorded_at, body)
)
insert into log_waiting (program_id, log_id)
select $1, t.id from unnest($47::uuid[]) with ordinality as t (id, position) order by t.position
