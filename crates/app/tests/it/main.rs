//! Tests of the verbs against real servers: one module a subject.

mod clicks;
mod convergence;
mod country_file;
mod deadlock;
mod deal_choice;
mod disputes;
mod doors;
mod explain;
mod faults;
mod faults_elsewhere;
mod ingest;
mod jobs;
mod mail;
mod march;
mod months;
mod periods;
mod rates;
mod replay;
mod segments;
mod simulation;
mod story;
mod sub_affiliates;
mod what_if;
