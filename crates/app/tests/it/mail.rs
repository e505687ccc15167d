//! The mailer against a mail server that speaks SMTP.

use app::config;
use app::outside::mail::{Mail, MailError, Mailer};
use chrono::DateTime;
use testkit::smtp::SmtpServer;
use uuid::Uuid;

fn mailer(server: &SmtpServer) -> Mailer {
    mailer_for(server.url()).expect("settings that work")
}

fn mailer_for(url: String) -> app::Result<Mailer> {
    Mailer::new(&config::Mail { url, from: "Acme Partners <partners@acme.example>".to_owned() })
}

fn mail() -> Mail {
    Mail {
        id: Uuid::from_u128(7),
        to: "ana@example.com".to_owned(),
        subject: "Acme: payout of 120.00 EUR".to_owned(),
        body: "Hello Ana,\n\nit is done.\n".to_owned(),
        sent_at: DateTime::from_timestamp(1_700_000_000, 0).expect("a time"),
    }
}

fn permanent(result: Result<(), MailError>) -> String {
    match result {
        Err(MailError::Permanent(text)) => text,
        other => panic!("expected a permanent error, not {other:?}"),
    }
}

fn transient(result: Result<(), MailError>) -> String {
    match result {
        Err(MailError::Transient(text)) => text,
        other => panic!("expected a transient error, not {other:?}"),
    }
}

#[tokio::test]
async fn a_mail_arrives_as_it_was_written() {
    let server = SmtpServer::start().await;
    mailer(&server).send(&mail()).await.unwrap();
    let messages = server.messages();
    let [message] = messages.as_slice() else { panic!("one mail, not {messages:?}") };
    assert_eq!(message.from, "partners@acme.example");
    assert_eq!(message.to, ["ana@example.com"]);
    assert_eq!(message.header("From"), Some("\"Acme Partners\" <partners@acme.example>"));
    assert_eq!(message.header("To"), Some("ana@example.com"));
    assert_eq!(message.subject(), "Acme: payout of 120.00 EUR");
    assert_eq!(message.header("Date"), Some("Tue, 14 Nov 2023 22:13:20 +0000"));
    assert_eq!(message.header("Content-Type"), Some("text/plain; charset=utf-8"));
    assert_eq!(message.header("Auto-Submitted"), Some("auto-generated"));
    assert_eq!(message.body, "Hello Ana,\n\nit is done.\n");
}

#[tokio::test]
async fn the_message_id_is_the_jobs_id_each_time() {
    let server = SmtpServer::start().await;
    let mailer = mailer(&server);
    mailer.send(&mail()).await.unwrap();
    mailer.send(&mail()).await.unwrap();
    let ids: Vec<_> =
        server.messages().iter().map(|message| message.header("Message-ID").map(str::to_owned)).collect();
    let expected = Some("<00000000-0000-0000-0000-000000000007@acme.example>".to_owned());
    assert_eq!(ids, [expected.clone(), expected]);
    assert_eq!(server.connections(), 2, "a connection a mail");
}

#[tokio::test]
async fn other_alphabets_long_lines_and_dots_arrive() {
    let server = SmtpServer::start().await;
    let subject = format!("Größe 東京: {}", "payout of 1.00 € ".repeat(12));
    let body = format!("Grüße, Ærøskøbing\n.\n..dots\n{}\nΤέλος\n", "long ".repeat(400));
    mailer(&server).send(&Mail { subject: subject.clone(), body: body.clone(), ..mail() }).await.unwrap();
    let ascii = ".\n.one\n..two\n".to_owned();
    mailer(&server).send(&Mail { body: ascii.clone(), ..mail() }).await.unwrap();
    let messages = server.messages();
    assert_eq!(messages[0].subject(), subject.trim_end());
    assert_eq!(messages[0].body, body);
    assert!(messages[0].raw.is_ascii(), "no server has to know 8BITMIME");
    assert_eq!(messages[1].body, ascii);
}

#[tokio::test]
async fn a_subject_cannot_add_headers() {
    let server = SmtpServer::start().await;
    let subject = "Acme\r\nBcc: eve@example.com\r\n\r\nhi".to_owned();
    mailer(&server).send(&Mail { subject, ..mail() }).await.unwrap();
    let message = server.messages().remove(0);
    assert_eq!(message.header("Bcc"), None);
    assert_eq!(message.to, ["ana@example.com"]);
    assert_eq!(message.body, mail().body);
}

#[tokio::test]
async fn a_refused_recipient_is_permanent_or_not_as_the_server_says() {
    let server = SmtpServer::start().await;
    let mailer = mailer(&server);
    server.refuse_recipients(1, "550 5.1.1 <ana@example.com>: no such user ana");
    let text = permanent(mailer.send(&mail()).await);
    assert!(text.contains("550") && text.contains("no such user"), "{text}");
    assert!(!text.contains("ana"), "it is kept, and names nobody: {text}");
    server.refuse_recipients(2, "451 4.7.1 greylisted, come back later");
    for _ in 0..2 {
        let text = transient(mailer.send(&mail()).await);
        assert!(text.contains("451") && text.contains("greylisted"), "{text}");
    }
    assert_eq!(server.messages(), []);
    mailer.send(&mail()).await.unwrap();
    assert_eq!(server.wait_for(1).await.len(), 1);
}

#[tokio::test]
async fn what_is_no_address_is_permanent_and_asks_no_server() {
    let server = SmtpServer::start().await;
    for to in ["", "ana", "ana@", "ana@example.com\r\nRCPT TO:<eve@example.com>", "a b@example.com"] {
        permanent(mailer(&server).send(&Mail { to: to.to_owned(), ..mail() }).await);
    }
    assert_eq!(server.connections(), 0);
}

#[tokio::test]
async fn an_address_the_server_cannot_take_is_permanent() {
    let server = SmtpServer::start().await;
    permanent(mailer(&server).send(&Mail { to: "änna@example.com".to_owned(), ..mail() }).await);
    assert_eq!(server.messages(), []);
}

#[tokio::test]
async fn a_server_that_is_down_is_transient() {
    let server = SmtpServer::start().await;
    let mailer = mailer(&server);
    server.stop().await;
    transient(mailer.send(&mail()).await);
}

#[tokio::test]
async fn a_wrong_password_is_for_the_staff_to_repair() {
    let server = SmtpServer::start().await;
    let without_login = mailer(&server);
    server.require_login("acme", "right");
    mailer(&server).send(&mail()).await.unwrap();
    let wrong = mailer_for(server.url().replace("right", "wrong")).unwrap();
    let text = transient(wrong.send(&mail()).await);
    assert!(text.contains("535"), "{text}");
    let text = transient(without_login.send(&mail()).await);
    assert!(text.contains("530"), "{text}");
    assert_eq!(server.messages().len(), 1);
}

#[test]
fn settings_that_cannot_work_are_refused_without_telling_the_password() {
    for url in
        ["", "mail.example.com", "http://u:hunter2@mail.example.com", "smtp://u:hunter2@host?tls=maybe"]
    {
        let error = mailer_for(url.to_owned()).err().expect(url);
        assert_eq!(error.code(), "invalid", "{url}");
        assert!(error.to_string().starts_with("mail.url: "), "{error}");
        assert!(!error.to_string().contains("hunter2"), "{error}");
    }
    for url in
        ["smtp://localhost", "smtps://u:hunter2@mail.example.com", "smtp://u:p@mail.example.com?tls=required"]
    {
        mailer_for(url.to_owned()).map(drop).expect(url);
    }
    let from = "partners".to_owned();
    let error = Mailer::new(&config::Mail { url: "smtp://localhost".to_owned(), from }).err().unwrap();
    assert!(error.to_string().starts_with("mail.from: "), "{error}");
}
