//! How far a transfer is, for people at a terminal.

use indicatif::{ProgressBar, ProgressStyle};

/// What the bar looks like: it fits into 80 columns, the name in front of it may be longer.
const LOOKS: &str = "{prefix} {bar:24} {bytes}/{total_bytes} {bytes_per_sec} {eta}";

/// A bar for a transfer of that many bytes. Nothing is drawn where stderr is no terminal.
pub fn bar(doing: &'static str, size: u64) -> ProgressBar {
    let style = ProgressStyle::with_template(LOOKS).unwrap_or_else(|_| ProgressStyle::default_bar());
    ProgressBar::new(size).with_style(style).with_prefix(doing)
}
