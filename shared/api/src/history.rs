//! Recent directories and files: `/api/browse/recent-directories` and `/api/browse/recent-files`.

mod answer;
mod policy;
mod request;

pub use answer::{
    ClearedHistory, FileProblem, FileProblemCode, RecentDirectories, RecentDirectory, RecentFile, RecentFiles,
};
pub use policy::{FileSearchSettings, FileSearchSettingsChange, PolicyChange, PolicySource};
pub use request::{HistorySearch, Recorded, RecordedDirectory, RecordedFile};
