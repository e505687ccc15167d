-- What is known of a customer since the registration: country, brand, campaign, coupon. Null where nothing is.

alter table referral add column attributes jsonb;
