//! The binary: reads the command line and the configuration, and starts one command; each command is a file.

fn main() {}
