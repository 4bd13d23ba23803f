//! A version has one tag and a tag one version; tags of others do no harm.
#![no_main]

use causeway_http_semantics::{EntityTag, EntityTagList};
use causeway_versions::{FileTime, FileVersion};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|input: (u64, u64, u64, &str)| {
    let (change_time, size, file_id, text) = input;
    let change_time = FileTime::from_raw(change_time);
    let version = FileVersion { change_time, size, file_id };
    let etag = version.etag();
    assert_eq!(FileVersion::from_etag(&etag), Some(version));
    assert!(EntityTag::parse(&etag).is_some_and(|tag| !tag.is_weak));
    assert!(change_time.to_rfc3339_z().is_none_or(|text| text.len() == 20 || text.len() == 27));

    for text in [text, &format!("\"{text}\"")] {
        if let Some(version) = FileVersion::from_etag(text) {
            assert_eq!(version.etag(), text);
        }
        if let Some(tag) = EntityTag::parse(text) {
            assert_eq!(EntityTagList::parse(text), Some(EntityTagList::Tags(vec![tag])));
        }
        let listed = format!("{text}, {etag}");
        if let Some(EntityTagList::Tags(tags)) = EntityTagList::parse(&listed) {
            assert!(tags.last().is_some_and(|tag| tag.opaque == etag.trim_matches('"')));
        }
    }
});
