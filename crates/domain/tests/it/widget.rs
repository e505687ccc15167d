//! The widget's token: made as a program's server makes it, believed only as it was signed.

use chrono::TimeDelta;
use domain::time::Timestamp;
use domain::widget::{TokenError, sign, verify};
use proptest::prelude::*;
use uuid::Uuid;

const PRODUCT: Uuid = Uuid::from_u128(0x0e1c_bfd8_6a4e_4cf8_9d0a_3f5c_36f0_a001);
const SECRET: &str = "a secret – with more than ASCII";

// Signed elsewhere with the same secret.
const TEXT_USER: &str = "eyJhbGciOiAiSFM1MTIiLCAidHlwIjogIkpXVCJ9.eyJQcm9kdWN0SWQiOiAiMGUxY2JmZDgtNmE0ZS00Y2Y4LTlkMGEtM2Y1YzM2ZjBhMDAxIiwgIlVzZXJJZCI6ICJ1c2VyLTEiLCAiaWF0IjogMTc4MDMxNTIwMH0._NoYuZJ10DkJEb-Ypg3_QEjQscChxUoGqXh-2FuFPZOnmZbszKP2p2DAqzZnMWFum3hW643i_9Ti72aCtZiapw";
const NUMBER_USER: &str = "eyJhbGciOiAiSFM1MTIiLCAidHlwIjogIkpXVCJ9.eyJQcm9kdWN0SWQiOiAiMGUxY2JmZDgtNmE0ZS00Y2Y4LTlkMGEtM2Y1YzM2ZjBhMDAxIiwgIlVzZXJJZCI6IDQyLCAiaWF0IjogMTc4MDMxNTIwMCwgImV4cCI6IDE3ODAzMTUyNjB9.7lkm_w5pCms9rI0ds2BtxHex1Umy6ScNYDo9SEBXgVN15O7S5mkeO8UZQteS63PDsVU2roShAdjUkV8j6X_CRA";
const UPPER_PRODUCT: &str = "eyJhbGciOiAiSFM1MTIiLCAidHlwIjogIkpXVCJ9.eyJQcm9kdWN0SWQiOiAiMEUxQ0JGRDgtNkE0RS00Q0Y4LTlEMEEtM0Y1QzM2RjBBMDAxIiwgIlVzZXJJZCI6ICJ1c2VyLTEiLCAiaWF0IjogMTc4MDMxNTIwMCwgImV4cCI6IG51bGx9.Ebto5fZs7WB6ZjxkX1Pwyuql5EeG1TdPRwlRgYttPRjdQUFvraAjhji3DPc3Dq1q6zY6JMBUqMjuSQ9EuSLHPA";
const ALG_NONE: &str = "eyJhbGciOiAibm9uZSIsICJ0eXAiOiAiSldUIn0.eyJQcm9kdWN0SWQiOiAiMGUxY2JmZDgtNmE0ZS00Y2Y4LTlkMGEtM2Y1YzM2ZjBhMDAxIiwgIlVzZXJJZCI6ICJ1c2VyLTEiLCAiaWF0IjogMTc4MDMxNTIwMH0.";
const ALG_HS256: &str = "eyJhbGciOiAiSFMyNTYiLCAidHlwIjogIkpXVCJ9.eyJQcm9kdWN0SWQiOiAiMGUxY2JmZDgtNmE0ZS00Y2Y4LTlkMGEtM2Y1YzM2ZjBhMDAxIiwgIlVzZXJJZCI6ICJ1c2VyLTEiLCAiaWF0IjogMTc4MDMxNTIwMH0.7kE5SxHRIhQe3y8LAJww5gtRRo6CqIePCIUBDszK-B8";
const NO_USER: &str = "eyJhbGciOiAiSFM1MTIiLCAidHlwIjogIkpXVCJ9.eyJQcm9kdWN0SWQiOiAiMGUxY2JmZDgtNmE0ZS00Y2Y4LTlkMGEtM2Y1YzM2ZjBhMDAxIiwgIlVzZXJJZCI6IDEuNSwgImlhdCI6IDE3ODAzMTUyMDB9.6iQKDnvDBOm7or8o6eimJKa6z5Cs884JORJFHXskyloHVHMras38Jb6kNQQZ2hKm7eFoJMPO-ocwmRl1vcKGaQ";
const NO_TIME: &str = "eyJhbGciOiAiSFM1MTIiLCAidHlwIjogIkpXVCJ9.eyJQcm9kdWN0SWQiOiAiMGUxY2JmZDgtNmE0ZS00Y2Y4LTlkMGEtM2Y1YzM2ZjBhMDAxIiwgIlVzZXJJZCI6ICJ1c2VyLTEifQ.b-V9n9T4CcPD47CXvAobHn8SWiKmT3IZENnmpR9lrXkUCj2KpCemSI8ypb-b5qHv0QjOSynIExxNmtuG2-T5Bg";
const EXPIRED: &str = "eyJhbGciOiAiSFM1MTIiLCAidHlwIjogIkpXVCJ9.eyJQcm9kdWN0SWQiOiAiMGUxY2JmZDgtNmE0ZS00Y2Y4LTlkMGEtM2Y1YzM2ZjBhMDAxIiwgIlVzZXJJZCI6ICJ1c2VyLTEiLCAiaWF0IjogMTc4MDMxNTA4MCwgImV4cCI6IDE3ODAzMTUxNDB9.J1ly4ExJnJPldF21DTDZMeg0WDs_nwK7Kcyi0RoNDnJli_OKOM9_GV-XzrY1rWKjq_K0ohmXOaEWWjIS82yXtw";

fn at(time: &str) -> Timestamp {
    time.parse().expect("a time")
}

fn now() -> Timestamp {
    at("2026-06-01T12:00:00Z")
}

/// Tokens made by another implementation (Python's `hmac`), with a secret that is no ASCII.
#[test]
fn tokens_of_another_implementation_are_read() {
    for (token, user) in [(TEXT_USER, "user-1"), (NUMBER_USER, "42"), (UPPER_PRODUCT, "user-1")] {
        assert_eq!(verify(token, PRODUCT, SECRET, now()).map(String::from), Ok(user.to_owned()), "{token}");
    }
}

#[test]
fn tokens_that_are_refused_say_why() {
    let good = sign("user-1", PRODUCT, SECRET, now());
    let [header, claims, signature] = good.split('.').collect::<Vec<_>>()[..] else { panic!("three parts") };
    for (token, why) in [
        (String::new(), "it is no JWT: expected three parts joined by dots"),
        ("a.b".to_owned(), "it is no JWT: expected three parts joined by dots"),
        ("ä.b.c".to_owned(), "it is no JWT: a part is not base64url"),
        ("a.b.c".to_owned(), "it is no JWT: a part is not base64url"),
        (format!("e30.{claims}.{signature}"), "it is no JWT: its header is no JSON object with alg"),
        (ALG_NONE.to_owned(), "its header says alg \"none\"; only HS512 is accepted"),
        (ALG_HS256.to_owned(), "its header says alg \"HS256\"; only HS512 is accepted"),
        (
            format!("{header}.{claims}."),
            "its signature does not fit; sign with the secret of this product, taken as UTF-8 text",
        ),
        (
            sign("user-1", PRODUCT, "another", now()),
            "its signature does not fit; sign with the secret of this product, taken as UTF-8 text",
        ),
        (
            sign("user-1", Uuid::nil(), SECRET, now()),
            "its ProductId is \"00000000-0000-0000-0000-000000000000\", which is another product",
        ),
        (sign(" ", PRODUCT, SECRET, now()), "its UserId is not acceptable: it is empty"),
        (NO_USER.to_owned(), "its UserId is missing, or neither text nor a whole number"),
        (NO_TIME.to_owned(), "it has no iat, or one that is no number of seconds since 1970"),
        (EXPIRED.to_owned(), "it has expired; make one for every session"),
        ("a".repeat(5000), "it is no JWT: it is too long"),
    ] {
        let refused = verify(&token, PRODUCT, SECRET, now()).expect_err(&token);
        assert_eq!(refused.to_string(), why, "{token}");
    }
}

#[test]
fn a_token_holds_for_thirty_days() {
    let token = sign("user-1", PRODUCT, SECRET, now());
    let after = |delta: TimeDelta| verify(&token, PRODUCT, SECRET, now() + delta).map(|_| ());
    assert_eq!(after(TimeDelta::days(30)), Ok(()));
    assert_eq!(after(TimeDelta::days(30) + TimeDelta::seconds(1)), Err(TokenError::Expired));
    assert_eq!(after(-TimeDelta::minutes(5)), Ok(()));
    assert_eq!(after(-TimeDelta::seconds(301)), Err(TokenError::InFuture(now())));
}

proptest! {
    #[test]
    fn what_is_signed_is_read(user in "[!-~]{1,255}", secret in ".{0,80}") {
        let token = sign(&user, PRODUCT, &secret, now());
        prop_assert_eq!(verify(&token, PRODUCT, &secret, now()).map(String::from), Ok(user));
    }

    #[test]
    fn a_changed_token_is_refused(place in 0_usize..1000, letter in "[A-Za-z0-9_.-]") {
        let token = sign("user-1", PRODUCT, SECRET, now());
        let place = place % token.len();
        let changed = format!("{}{letter}{}", &token[..place], &token[place + 1..]);
        // The last letter of a part holds bits that mean nothing; another text for the same bytes is no forgery.
        prop_assume!(changed != token && place + 1 != token.len());
        prop_assert!(verify(&changed, PRODUCT, SECRET, now()).is_err());
    }

    #[test]
    fn reading_never_panics(token in ".{0,80}") {
        prop_assert!(verify(&token, PRODUCT, SECRET, now()).is_err());
    }
}
