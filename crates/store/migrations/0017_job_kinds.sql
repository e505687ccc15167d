-- Jobs are claimed kind by kind, so that many calls to a server that does not answer are not read to find a mail.

create index job_kind on job (program_id, kind, run_at) where state = 'waiting';
drop index job_program;
