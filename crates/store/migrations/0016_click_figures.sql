-- Figures of large batches of clicks that are not in `click_daily` yet: a row a batch, an array a column, written in the
-- batch's own transaction. Few batches wait: they are added up for each link and day before `click_daily` is changed, once
-- for all of them. What reads figures reads both, most of it as `click_figure`.

create table click_batch_figures (
    program_id bigint not null,
    id uuid not null,
    day date[] not null,
    affiliate_id bigint[] not null,
    link_id bigint[] not null,
    brand text[] not null collate "C",
    deal_id bigint[] not null,
    campaign text[] not null collate "C",
    visits bigint[] not null,
    unique_visits bigint[] not null,
    bots bigint[] not null,
    repeats bigint[] not null,
    primary key (program_id, id)
);

-- It is read once or twice: compressing it would cost more than its place.
alter table click_batch_figures
    alter column day set storage external, alter column affiliate_id set storage external,
    alter column link_id set storage external, alter column brand set storage external,
    alter column deal_id set storage external, alter column campaign set storage external,
    alter column visits set storage external, alter column unique_visits set storage external,
    alter column bots set storage external, alter column repeats set storage external;

create view click_figure as
    select program_id, day, affiliate_id, link_id, brand, deal_id, campaign, visits, unique_visits, bots, repeats
    from click_daily
    union all
    select b.program_id, f.day, f.affiliate_id, f.link_id, f.brand, f.deal_id, f.campaign, f.visits, f.unique_visits,
           f.bots, f.repeats
    from click_batch_figures b
         cross join unnest(b.day, b.affiliate_id, b.link_id, b.brand, b.deal_id, b.campaign, b.visits, b.unique_visits,
                           b.bots, b.repeats)
                    as f (day, affiliate_id, link_id, brand, deal_id, campaign, visits, unique_visits, bots, repeats);
