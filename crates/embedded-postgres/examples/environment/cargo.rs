//! What a command finds in its environment.

use std::process::Command;

/// Takes out of a command's environment what `cargo run` says there of this package. A cargo that is the command would
/// take it for a change of its surroundings, and build much anew.
pub(crate) fn forget_package(command: &mut Command) {
    let names = std::env::vars_os().filter_map(|(name, _)| name.into_string().ok());
    for name in names.filter(|name| name.starts_with("CARGO_PKG_") || name.starts_with("CARGO_MANIFEST_")) {
        command.env_remove(name);
    }
}
