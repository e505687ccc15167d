-- An affiliate's keys work only while its API access is on, and making one turns it on. Whoever has a working key from
-- before has it on.

update affiliate a set api_access_enabled = true
where exists (select 1 from api_key k
              where k.program_id = a.program_id and k.affiliate_id = a.id and k.revoked_at is null);

-- An affiliate's working keys are looked up when its access ends.
create index api_key_affiliate on api_key (program_id, affiliate_id) where revoked_at is null;
