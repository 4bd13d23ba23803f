//! The version of a file on a share: change time, size, file id.
