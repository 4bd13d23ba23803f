//! The preview function.
