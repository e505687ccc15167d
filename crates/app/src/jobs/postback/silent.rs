//! Servers that did not answer lately. They are not called for a while, so that they take no places from calls to others.

use std::collections::HashMap;
use std::sync::Mutex;

use chrono::TimeDelta;
use domain::time::Timestamp;

/// A server is taken for away after so many calls in a row without an answer.
const MISSED: u32 = 3;

/// How long it is not called then, in seconds: doubled with each call that tries again, up to a limit.
const FIRST_HOLD: i64 = 60;
const LONGEST_HOLD: i64 = 600;

/// Servers that are remembered; beyond, all are forgotten and found out anew.
const REMEMBERED: usize = 10_000;

/// What is known of servers by their host and port.
#[derive(Default)]
pub(crate) struct Silent(Mutex<HashMap<String, Server>>);

struct Server {
    missed: u32,
    held_until: Timestamp,
}

impl Silent {
    /// Whether a server is not to be called now. Once its time is over one call may try, and the others wait for it.
    pub(super) fn is_held(&self, server: &str, now: Timestamp) -> bool {
        let mut servers = self.0.lock().expect("nothing panics while it holds this");
        let Some(known) = servers.get_mut(server).filter(|known| known.missed >= MISSED) else {
            return false;
        };
        let is_held = now < known.held_until;
        if !is_held {
            known.missed += 1;
            known.held_until = now + hold(known.missed);
        }
        is_held
    }

    /// Keeps how a call went. One that was on its way when the server was taken for away says nothing new.
    pub(super) fn tell(&self, server: &str, is_silent: bool, now: Timestamp) {
        let mut servers = self.0.lock().expect("nothing panics while it holds this");
        if !is_silent {
            servers.remove(server);
            return;
        }
        if servers.len() >= REMEMBERED {
            servers.clear();
        }
        let known = servers.entry(server.to_owned()).or_insert(Server { missed: 0, held_until: now });
        if known.missed < MISSED {
            known.missed += 1;
            known.held_until = now + hold(known.missed);
        }
    }
}

fn hold(missed: u32) -> TimeDelta {
    let doublings = missed.saturating_sub(MISSED).min(10);
    TimeDelta::seconds((FIRST_HOLD << doublings).min(LONGEST_HOLD))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_server_is_tried_by_one_call_at_a_time_until_it_answers() {
        let silent = Silent::default();
        let start: Timestamp = "2026-06-01T00:00:00Z".parse().expect("a time");
        let at = |seconds: i64| start + TimeDelta::seconds(seconds);
        for second in 0..3 {
            assert!(!silent.is_held("a", at(second)));
            silent.tell("a", true, at(second));
        }
        assert!(silent.is_held("a", at(3)));
        assert!(!silent.is_held("b", at(3)), "another server");
        // One that was on its way.
        silent.tell("a", true, at(4));
        assert!(silent.is_held("a", at(61)));
        assert!(!silent.is_held("a", at(62)), "it may try");
        assert!(silent.is_held("a", at(63)), "the next waits for it");
        silent.tell("a", true, at(64));
        assert!(silent.is_held("a", at(181)));
        assert!(!silent.is_held("a", at(182)));
        assert!(silent.is_held("a", at(183)));
        silent.tell("a", false, at(184));
        assert!(!silent.is_held("a", at(184)), "it has answered");
        assert_eq!(hold(u32::MAX), TimeDelta::seconds(600));
    }
}
