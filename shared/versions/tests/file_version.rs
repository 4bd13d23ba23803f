//! Versions as entity tags.

use causeway_versions::{FileTime, FileVersion};
use proptest::prelude::*;

fn version(change_time: u64, size: u64, file_id: u64) -> FileVersion {
    FileVersion { change_time: FileTime::from_raw(change_time), size, file_id }
}

#[test]
fn a_tag_is_strong_and_short() {
    assert_eq!(version(0x1dc_7b3f, 0xff, 0).etag(), "\"1dc7b3f-ff-0\"");
    let longest = version(u64::MAX, u64::MAX, u64::MAX).etag();
    assert_eq!(longest.len(), 52);
    assert_eq!(FileVersion::from_etag(&longest), Some(version(u64::MAX, u64::MAX, u64::MAX)));
}

#[test]
fn tags_of_other_making_are_not_versions() {
    for etag in [
        "",
        "\"",
        "\"\"",
        "1-2-3",
        "\"1-2-3",
        "1-2-3\"",
        "W/\"1-2-3\"",
        "\"1-2\"",
        "\"1-2-3-4\"",
        "\"1-2-\"",
        "\"--\"",
        "\"+1-2-3\"",
        "\"01-2-3\"",
        "\"1-2-A\"",
        "\"1-2-g\"",
        "\"1-2-3 \"",
        "\"1-2-10000000000000000\"",
        "\"1-2-\u{663}\"",
    ] {
        assert_eq!(FileVersion::from_etag(etag), None, "{etag}");
    }
}

proptest! {
    #[test]
    fn a_tag_is_read_back(change_time: u64, size: u64, file_id: u64) {
        let version = version(change_time, size, file_id);
        prop_assert_eq!(FileVersion::from_etag(&version.etag()), Some(version));
    }

    #[test]
    fn different_versions_have_different_tags(left: (u64, u64, u64), right: (u64, u64, u64)) {
        let etag = |(change_time, size, file_id)| version(change_time, size, file_id).etag();
        prop_assert_eq!(left == right, etag(left) == etag(right));
    }

    #[test]
    fn one_version_has_one_tag(text in "\"[0-9a-f]{0,3}-[0-9a-fA-F]{1,17}-[0-9a-f]{1,3}\"") {
        if let Some(version) = FileVersion::from_etag(&text) {
            prop_assert_eq!(version.etag(), text);
        }
    }
}
