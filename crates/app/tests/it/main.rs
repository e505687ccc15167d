//! Tests of the verbs against real servers: one module a subject.

mod mail;
