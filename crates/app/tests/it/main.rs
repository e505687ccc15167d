//! Tests of the verbs against real servers: one module a subject.

mod convergence;
mod deadlock;
mod disputes;
mod doors;
mod faults;
mod faults_elsewhere;
mod ingest;
mod jobs;
mod mail;
mod march;
mod months;
mod periods;
mod rates;
mod simulation;
mod story;
mod sub_affiliates;
