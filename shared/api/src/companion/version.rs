//! Which companions this server works with.

use schemars::JsonSchema;
use serde::Serialize;

/// The oldest companion that this server works with.
pub const MIN_COMPANION_VERSION: &str = "0.1.0";

/// The companion that belongs to this server.
const LATEST_COMPANION_VERSION: &str = env!("CARGO_PKG_VERSION");

/// Whether a companion is new enough.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, JsonSchema)]
pub struct VersionCheck {
    /// Whether it is.
    pub compatible: bool,
    /// The oldest one that is.
    pub min_companion_version: &'static str,
    /// The newest one that the server knows of.
    pub latest_version: &'static str,
}

impl VersionCheck {
    /// Of a companion that says it is of that version.
    pub fn of(version: &str) -> Self {
        let compatible = match (numbers(version), numbers(MIN_COMPANION_VERSION)) {
            (Some(version), Some(least)) => version >= least,
            _ => false,
        };
        Self {
            compatible,
            min_companion_version: MIN_COMPANION_VERSION,
            latest_version: LATEST_COMPANION_VERSION,
        }
    }
}

/// The numbers between the dots; `None` when something else stands there, as in `1.0.0-beta`.
fn numbers(version: &str) -> Option<Vec<u64>> {
    let number = |part: &str| {
        let is_number = !part.is_empty() && part.bytes().all(|digit| digit.is_ascii_digit());
        if is_number { part.parse().ok() } else { None }
    };
    version.split('.').map(number).collect()
}

#[cfg(test)]
mod tests {
    use super::VersionCheck;

    #[test]
    fn versions_are_compared_number_by_number() {
        for fine in ["0.1.0", "0.1.1", "0.2", "0.10.0", "1", "0.1.0.0"] {
            assert!(VersionCheck::of(fine).compatible, "{fine}");
        }
        for too_old in ["0.0.9", "0", "0.1"] {
            assert!(!VersionCheck::of(too_old).compatible, "{too_old}");
        }
        for none in ["", "1.0.0-beta", "v1", "1..0", "1.", "+1.0", " 1", "99999999999999999999"] {
            assert!(!VersionCheck::of(none).compatible, "{none}");
        }
    }
}
