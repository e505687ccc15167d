//! Every checked statement of the store, as `.sqlx` keeps them, and as much of their grammar as the tests need.

use std::collections::BTreeSet;
use std::path::Path;

/// Statements that ask of all programs at once, and change nothing: which programs have something to do, whose a name
/// is. One that is not used any more fails a test.
pub(crate) const OVER_ALL_PROGRAMS: &[&str] = &[
    "select program_id from program order by program_id",
    "select distinct program_id from log_waiting",
    "select distinct program_id, kind from job where state = 'waiting' and run_at <= $1 and (leased_until is null or \
     leased_until < clock_timestamp())",
    "select count(*) as \"count!\" from job where state <> 'done'",
    "select k.program_id, k.id, k.affiliate_id, k.hint, k.created_at, k.revoked_at from directory_key d join api_key k \
     on k.program_id = d.program_id and k.id = d.key_id where d.hash = $1",
    "select program_id from postback_cursor c where exists (select 1 from log_number n where n.program_id = c.program_id and n.number > c.number)",
    "select l.program_id, l.id, l.code, l.affiliate_id, a.slug, a.deal_id, l.destination_url, l.fallback_url, l.brand, \
     l.campaign, l.is_enabled from directory_code d join link l on l.program_id = d.program_id and l.id = d.link_id \
     join affiliate a on a.program_id = l.program_id and a.id = l.affiliate_id where d.code = $1",
];

/// A statement on one line.
pub(crate) struct Statement {
    pub(crate) text: String,
}

/// Every checked statement.
pub(crate) fn all() -> Vec<Statement> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../.sqlx");
    let files = std::fs::read_dir(folder).expect(".sqlx is committed");
    let statements: Vec<Statement> = files
        .map(|file| std::fs::read_to_string(file.expect("an entry").path()).expect("a file of text"))
        .map(|text| serde_json::from_str::<serde_json::Value>(&text).expect("JSON"))
        .map(|json| Statement::new(json["query"].as_str().expect("a query")))
        .collect();
    assert!(statements.len() > 50, "only {} statements were found", statements.len());
    statements
}

impl Statement {
    fn new(text: &str) -> Statement {
        Statement { text: text.split_whitespace().collect::<Vec<_>>().join(" ") }
    }

    /// Its words: names and keywords, without strings and parameters.
    pub(crate) fn words(&self) -> Vec<String> {
        let outside_strings: String = self.text.split('\'').step_by(2).collect::<Vec<_>>().join(" ");
        outside_strings
            .split(|letter: char| !letter.is_ascii_alphanumeric() && letter != '_')
            .filter(|word| word.starts_with(|letter: char| letter.is_ascii_alphabetic() || letter == '_'))
            .map(str::to_owned)
            .collect()
    }

    /// Whether a word is called as a function.
    pub(crate) fn calls(&self, word: &str) -> bool {
        self.text.match_indices(&format!("{word}(")).any(|(at, _)| {
            !self.text[..at].ends_with(|letter: char| letter.is_ascii_alphanumeric() || letter == '_')
        })
    }

    /// Whether it changes rows that are there.
    pub(crate) fn is_update(&self) -> bool {
        self.text.starts_with("update ")
            || self.text.contains(" do update set ")
            || self.text.contains(" (update ")
    }

    /// The tables it reads or writes, of those that are known.
    pub(crate) fn tables(&self, known: &BTreeSet<String>) -> BTreeSet<String> {
        let words = self.words();
        let after = words.iter().zip(words.iter().skip(1));
        after
            .filter(|(word, _)| ["from", "join", "into", "update"].contains(&word.as_str()))
            .map(|(_, table)| table.clone())
            .filter(|table| known.contains(table))
            .collect()
    }

    /// Whether what it inserts begins with the program, its first parameter.
    pub(crate) fn inserts_program_first(&self) -> bool {
        let mut inserts = self.text.split("insert into ").skip(1).peekable();
        inserts.peek().is_some()
            && inserts.all(|insert| {
                let after = insert.split_once(')').map_or("", |(_, after)| after).trim_start();
                insert.contains("(program_id")
                    && (after.starts_with("select $1") || after.starts_with("values ($1"))
            })
    }

    /// The columns that its rows are ordered by, without the names of their tables.
    pub(crate) fn ordered_by(&self) -> Vec<String> {
        let orders = self.text.split("order by ").skip(1);
        let ends = [" limit", " for ", ")", " offset", " on conflict"];
        orders
            .map(|order| ends.iter().fold(order, |order, end| order.split(end).next().unwrap_or(order)))
            .flat_map(|order| order.split(','))
            .filter_map(|column| column.split_whitespace().next())
            .map(|column| column.rsplit('.').next().unwrap_or(column).to_owned())
            .collect()
    }
}

#[test]
fn statements_are_understood() {
    let text = "insert into a (program_id, b) select $1, t.b from unnest($2::text[]) as t (b) order by t.b, c desc limit 5 \
                on conflict do update set b = random()";
    let statement = Statement::new(text);
    assert!(statement.is_update() && statement.inserts_program_first() && statement.calls("random"));
    assert_eq!(statement.ordered_by(), ["b", "c"]);
    assert!(!Statement::new("insert into a (b, program_id) values ($1, $2)").inserts_program_first());
    assert!(!Statement::new("insert into a (program_id) values ($2)").inserts_program_first());
    assert!(!Statement::new("update a set b = 'now()'").words().contains(&"now".to_owned()));
    let known = ["a".to_owned(), "b".to_owned()].into();
    assert_eq!(Statement::new("select 1 from a x join b y on true").tables(&known), known);
}
