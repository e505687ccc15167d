//! Files with rates as they are published, and what is refused of them.

use domain::exchange::{Format, RateFile, read};

/// Rows as `2026-01-14 USD 1.0876`, by currency.
fn rows(file: &RateFile) -> String {
    let rows = file.rows.iter().map(|row| format!("{} {} {}", row.day, row.currency, row.rate));
    rows.collect::<Vec<_>>().join("; ")
}

fn refused(text: &str) -> String {
    match read(text) {
        Err(error) => error.to_string(),
        Ok(file) => panic!("{text:?} was read as {}", rows(&file)),
    }
}

#[test]
fn the_table_of_all_days() {
    let file = read(
        "Date,USD,JPY,CYP,BGN,\n2026-01-14,1.0876,163.45,N/A,1.9558,\n2006-12-29,1.317,156.93,0.5782,1.9558,\n",
    )
    .expect("a file");
    assert_eq!(file.format, Format::Reference);
    assert_eq!(
        rows(&file),
        "2006-12-29 BGN 1.9558; 2026-01-14 BGN 1.9558; 2006-12-29 JPY 156.93; 2026-01-14 JPY 163.45; \
         2006-12-29 USD 1.317; 2026-01-14 USD 1.0876"
    );
    assert_eq!(file.unknown.into_iter().collect::<Vec<_>>(), ["CYP"]);
}

#[test]
fn the_table_of_one_day() {
    let file = read("Date, USD, JPY, \n14 January 2026, 1.0876, 163.45, \n").expect("a file");
    assert_eq!(
        (file.format, rows(&file)),
        (Format::Reference, "2026-01-14 JPY 163.45; 2026-01-14 USD 1.0876".into())
    );
}

#[test]
fn the_xml_of_days() {
    let text = r#"<?xml version="1.0" encoding="UTF-8"?>
<gesmes:Envelope xmlns:gesmes="http://www.gesmes.org/xml/2002-08-01" xmlns="http://www.ecb.int/vocabulary/2002-08-01/eurofxref">
	<gesmes:subject>Reference rates</gesmes:subject>
	<gesmes:Sender><gesmes:name>European Central Bank</gesmes:name></gesmes:Sender>
	<Cube>
		<Cube time='2026-01-14'>
			<Cube currency='USD' rate='1.0876'/>
			<Cube currency='JPY' rate='163.45'/>
		</Cube>
		<Cube time="2026-01-13"><Cube currency="USD" rate="1.0900"/></Cube>
	</Cube>
</gesmes:Envelope>"#;
    let file = read(text).expect("a file");
    assert_eq!(file.format, Format::Reference);
    assert_eq!(rows(&file), "2026-01-14 JPY 163.45; 2026-01-13 USD 1.0900; 2026-01-14 USD 1.0876");
}

#[test]
fn the_operators_own_list() {
    let file = read(
        "\u{feff}Date,Currency,Rate\r\n2026-01-14, kwd ,0.33512\r\n\r\n2026-01-15,KWD,0.3352\r\n2026-01-14,KWD,0.335120\r\n",
    );
    let file = file.expect("a file");
    assert_eq!(file.format, Format::List);
    assert_eq!(rows(&file), "2026-01-14 KWD 0.33512; 2026-01-15 KWD 0.3352");
}

#[test]
fn what_does_not_read_is_refused_with_its_place() {
    let check = |text: &str, expected: &str| {
        let message = refused(text);
        assert!(message.contains(expected), "{text:?}: {message}");
    };
    check("", "no file of rates");
    check("hello", "no file of rates");
    check("<html><body>404</body></html>", "no file of rates");
    check("Date,Open,High,Low\n2026-01-14,1,2,3\n", "no file of rates");
    check("date,currency,rate\n", "the file has no rates");
    check("Date,USD,\n2026-01-14,N/A,\n", "the file has no rates");
    check(
        "date,currency,rate\n2026-01-14,KWD,0.33512\n2026-01-15,KWX,0.3\n",
        "line 3: unknown currency \"KWX\"",
    );
    check("date,currency,rate\n14.01.2026,KWD,0.33512\n", "line 2: \"14.01.2026\" is no date");
    check("date,currency,rate\n2026-02-30,KWD,0.33512\n", "line 2: \"2026-02-30\" is no date");
    check("date,currency,rate\n2026-01-14,KWD,0\n", "line 2: \"0\" is no rate");
    check("date,currency,rate\n2026-01-14,KWD,\"0,3\"\n", "line 2: 4 fields; expected date,currency,rate");
    check(
        "date,currency,rate\n2026-01-14,KWD,0.3\n2026-01-14,KWD,0.31\n",
        "KWD of 2026-01-14 is given twice, as 0.3 and as 0.31",
    );
    check("Date,USD,JPY,\n2026-01-14,1.0876\n", "line 2: 2 fields; expected a date and 2 rates");
    check("Date,USD,\n2026-01-14,abc,\n", "line 2: USD: \"abc\" is no rate");
    check("<x><Cube><Cube currency='USD' rate='1'/></Cube></x>", "USD: the rate comes before any day");
    check("<x><Cube><Cube time='yesterday'/></Cube></x>", "\"yesterday\" is no date");
}
