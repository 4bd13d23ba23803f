//! End-to-end tests and benchmarks against a real Samba.
