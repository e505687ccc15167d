//! Clicks in PostgreSQL's binary form of `copy`, which costs the server half of what text does.

use std::net::IpAddr;

use domain::ids::ProgramId;
use domain::time::Timestamp;

use super::ClickRow;
use crate::Connection;
use crate::error::Result;

const STATEMENT: &str = "copy click (program_id, id, clicked_at, affiliate_id, link_id, grade, flags, client_id, \
                         address_hash, address, country, agent, referrer, page, traffic) \
                         from stdin with (format binary)";

/// How many columns a row has.
const COLUMNS: i16 = 15;

/// PostgreSQL counts microseconds from 2000, we from 1970.
const FROM_1970_TO_2000: i64 = 946_684_800_000_000;

/// Bytes that are sent in one message.
const MESSAGE: usize = 256 * 1024;

/// Appends clicks to the table.
pub(super) async fn send(
    connection: &mut Connection,
    program: ProgramId,
    clicks: &[(&ClickRow, i16)],
) -> Result<()> {
    let mut copy = connection.copy_in_raw(STATEMENT).await?;
    let mut bytes = Vec::with_capacity(MESSAGE + 4096);
    bytes.extend_from_slice(b"PGCOPY\n\xff\r\n\0\0\0\0\0\0\0\0\0");
    for (click, flags) in clicks {
        row(&mut bytes, program, click, *flags);
        if bytes.len() >= MESSAGE {
            copy.send(bytes.as_slice()).await?;
            bytes.clear();
        }
    }
    bytes.extend_from_slice(&(-1_i16).to_be_bytes());
    copy.send(bytes.as_slice()).await?;
    copy.finish().await?;
    Ok(())
}

fn row(bytes: &mut Vec<u8>, program: ProgramId, click: &ClickRow, flags: i16) {
    bytes.extend_from_slice(&COLUMNS.to_be_bytes());
    field(bytes, Some(&program.0.to_be_bytes()));
    field(bytes, Some(click.id.0.as_bytes()));
    field(bytes, Some(&micros(click.clicked_at).to_be_bytes()));
    field(bytes, Some(&click.affiliate.0.to_be_bytes()));
    let link = click.link.map(|id| id.0.to_be_bytes());
    field(bytes, link.as_ref().map(<[u8; 8]>::as_slice));
    field(bytes, Some(&click.grade.code().to_be_bytes()));
    field(bytes, Some(&flags.to_be_bytes()));
    field(bytes, click.client_id.as_ref().map(|id| id.as_bytes().as_slice()));
    field(bytes, click.address_hash.as_deref());
    let address = click.address.map(inet);
    field(bytes, address.as_deref());
    for text in [&click.country, &click.agent, &click.referrer, &click.page] {
        field(bytes, text.as_deref().map(str::as_bytes));
    }
    let traffic = (!click.traffic.is_empty()).then(|| {
        // The first byte is the version of the binary form of jsonb.
        let mut json = vec![1];
        serde_json::to_writer(&mut json, &click.traffic).expect("texts by name are plain data");
        json
    });
    field(bytes, traffic.as_deref());
}

fn field(bytes: &mut Vec<u8>, value: Option<&[u8]>) {
    let length = value
        .map_or(-1, |value| i32::try_from(value.len()).expect("a field has at most some thousand bytes"));
    bytes.extend_from_slice(&length.to_be_bytes());
    bytes.extend_from_slice(value.unwrap_or_default());
}

fn micros(at: Timestamp) -> i64 {
    at.timestamp_micros() - FROM_1970_TO_2000
}

/// Family (2 or 3), bits of the network, not a cidr, bytes.
fn inet(address: IpAddr) -> Vec<u8> {
    match address {
        IpAddr::V4(address) => [&[2, 32, 0, 4], address.octets().as_slice()].concat(),
        IpAddr::V6(address) => [&[3, 128, 0, 16], address.octets().as_slice()].concat(),
    }
}
