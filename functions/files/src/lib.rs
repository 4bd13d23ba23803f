//! The files function.
