//! Where the master secret comes from: the environment, or a file of the data folder that is made once.

use std::fs::{OpenOptions, read_to_string};
use std::io::{ErrorKind, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::Path;

use app::secret::Secret;

use crate::failure::{Failure, Outcome};

/// Reads the secret, or makes it in the data folder.
pub(crate) fn load(given: Option<&str>, dir: Option<&Path>) -> Outcome<Secret> {
    if let Some(given) = given {
        return parse(given, "REFERO_SECRET");
    }
    let Some(dir) = dir else {
        return Err(Failure::new(
            "with --database-url the master secret must be given: set REFERO_SECRET to 64 hexadecimal digits \
             (openssl rand -hex 32), the same in every process on that database, or name the folder of secret.key by \
             --data",
        ));
    };
    let path = dir.join("secret.key");
    std::fs::create_dir_all(dir)
        .map_err(|error| Failure::new(format!("{} cannot be made: {error}", dir.display())))?;
    match OpenOptions::new().write(true).create_new(true).mode(0o600).open(&path) {
        Ok(mut file) => {
            let digits = app::random::hex(&app::random::bytes::<32>());
            file.write_all(digits.as_bytes())?;
            file.sync_all()?;
            parse(&digits, "the new secret")
        }
        Err(error) if error.kind() == ErrorKind::AlreadyExists => {
            let text = read_to_string(&path)
                .map_err(|error| Failure::new(format!("{} cannot be read: {error}", path.display())))?;
            parse(text.trim(), &path.display().to_string())
        }
        Err(error) => Err(Failure::new(format!("{} cannot be made: {error}", path.display()))),
    }
}

fn parse(digits: &str, place: &str) -> Outcome<Secret> {
    let refuse = || Failure::new(format!("{place}: the master secret is 64 hexadecimal digits"));
    if digits.len() != 64 || !digits.is_ascii() {
        return Err(refuse());
    }
    let mut master = [0; 32];
    for (index, byte) in master.iter_mut().enumerate() {
        let pair = &digits[index * 2..index * 2 + 2];
        *byte = u8::from_str_radix(pair, 16).map_err(|_| refuse())?;
    }
    Ok(Secret::new(&master))
}
