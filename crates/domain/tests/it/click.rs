//! Click tokens: what is signed is believed, and nothing else is.

use domain::click::{Key, TOKEN_LENGTH, Token, TokenError, Window};
use domain::ids::{LinkId, ProgramId};
use domain::time::Timestamp;
use proptest::prelude::*;

const PROGRAM: ProgramId = ProgramId(1001);

fn at(text: &str) -> Timestamp {
    text.parse().expect("an instant")
}

fn key(id: u16) -> Key {
    Key::new(id, &[id as u8; 32])
}

fn window(time: &str) -> Window {
    Window { program: PROGRAM, at: at(time), days: 60 }
}

/// A click of 1 March on link 7 of the program, signed by key 1.
fn token() -> Token {
    Token::new(&key(1), PROGRAM, LinkId(7), at("2026-03-01T12:00:00Z"), *b"8 bytes!")
}

fn verify(text: &str, window: Window) -> Result<Token, TokenError> {
    let known = [key(1), key(2)];
    Token::verify(text, |id| known.iter().find(|key| key.id() == id), window)
}

#[test]
fn a_token_is_what_it_was_when_last_looked_at() {
    let text = token().sign(&key(1)).to_string();
    assert_eq!(text.len(), TOKEN_LENGTH);
    assert_eq!(text, "AQABAAAD6QAAAAAHaaQqQDggYnl0ZXMhLSftxSHNhCni9qQcDwBxqA");
    assert_eq!(verify(&text, window("2026-03-02T00:00:00Z")), Ok(token()));
}

#[test]
fn refusals_say_why() {
    let text = token().sign(&key(1)).to_string();
    let retired = Token::new(&key(3), PROGRAM, LinkId(7), at("2026-03-01T12:00:00Z"), [0; 8]).sign(&key(3));
    let check = |text: &str, time: &str, why: &str| {
        let error = verify(text, window(time)).expect_err("a refusal");
        assert_eq!(format!("{}: {error}", error.code()), why);
    };
    let day = "2026-03-02T00:00:00Z";
    check("", day, "malformed: it has 0 characters; a click id of this server has 54");
    check(&text[1..], day, "malformed: it has 53 characters; a click id of this server has 54");
    let alphabet = "malformed: it has characters that no click id has; give it as it came in the address of the \
                    landing page";
    check(&text.replace('A', "="), day, alphabet);
    check(&format!("B{}", &text[1..]), day, "malformed: it has version 5, which this server does not read");
    check(
        retired.as_str(),
        day,
        "unknown_key: it names the signing key 3, which is unknown or has been retired",
    );
    let forged = "forged: its signature does not fit; it was changed or was not made by this server";
    check(&text.replace("Haa", "Iaa"), day, forged);
    check(
        &text,
        "2026-04-30T12:00:01Z",
        "expired: the click of 2026-03-01 12:00:00 UTC is outside the window of 60 days",
    );
    check(
        &text,
        "2026-03-01T11:54:59Z",
        "in_future: the click of 2026-03-01 12:00:00 UTC is later than what it is given for, 2026-03-01 11:54:59 UTC",
    );
    let other = Window { program: ProgramId(1002), ..window(day) };
    assert_eq!(verify(&text, other), Err(TokenError::OtherProgram));
    assert_eq!(TokenError::OtherProgram.to_string(), "it belongs to another program");
}

#[test]
fn the_window_is_closed_at_both_ends() {
    let text = token().sign(&key(1)).to_string();
    for time in ["2026-03-01T11:55:00Z", "2026-03-01T12:00:00Z", "2026-04-30T12:00:00Z"] {
        assert!(verify(&text, window(time)).is_ok(), "{time}");
    }
}

#[test]
fn the_id_of_a_click_sorts_by_time_and_tells_its_second() {
    let early = token().click();
    let late = Token { seconds: token().seconds + 1, random: [0; 8], ..token() }.click();
    assert!(early < late);
    assert_eq!(early.second(), at("2026-03-01T12:00:00Z"));
    assert_eq!(domain::click::named(token().sign(&key(1)).as_str()), Some(early));
    assert_eq!(early.to_string(), "click_69a42a40000000073820627974657321");
}

prop_compose! {
    fn tokens()(
        program in 0..=u32::MAX, link in 0..1_i64 << 40, seconds in any::<u32>(), random in any::<[u8; 8]>(), first in any::<bool>(),
    ) -> Token {
        let key = if first { 1 } else { 2 };
        Token { key, program: ProgramId(i64::from(program)), link: LinkId(link), seconds, random }
    }
}

proptest! {
    #[test]
    fn what_is_signed_is_read_back(token in tokens()) {
        let text = token.sign(&key(token.key)).to_string();
        prop_assert_eq!(text.len(), TOKEN_LENGTH);
        let window = Window { program: token.program, at: token.clicked_at(), days: 1 };
        prop_assert_eq!(verify(&text, window), Ok(token));
    }

    #[test]
    fn no_changed_text_is_believed(token in tokens(), place in 0..TOKEN_LENGTH, letter in "[ -~]") {
        let mut text = token.sign(&key(token.key)).to_string();
        prop_assume!(!text[place..].starts_with(&letter));
        text.replace_range(place..=place, &letter);
        let window = Window { program: token.program, at: token.clicked_at(), days: 120 };
        prop_assert!(verify(&text, window).is_err(), "{text}");
    }

    #[test]
    fn no_other_key_signs_it(token in tokens(), bytes in any::<[u8; 32]>()) {
        let forger = Key::new(token.key, &bytes);
        prop_assume!(bytes != [token.key as u8; 32]);
        let window = Window { program: token.program, at: token.clicked_at(), days: 1 };
        prop_assert_eq!(verify(token.sign(&forger).as_str(), window), Err(TokenError::Forged));
    }

    #[test]
    fn another_program_and_another_time_are_refused(token in tokens(), program in 0..u32::MAX, days in 1..=120, late in 1..1_000_000_i64) {
        let text = token.sign(&key(token.key)).to_string();
        let at = token.clicked_at();
        let other = ProgramId(i64::from(program));
        prop_assume!(other != token.program);
        prop_assert_eq!(verify(&text, Window { program: other, at, days }), Err(TokenError::OtherProgram));
        let after = at + chrono::TimeDelta::days(i64::from(days)) + chrono::TimeDelta::seconds(late);
        let expired = verify(&text, Window { program: token.program, at: after, days });
        prop_assert!(matches!(expired, Err(TokenError::Expired { .. })), "{expired:?}");
    }

    #[test]
    fn no_text_makes_it_panic(text in "\\PC{0,60}", bytes in "[A-Za-z0-9_-]{54}") {
        for text in [text, bytes] {
            prop_assert!(verify(&text, window("2026-03-02T00:00:00Z")).is_err());
        }
    }
}
