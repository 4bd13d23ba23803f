//! The version of a file on a share: change time, size, file id.
//!
//! [`FileTime`] is the clock of SMB and [`FileVersion`] what an ETag, a conflict check and a cache key are made of.

mod calendar;
mod file_time;
mod file_version;

pub use file_time::FileTime;
pub use file_version::FileVersion;
