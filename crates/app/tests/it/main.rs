//! Tests of the verbs against real servers: one module a subject.

mod doors;
mod jobs;
mod mail;
mod story;
