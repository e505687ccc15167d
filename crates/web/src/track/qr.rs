//! The address of a link as a QR code, in SVG and PNG, made without drawing on anything outside.

use qrcodegen::{QrCode, QrCodeEcc};

/// Light modules around the code, as the standard asks for.
const QUIET: i32 = 4;

/// The form of a picture.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Format {
    /// Lines, of any size.
    Svg,
    /// Pixels.
    Png,
}

impl Format {
    /// Every form.
    pub(crate) const ALL: [Format; 2] = [Format::Svg, Format::Png];

    /// The word of this form.
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Format::Svg => "svg",
            Format::Png => "png",
        }
    }

    /// The media type of this form.
    pub(crate) fn media_type(self) -> &'static str {
        match self {
            Format::Svg => "image/svg+xml",
            Format::Png => "image/png",
        }
    }
}

/// A text as a QR code whose modules are so many pixels wide; `None` for a text that is too long for one.
pub(crate) fn render(text: &str, format: Format, scale: u32) -> Option<Vec<u8>> {
    let code = QrCode::encode_text(text, QrCodeEcc::Medium).ok()?;
    Some(match format {
        Format::Svg => svg(&code).into_bytes(),
        Format::Png => png(&code, scale.max(1) as usize),
    })
}

fn svg(code: &QrCode) -> String {
    let size = code.size() + 2 * QUIET;
    let mut path = String::new();
    for y in 0..code.size() {
        for x in 0..code.size() {
            if code.get_module(x, y) {
                path.push_str(&format!("M{},{}h1v1h-1z", x + QUIET, y + QUIET));
            }
        }
    }
    format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {size} {size}\" shape-rendering=\"crispEdges\">\
         <path fill=\"#fff\" d=\"M0,0h{size}v{size}h-{size}z\"/><path d=\"{path}\"/></svg>\n"
    )
}

/// Black and white, one bit a pixel, packed without compression: a code is a few kilobytes.
fn png(code: &QrCode, scale: usize) -> Vec<u8> {
    let modules = (code.size() + 2 * QUIET) as usize;
    let width = modules * scale;
    let mut pixels = Vec::with_capacity((width / 8 + 2) * width);
    for y in 0..modules {
        let mut row = vec![0_u8; width.div_ceil(8)];
        for x in 0..width {
            let is_dark = code.get_module((x / scale) as i32 - QUIET, y as i32 - QUIET);
            if !is_dark {
                row[x / 8] |= 0x80 >> (x % 8);
            }
        }
        for _ in 0..scale {
            // Each row begins with the number of its filter: none.
            pixels.push(0);
            pixels.extend_from_slice(&row);
        }
    }
    let side = (width as u32).to_be_bytes();
    let mut png = b"\x89PNG\r\n\x1a\n".to_vec();
    chunk(&mut png, b"IHDR", &[&side[..], &side, &[1, 0, 0, 0, 0]].concat());
    chunk(&mut png, b"IDAT", &stored(&pixels));
    chunk(&mut png, b"IEND", &[]);
    png
}

fn chunk(png: &mut Vec<u8>, kind: &[u8; 4], data: &[u8]) {
    png.extend_from_slice(&(data.len() as u32).to_be_bytes());
    let start = png.len();
    png.extend_from_slice(kind);
    png.extend_from_slice(data);
    let sum = crc(&png[start..]);
    png.extend_from_slice(&sum.to_be_bytes());
}

/// A stream of zlib (RFC 1950) of stored blocks (RFC 1951 §3.2.4).
fn stored(data: &[u8]) -> Vec<u8> {
    let mut stream = vec![0x78, 0x01];
    let mut blocks = data.chunks(0xffff).peekable();
    while let Some(block) = blocks.next() {
        stream.push(u8::from(blocks.peek().is_none()));
        stream.extend_from_slice(&(block.len() as u16).to_le_bytes());
        stream.extend_from_slice(&(!(block.len() as u16)).to_le_bytes());
        stream.extend_from_slice(block);
    }
    let (a, b) = data.iter().fold((1_u32, 0_u32), |(a, b), byte| {
        let a = (a + u32::from(*byte)) % 65_521;
        (a, (a + b) % 65_521)
    });
    stream.extend_from_slice(&(b << 16 | a).to_be_bytes());
    stream
}

/// CRC-32 (IEEE 802.3), bit by bit: pictures are small.
fn crc(bytes: &[u8]) -> u32 {
    let byte = |sum: u32, byte: &u8| {
        (0..8).fold(
            sum ^ u32::from(*byte),
            |sum, _| if sum & 1 == 1 { sum >> 1 ^ 0xedb8_8320 } else { sum >> 1 },
        )
    };
    !bytes.iter().fold(!0, byte)
}
