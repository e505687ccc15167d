//! Faults of the database during ingest: a value that it refuses costs the one command that holds it, a session that
//! it ends costs nobody anything.

use app::ingest::{Answer, Ask, submit_many};
use domain::command::{Command, Operation, Refused};
use domain::ids::FactId;
use domain::text::Key;
use futures_util::future::join_all;
use tokio::sync::watch;

use crate::doors::{Books, eur, payment, percent, registration};

fn native(command: Command) -> Ask {
    Ask::new(Operation::Native, command)
}

/// Sends commands so that they share batches.
async fn send_many(books: &Books<'_>, commands: Vec<Command>) -> Vec<Answer> {
    let asks = commands.into_iter().map(native).collect();
    submit_many(&books.test.app, books.program, books.test.app.now(), asks).await
}

#[test]
fn a_value_that_the_database_refuses_stands_alone_in_the_end() {
    testkit::run(async |test| {
        let books = Books::open(&test, percent("20", 0)).await;
        test.refuse_culprit().await;
        // Customers and their payments, so that the second half of a batch refers to the first.
        let mut commands: Vec<Command> =
            (0..60).map(|number| registration(&format!("cus_{number}"))).collect();
        for number in 0..60 {
            let source = if number == 37 { "culprit".to_owned() } else { format!("ch_{number}") };
            commands.push(payment(&format!("cus_{number}"), &source, eur("10")));
        }
        // The registrations first: only commands of one batch are decided in their order.
        let payments = commands.split_off(60);
        assert!(send_many(&books, commands).await.iter().all(Result::is_ok));
        let answers = send_many(&books, payments).await;
        let refused: Vec<_> = answers
            .iter()
            .enumerate()
            .filter_map(|(at, answer)| Some((at, answer.as_ref().err()?)))
            .collect();
        assert!(matches!(refused[..], [(37, Refused::Internal(_))]), "{refused:?}");
        assert_eq!(books.account().await, "earned_share -118, due 118");
        assert_eq!(test.count_rows("fact").await, 119);

        // The refusal has left no trace: the same payment is taken as soon as the database takes it.
        test.accept_culprit().await;
        books.send(payment("cus_37", "culprit", eur("10"))).await.expect("the payment");
        assert_eq!(books.account().await, "earned_share -120, due 120");
    });
}

#[test]
fn several_culprits_of_a_batch_cost_nobody_else_anything() {
    testkit::run(async |test| {
        let books = Books::open(&test, percent("20", 0)).await;
        for number in 0..3 {
            books.send(registration(&format!("cus_{number}"))).await.expect("a referral");
        }
        test.refuse_culprit().await;
        // Each is the culprit under a key of its own, and the first of them does not own the name in the end.
        let asks = (0..90).map(|number| {
            let source = if number % 30 == 11 { "culprit".to_owned() } else { format!("ch_{number}") };
            let key = Some(Key::parse(&format!("k{number}")).expect("a key"));
            Ask { key, ..native(payment(&format!("cus_{}", number % 3), &source, eur("1"))) }
        });
        let answers = submit_many(&test.app, books.program, test.app.now(), asks.collect()).await;
        let refused: Vec<usize> =
            answers.iter().enumerate().filter(|(_, answer)| answer.is_err()).map(|(at, _)| at).collect();
        assert_eq!(refused, [11, 41, 71]);
        assert_eq!(books.account().await, "earned_share -17.4, due 17.4");
        test.accept_culprit().await;
    });
}

/// How many payments are made while sessions are ended, by how many payers.
const PAYMENTS: usize = 400;
const PAYERS: usize = 16;

fn numbered(number: usize) -> Ask {
    let key = Some(Key::parse(&format!("k{number}")).expect("a key"));
    Ask { key, ..native(payment(&format!("cus_{}", number % 20), &format!("ch_{number}"), eur("1"))) }
}

/// Sends a payment until it is answered; `Unavailable` says nothing about what became of it.
async fn pay(books: &Books<'_>, number: usize) -> FactId {
    for _ in 0..100 {
        match books.ask(numbered(number)).await {
            Ok(recorded) => return recorded.fact,
            Err(Refused::Unavailable) => {}
            Err(refused) => panic!("payment {number}: {refused}"),
        }
    }
    panic!("payment {number} was not answered in a hundred attempts");
}

#[test]
fn sessions_that_are_ended_in_the_middle_lose_and_double_nothing() {
    testkit::run(async |test| {
        let books = Books::open(&test, percent("20", 0)).await;
        for number in 0..20 {
            books.send(registration(&format!("cus_{number}"))).await.expect("a referral");
        }
        let answered = watch::Sender::new(0);
        let payers = (0..PAYERS).map(async |payer| {
            let mut facts = Vec::new();
            for number in (payer..PAYMENTS).step_by(PAYERS) {
                facts.push((number, pay(&books, number).await));
                answered.send_modify(|count| *count += 1);
            }
            facts
        });
        let ender = async {
            let mut ended = 0;
            for step in 1..=12 {
                answered.subscribe().wait_for(|count| *count >= step * 30).await.expect("it is not dropped");
                ended += test.terminate_sessions().await;
            }
            ended
        };
        let (facts, ended) = tokio::join!(join_all(payers), ender);
        assert!(ended >= 12, "only {ended} sessions were there to be ended");
        for (number, fact) in facts.into_iter().flatten() {
            let again = books.ask(numbered(number)).await.expect("the first answer");
            assert!(again.replayed && again.fact == fact, "payment {number}");
        }
        assert_eq!(test.count_rows("fact where kind = 1").await, PAYMENTS as i64);
        assert_eq!(books.account().await, "earned_share -80, due 80");
    });
}
