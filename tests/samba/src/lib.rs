//! Starts a real smbd on a loopback port for tests.
