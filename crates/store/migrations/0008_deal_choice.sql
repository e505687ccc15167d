-- Which deal a registration gets: those made for its affiliate, those of its coupon, each in the version in force then.

alter table deal_version add column effective_at timestamptz;
update deal_version set effective_at = created_at;
alter table deal_version alter column effective_at set not null;

create index deal_affiliate on deal (program_id, affiliate_id) where affiliate_id is not null;
create index deal_version_coupon on deal_version using gin ((terms -> 'criteria' -> 'coupon'))
    where terms -> 'criteria' -> 'coupon' is not null;
