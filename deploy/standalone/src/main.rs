//! Causeway in one binary.
fn main() {}
