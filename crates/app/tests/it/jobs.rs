//! Jobs: claimed by lease, tried again, done once; seen by the mail that tells of a payout.

use std::time::Duration;

use app::adjustment::NewAdjustment;
use app::config::{Config, Mail};
use app::jobs::run_once;
use app::payout::{NewPayout, PayoutRow, Rail};
use app::secret::Secret;
use app::{App, adjustment, affiliate, payout};
use chrono::TimeDelta;
use domain::ids::{AffiliateId, ProgramId};
use domain::money::MICROS;
use serde_json::json;
use store::job::ClaimedJob;
use testkit::TestApp;
use testkit::smtp::SmtpServer;

/// Runs a test's body on the product with a mail server of its own.
fn run(body: impl AsyncFn(TestApp, &SmtpServer)) {
    let runtime = tokio::runtime::Runtime::new().expect("a runtime");
    let server = runtime.block_on(SmtpServer::start());
    let mail = Mail { url: server.url(), from: "partners@acme.example".to_owned() };
    let config = Config { mail: Some(mail), ..testkit::config() };
    testkit::run_with(config, async |test| body(test, &server).await);
}

async fn program(test: &TestApp) -> ProgramId {
    test.program(json!({"rules":[{"on":"payment","reward":{"percent":"20"}}],"hold_days":0})).await
}

/// Gives an affiliate 120.00 EUR and pays it out, with a mail.
async fn paid(test: &TestApp, program: ProgramId, affiliate: AffiliateId) -> PayoutRow {
    let caller = test.operator(program);
    let amount_micros = 120 * MICROS;
    let bonus = NewAdjustment { affiliate, amount_micros, reason: "bonus".to_owned() };
    adjustment::create(&test.app, &caller, "v1.adjustment", None, bonus).await.expect("an adjustment");
    let new = NewPayout {
        rail: Rail::Smartico,
        affiliate,
        amount_micros: Some(amount_micros),
        period: (Some(test.at("2026-05-01T00:00:00Z")), Some(test.at("2026-05-31T23:59:59Z"))),
        operator_comments: Some("for us only".to_owned()),
        payment_details: Some("wire of 1 June, reference 77".to_owned()),
        send_mail: true,
    };
    test.at("2026-06-01T12:00:00Z");
    payout::create(&test.app, &caller, None, new).await.expect("a payout").0
}

#[test]
fn a_paid_affiliate_gets_one_mail() {
    run(async |test, server| {
        let before = server.messages().len();
        let program = program(&test).await;
        let affiliate = test.affiliate(program, "ana").await;
        let payout = paid(&test, program, affiliate).await;
        assert_eq!(server.messages().len(), before, "nothing goes out inside of the transaction");
        assert_eq!(run_once(&test.app, test.app.now()).await.expect("a run"), 1);
        assert_eq!(run_once(&test.app, test.app.now()).await.expect("a run"), 0);
        let messages = server.messages().split_off(before);
        let [message] = messages.as_slice() else { panic!("one mail, not {messages:?}") };
        assert_eq!(message.to, ["ana@example.com"]);
        assert_eq!(message.subject(), "Test programme: payout of 120.00 EUR");
        assert_eq!(message.header("Date"), Some("Mon, 01 Jun 2026 12:00:00 +0000"));
        let expected = format!(
            "Hello ana,\n\nTest programme has paid you 120.00 EUR.\n\nPayout: {}\nAmount: 120.00 EUR\n\
             Period: 2026-05-01 to 2026-05-31\nDetails: wire of 1 June, reference 77\n\n\
             This mail was sent automatically on behalf of Test programme.\n",
            payout.id
        );
        assert_eq!(message.body, expected);
    });
}

#[test]
fn a_mail_that_the_server_puts_off_goes_out_later() {
    run(async |test, server| {
        let before = server.messages().len();
        let program = program(&test).await;
        let affiliate = test.affiliate(program, "ana").await;
        paid(&test, program, affiliate).await;
        server.refuse_recipients(2, "451 4.7.1 greylisted");
        let now = test.app.now();
        let attempts =
            async |seconds: i64| run_once(&test.app, now + TimeDelta::seconds(seconds)).await.expect("a run");
        assert_eq!(attempts(0).await, 1);
        assert_eq!(attempts(20).await, 0, "the first wait is at least 22 seconds");
        assert_eq!(attempts(31).await, 1);
        assert_eq!(attempts(31 + 40).await, 0, "the second is at least 45");
        assert_eq!(server.messages().len(), before);
        assert_eq!(attempts(31 + 61).await, 1);
        assert_eq!(attempts(86_400).await, 0);
        assert_eq!(server.messages().len(), before + 1);
    });
}

#[test]
fn a_mail_that_the_server_refuses_is_dead_at_once_and_names_nobody() {
    run(async |test, server| {
        let program = program(&test).await;
        let affiliate = test.affiliate(program, "ana").await;
        paid(&test, program, affiliate).await;
        server.refuse_recipients(1, "550 5.1.1 <ana@example.com> is unknown");
        let now = test.app.now();
        assert_eq!(run_once(&test.app, now).await.expect("a run"), 1);
        assert_eq!(run_once(&test.app, now + TimeDelta::days(30)).await.expect("a run"), 0);
        let dead = test.take_dead_jobs().await;
        let [(kind, 1, error)] = dead.as_slice() else {
            panic!("one dead job after one attempt, not {dead:?}")
        };
        assert_eq!(kind, "payout_mail");
        assert!(error.contains("550") && error.contains("is unknown") && !error.contains("ana"), "{error}");
    });
}

#[test]
fn a_dead_job_that_is_resumed_is_tried_again() {
    run(async |test, server| {
        let program = program(&test).await;
        let affiliate = test.affiliate(program, "ana").await;
        paid(&test, program, affiliate).await;
        let before = server.messages().len();
        server.refuse_recipients(1, "550 5.1.1 unknown");
        let caller = app::Caller::operator(program, test.app.now());
        assert_eq!(run_once(&test.app, caller.now).await.expect("a run"), 1);
        let dead = app::jobs::dead(&test.app, &caller, None, 10).await.expect("a list");
        let [job] = dead.as_slice() else { panic!("one dead job, not {dead:?}") };
        assert_eq!((job.kind.as_str(), job.attempts), ("payout_mail", 1));
        let unknown = uuid::Uuid::nil();
        let refused = app::jobs::resume(&test.app, &caller, Some(unknown)).await.expect_err("no such job");
        assert_eq!(refused.to_string(), format!("there is no dead job {unknown} in program {program}"));

        assert_eq!(app::jobs::resume(&test.app, &caller, Some(job.id)).await, Ok(1));
        assert_eq!(run_once(&test.app, caller.now).await.expect("a run"), 1);
        assert_eq!(server.messages().len(), before + 1, "the mail went out");
        assert_eq!(app::jobs::dead(&test.app, &caller, None, 10).await, Ok(Vec::new()));
        assert_eq!(app::jobs::resume(&test.app, &caller, None).await, Ok(0), "a job that is done stays done");
    });
}

#[test]
fn a_mail_that_never_goes_out_is_dead_after_ten_attempts() {
    testkit::run(async |test| {
        let program = program(&test).await;
        let affiliate = test.affiliate(program, "ana").await;
        paid(&test, program, affiliate).await;
        let now = test.app.now();
        for day in 0..10 {
            assert_eq!(run_once(&test.app, now + TimeDelta::days(day)).await.expect("a run"), 1, "day {day}");
        }
        assert_eq!(run_once(&test.app, now + TimeDelta::days(11)).await.expect("a run"), 0);
        let expected = ("payout_mail".to_owned(), 10, "no mail server is configured".to_owned());
        assert_eq!(test.take_dead_jobs().await, [expected]);
    });
}

#[test]
fn two_processes_send_a_mail_once() {
    run(async |test, server| {
        let before = server.messages().len();
        let program = program(&test).await;
        for number in 0..40 {
            let affiliate = test.affiliate(program, &format!("a{number}")).await;
            paid(&test, program, affiliate).await;
        }
        let mail = Mail { url: server.url(), from: "partners@acme.example".to_owned() };
        let config = Config { mail: Some(mail), ..testkit::config() };
        let pool = store::connect(&test.database.url, 4).await.expect("the test database answers");
        let secret = Secret::new(&[7; 32]);
        let other = App::start(pool, secret, test.clock.clone(), config).await.expect("the product starts");
        let now = test.app.now();
        let (here, there) = tokio::join!(run_once(&test.app, now), run_once(&other, now));
        assert_eq!(here.expect("a run") + there.expect("a run"), 40);
        other.stop().await;
        let mut recipients: Vec<_> =
            server.messages().split_off(before).into_iter().map(|message| message.to).collect();
        recipients.sort();
        recipients.dedup();
        assert_eq!(recipients.len(), 40);
        assert_eq!(server.messages().len(), before + 40);
    });
}

#[test]
fn the_runner_does_by_itself_what_is_due() {
    run(async |test, server| {
        let before = server.messages().len();
        test.app.start_jobs();
        let program = program(&test).await;
        let affiliate = test.affiliate(program, "ana").await;
        paid(&test, program, affiliate).await;
        server.wait_for(before + 1).await;
        // The mail is out, but its job may not be recorded yet.
        let recorded = async {
            let mut connection = test.app.pool().acquire().await.expect("a connection");
            while store::job::count_unfinished(&mut connection).await.expect("a count") > 0 {}
        };
        tokio::time::timeout(Duration::from_secs(20), recorded).await.expect("the job is recorded as done");
        assert_eq!(server.messages().len(), before + 1);
    });
}

/// Claims the due job as a process does that ends before the job.
async fn claim_and_crash(test: &TestApp, program: ProgramId) -> ClaimedJob {
    let lease = app::random::id();
    let claimed =
        store::job::claim(test.app.pool(), (program, "payout_mail"), test.app.now(), lease, 0.0, 10).await;
    claimed.expect("a claim").pop().expect("a due job")
}

#[test]
fn a_job_whose_process_ended_goes_to_another_and_the_first_has_no_say_any_more() {
    run(async |test, server| {
        let before = server.messages().len();
        let program = program(&test).await;
        let affiliate = test.affiliate(program, "ana").await;
        paid(&test, program, affiliate).await;
        let lost = claim_and_crash(&test, program).await;
        assert_eq!(run_once(&test.app, test.app.now()).await.expect("a run"), 1);
        assert_eq!(server.messages().len(), before + 1);
        let (pool, now) = (test.app.pool(), test.app.now());
        assert!(!store::job::fail(pool, &lost, "too late", now).await.expect("an answer"));
        assert!(!store::job::bury(pool, &lost, "too late", now).await.expect("an answer"));
        assert!(!store::job::renew(pool, &lost, 60.0).await.expect("an answer"));
        assert_eq!(run_once(&test.app, now).await.expect("a run"), 0);
    });
}

#[test]
fn a_job_that_is_held_is_left_alone() {
    run(async |test, server| {
        let before = server.messages().len();
        let program = program(&test).await;
        let affiliate = test.affiliate(program, "ana").await;
        paid(&test, program, affiliate).await;
        let lost = claim_and_crash(&test, program).await;
        assert!(store::job::renew(test.app.pool(), &lost, 60.0).await.expect("an answer"));
        assert_eq!(run_once(&test.app, test.app.now()).await.expect("a run"), 0);
        assert!(store::job::renew(test.app.pool(), &lost, 0.0).await.expect("an answer"));
        assert_eq!(run_once(&test.app, test.app.now()).await.expect("a run"), 1);
        assert_eq!(server.messages().len(), before + 1);
    });
}

#[test]
fn a_job_that_ends_its_process_each_time_is_dead_in_the_end() {
    run(async |test, server| {
        let before = server.messages().len();
        let program = program(&test).await;
        let affiliate = test.affiliate(program, "ana").await;
        paid(&test, program, affiliate).await;
        for _ in 0..store::job::MAX_ATTEMPTS {
            claim_and_crash(&test, program).await;
        }
        assert_eq!(run_once(&test.app, test.app.now()).await.expect("a run"), 1);
        assert_eq!(server.messages().len(), before);
        let expected = ("payout_mail".to_owned(), 11, "every attempt ended without a result".to_owned());
        assert_eq!(test.take_dead_jobs().await, [expected]);
    });
}

#[test]
fn an_affiliate_without_address_gets_no_mail_and_the_job_is_done() {
    run(async |test, server| {
        let before = server.messages().len();
        let program = program(&test).await;
        let caller = test.operator(program);
        let organic =
            affiliate::list(&test.app, &caller, &Default::default(), 0, 10).await.expect("a list").remove(0);
        assert_eq!(organic.person.email, None);
        paid(&test, program, organic.id).await;
        assert_eq!(run_once(&test.app, test.app.now()).await.expect("a run"), 1);
        assert_eq!(server.messages().len(), before);
    });
}
