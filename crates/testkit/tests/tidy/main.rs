//! What keeps the house in order where the compiler and clippy cannot: which crate may use which, what must not be
//! where, sizes, names, and documents that follow the code. Every failure says what to do.
//!
//! Only the tree is read; nothing of Refero is built for it but this binary. `exceptions` may only shrink.

mod documents;
mod exceptions;
mod layers;
mod places;
mod rust;
mod sizes;
mod tree;
mod words;

/// Fails with every problem found, not only the first.
fn report(rule: &str, problems: Vec<String>) {
    assert!(problems.is_empty(), "\n\n{rule}\n  {}\n", problems.join("\n  "));
}
