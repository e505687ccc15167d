//! Tests of the verbs against real servers: one module a subject.

mod deadlock;
mod doors;
mod faults;
mod jobs;
mod mail;
mod story;
