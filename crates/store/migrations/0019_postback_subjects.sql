-- What a call tells of, so that it is told to nobody twice: the payment, and of a registration and a first deposit the
-- referral. Other triggers may come again for the same thing.

alter table postback_delivery add column subject uuid;

create unique index postback_delivery_subject
    on postback_delivery (program_id, postback_id, subject, trigger, affiliate_id) where subject is not null;
