//! The shape of the database (engineering.md §§1-2), read from its own catalogue: tenants cannot meet, hot tables have
//! no foreign keys, keys sort by bytes, nothing happens behind the product's back.

use std::collections::{BTreeMap, BTreeSet};

use sqlx::Row as _;
use store::Pool;
use testkit::Database;

/// Map a global name to a program and hold nothing else.
const DIRECTORY: &[&str] =
    &["directory_key", "directory_code", "directory_host", "directory_tracking", "directory_product"];

/// Belong to the installation, not to a program.
const NODE: &[&str] = &["_sqlx_migrations", "node_secret", "change", "exchange_rate", "click_key"];

/// Rows are only added, many a second: a foreign key would halve that.
const HOT: &[&str] = &[
    "fact",
    "commission",
    "transfer",
    "log",
    "log_waiting",
    "log_number",
    "fact_daily",
    "job",
    "name",
    "account",
    "attribution",
    "click",
    "click_batch",
    "click_batch_figures",
    "click_visitor",
    "click_daily",
    "traffic_daily",
];

/// Columns of a key or index: its table, its name, whether it is unique, its columns in order.
#[derive(PartialEq, Eq, Debug)]
struct Index {
    table: String,
    name: String,
    is_unique: bool,
    columns: Vec<String>,
}

#[derive(PartialEq, Eq, Debug)]
struct ForeignKey {
    table: String,
    columns: Vec<String>,
    of: String,
    of_columns: Vec<String>,
}

async fn pool(database: &Database) -> Pool {
    store::connect(&database.url, 1).await.expect("the test database answers")
}

async fn tables(pool: &Pool) -> BTreeSet<String> {
    let sql = "select relname::text from pg_class
               where relnamespace = current_schema()::regnamespace and relkind in ('r', 'p')";
    sqlx::query_scalar(sql).fetch_all(pool).await.expect("the tables").into_iter().collect()
}

async fn indexes(pool: &Pool) -> Vec<Index> {
    let sql = "select t.relname::text, i.relname::text, x.indisunique,
                      array(select a.attname::text
                            from unnest(x.indkey::smallint[]) with ordinality as k (number, position)
                            join pg_attribute a on a.attrelid = t.oid and a.attnum = k.number
                            order by k.position)
               from pg_index x join pg_class t on t.oid = x.indrelid join pg_class i on i.oid = x.indexrelid
               where t.relnamespace = current_schema()::regnamespace order by 1, 2";
    let rows = sqlx::query(sql).fetch_all(pool).await.expect("the indexes");
    let index = |row: &sqlx::postgres::PgRow| Index {
        table: row.get(0),
        name: row.get(1),
        is_unique: row.get(2),
        columns: row.get(3),
    };
    rows.iter().map(index).collect()
}

async fn foreign_keys(pool: &Pool) -> Vec<ForeignKey> {
    let sql = "select t.relname::text,
                      array(select a.attname::text from unnest(c.conkey) with ordinality as k (number, position)
                            join pg_attribute a on a.attrelid = c.conrelid and a.attnum = k.number
                            order by k.position),
                      o.relname::text,
                      array(select a.attname::text from unnest(c.confkey) with ordinality as k (number, position)
                            join pg_attribute a on a.attrelid = c.confrelid and a.attnum = k.number
                            order by k.position)
               from pg_constraint c join pg_class t on t.oid = c.conrelid join pg_class o on o.oid = c.confrelid
               where c.contype = 'f' and t.relnamespace = current_schema()::regnamespace order by 1, 2";
    let rows = sqlx::query(sql).fetch_all(pool).await.expect("the foreign keys");
    let key = |row: &sqlx::postgres::PgRow| ForeignKey {
        table: row.get(0),
        columns: row.get(1),
        of: row.get(2),
        of_columns: row.get(3),
    };
    rows.iter().map(key).collect()
}

/// Text columns with the name of their collation, by table and name.
async fn text_columns(pool: &Pool) -> BTreeMap<(String, String), String> {
    let sql = "select t.relname::text, a.attname::text, l.collname::text
               from pg_attribute a join pg_class t on t.oid = a.attrelid join pg_collation l on l.oid = a.attcollation
               where t.relnamespace = current_schema()::regnamespace and t.relkind in ('r', 'p') and a.attnum > 0";
    let rows = sqlx::query(sql).fetch_all(pool).await.expect("the columns");
    rows.iter().map(|row| ((row.get(0), row.get(1)), row.get(2))).collect()
}

fn is_of_no_program(table: &str) -> bool {
    DIRECTORY.contains(&table) || NODE.contains(&table)
}

#[test]
fn every_key_starts_with_the_program() {
    testkit::run_on_database(async |database| {
        let pool = pool(database).await;
        let tables = tables(&pool).await;
        let named = DIRECTORY.iter().chain(NODE).chain(HOT);
        let gone: Vec<_> = named.filter(|table| !tables.contains(**table)).collect();
        assert!(gone.is_empty(), "there is no such table any more: {gone:?}");

        let indexes = indexes(&pool).await;
        let mut keyed = BTreeSet::new();
        for index in indexes.iter().filter(|index| index.is_unique) {
            keyed.insert(index.table.clone());
            let starts_with_program = index.columns.first().is_some_and(|column| column == "program_id");
            assert_eq!(
                !is_of_no_program(&index.table),
                starts_with_program,
                "{}.{} is unique over {:?}",
                index.table,
                index.name,
                index.columns
            );
        }
        assert_eq!(keyed, tables, "every table has a key");
        pool.close().await;
    });
}

#[test]
fn directory_tables_hold_a_name_and_what_it_names() {
    testkit::run_on_database(async |database| {
        let pool = pool(database).await;
        for table in DIRECTORY {
            let sql = "select attname::text from pg_attribute where attrelid = $1::regclass and attnum > 0 order by attnum";
            let columns: Vec<String> =
                sqlx::query_scalar(sql).bind(table).fetch_all(&pool).await.expect("the columns");
            // The name, the program, and what the name is of, where it is not the program itself.
            assert!((2..=3).contains(&columns.len()), "{table}: {columns:?}; a directory holds nothing else");
            assert_eq!(columns[1], "program_id", "{table}");
        }
        pool.close().await;
    });
}

#[test]
fn foreign_keys_stay_inside_a_program_and_off_hot_tables() {
    testkit::run_on_database(async |database| {
        let pool = pool(database).await;
        let keys = foreign_keys(&pool).await;
        assert!(!keys.is_empty(), "slow tables have foreign keys");
        for key in keys {
            let place = key.columns.iter().position(|column| column == "program_id");
            assert!(place.is_some(), "{key:?} leaves its program");
            assert_eq!(place, key.of_columns.iter().position(|column| column == "program_id"), "{key:?}");
            assert!(!HOT.contains(&key.table.as_str()), "{key:?}: {} is a hot table", key.table);
            assert!(!HOT.contains(&key.of.as_str()), "{key:?}: {} is a hot table", key.of);
            assert_ne!(key.of, "program", "{key:?} locks a row that everything of a program shares");
        }
        pool.close().await;
    });
}

#[test]
fn nothing_happens_behind_a_statement() {
    testkit::run_on_database(async |database| {
        let pool = pool(database).await;
        let sql = "select tgname::text from pg_trigger
                   where not tgisinternal
                     and tgrelid in (select oid from pg_class where relnamespace = current_schema()::regnamespace)
                   union all select rulename::text from pg_rules where schemaname = current_schema()
                   union all select proname::text from pg_proc where pronamespace = current_schema()::regnamespace";
        let found: Vec<String> =
            sqlx::query_scalar(sql).fetch_all(&pool).await.expect("triggers, rules, functions");
        assert!(found.is_empty(), "triggers, rules or functions: {found:?}");
        let sql = "select table_name || '.' || column_name from information_schema.columns
                   where table_schema = current_schema() and column_default is not null
                     and table_name <> '_sqlx_migrations'";
        let found: Vec<String> = sqlx::query_scalar(sql).fetch_all(&pool).await.expect("the defaults");
        assert!(found.is_empty(), "defaults, which a statement does not say: {found:?}");
        pool.close().await;
    });
}

#[test]
fn keys_and_orders_sort_by_bytes() {
    testkit::run_on_database(async |database| {
        let pool = pool(database).await;
        let texts = text_columns(&pool).await;
        let mut compared: BTreeSet<(String, String)> = BTreeSet::new();
        for index in indexes(&pool).await.into_iter().filter(|index| index.table != "_sqlx_migrations") {
            compared.extend(index.columns.into_iter().map(|column| (index.table.clone(), column)));
        }
        for statement in crate::statements::all() {
            let columns = statement.ordered_by();
            for table in statement.tables(&tables(&pool).await) {
                compared.extend(columns.iter().map(|column| (table.clone(), column.clone())));
            }
        }
        let mut texts_compared = 0;
        for column in &compared {
            let Some(collation) = texts.get(column) else { continue };
            assert_eq!(collation, "C", "{}.{} is a key or an order", column.0, column.1);
            texts_compared += 1;
        }
        assert!(texts_compared > 5, "{compared:?}");
        pool.close().await;
    });
}

#[test]
fn a_changed_row_does_not_depend_on_when_or_by_whom_it_is_changed() {
    testkit::run_on_database(async |database| {
        let pool = pool(database).await;
        let sql = "select distinct proname::text from pg_proc where provolatile = 'v'";
        let volatile: BTreeSet<String> =
            sqlx::query_scalar(sql).fetch_all(&pool).await.expect("the functions").into_iter().collect();
        assert!(volatile.contains("clock_timestamp") && volatile.contains("nextval"));
        // These do not change within a statement, but the time is an argument.
        let clocks =
            ["now", "transaction_timestamp", "statement_timestamp", "current_timestamp", "current_date"];
        let mut updates = 0;
        for statement in crate::statements::all().iter().filter(|statement| statement.is_update()) {
            updates += 1;
            for word in statement.words() {
                let is_bad =
                    clocks.contains(&word.as_str()) || statement.calls(&word) && volatile.contains(&word);
                assert!(!is_bad, "{word} in an update:\n{}", statement.text);
            }
        }
        assert!(updates > 10, "only {updates} updates were found");
        pool.close().await;
    });
}

#[test]
fn every_statement_stays_in_its_program() {
    testkit::run_on_database(async |database| {
        let pool = pool(database).await;
        let tenant: BTreeSet<String> =
            tables(&pool).await.into_iter().filter(|table| !is_of_no_program(table)).collect();
        let mut exceptions: BTreeSet<&str> = crate::statements::OVER_ALL_PROGRAMS.iter().copied().collect();
        for statement in crate::statements::all() {
            let tables = statement.tables(&tenant);
            if tables.is_empty() || exceptions.remove(statement.text.as_str()) {
                continue;
            }
            let says = statement.text.contains("program_id = $1")
                || statement.text.contains("(program_id") && statement.inserts_program_first();
            assert!(says, "no program_id = $1:\n{}", statement.text);
            let mentions = statement.text.matches("program_id").count();
            assert!(mentions >= tables.len(), "{tables:?} are not joined by program_id:\n{}", statement.text);
        }
        assert!(exceptions.is_empty(), "no statement of the store any more: {exceptions:#?}");
        pool.close().await;
    });
}
