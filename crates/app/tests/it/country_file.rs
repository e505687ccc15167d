//! A file of MaxMind's format with one network, by its specification (version 2.0).

/// A file in which the addresses of a network of 256 are in a country, and no others.
pub(crate) fn of_one_network(network: [u8; 3], country: &str) -> Vec<u8> {
    const NODES: u32 = 24;
    let mut file = Vec::new();
    for node in 0..NODES {
        let bit = network[(node / 8) as usize] >> (7 - node % 8) & 1;
        // Where the data begin, 16 bytes behind the tree.
        let next = if node + 1 == NODES { NODES + 16 } else { node + 1 };
        let records = if bit == 1 { [NODES, next] } else { [next, NODES] };
        for record in records {
            file.extend_from_slice(&record.to_be_bytes()[1..]);
        }
    }
    file.extend_from_slice(&[0; 16]);
    map(&mut file, 1);
    text(&mut file, "country");
    map(&mut file, 1);
    text(&mut file, "iso_code");
    text(&mut file, country);
    file.extend_from_slice(b"\xab\xcd\xefMaxMind.com");
    map(&mut file, 9);
    for (name, number) in [
        ("binary_format_major_version", 2),
        ("binary_format_minor_version", 0),
        ("ip_version", 4),
        ("record_size", 24),
    ] {
        text(&mut file, name);
        file.extend_from_slice(&[5 << 5 | 2, 0, number]);
    }
    text(&mut file, "node_count");
    file.extend_from_slice(&[6 << 5 | 1, NODES as u8]);
    text(&mut file, "build_epoch");
    file.extend_from_slice(&[1, 2, 1]);
    text(&mut file, "database_type");
    text(&mut file, "Test-Country");
    text(&mut file, "description");
    map(&mut file, 0);
    text(&mut file, "languages");
    file.extend_from_slice(&[0, 4]);
    file
}

fn map(file: &mut Vec<u8>, pairs: u8) {
    file.push(7 << 5 | pairs);
}

fn text(file: &mut Vec<u8>, text: &str) {
    let length = text.len() as u8;
    if length < 29 {
        file.push(2 << 5 | length);
    } else {
        file.extend_from_slice(&[2 << 5 | 29, length - 29]);
    }
    file.extend_from_slice(text.as_bytes());
}
