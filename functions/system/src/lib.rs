//! The system function.
