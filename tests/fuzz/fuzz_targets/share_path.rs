//! No text becomes a path that leads out of the share, and every path is read back as it is shown.
#![no_main]

use causeway_paths::{
    CaseRule, EntryName, MAX_PATH_UNITS, MAX_SEGMENT_UNITS, MAX_SEGMENTS, SharePath, TempName,
};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|text: &str| {
    if let Ok(path) = SharePath::parse(text) {
        assert_eq!(SharePath::parse(path.as_str()).as_ref(), Ok(&path));
        assert!(path.depth() <= MAX_SEGMENTS && path.as_str().encode_utf16().count() <= MAX_PATH_UNITS);
        for segment in path.segments() {
            assert!(segment.encode_utf16().count() <= MAX_SEGMENT_UNITS);
            assert!(!segment.trim_matches(['.', ' ']).is_empty());
            assert!(
                !segment.contains(
                    |character: char| character.is_ascii_control() || "\\:*?\"<>|".contains(character)
                )
            );
        }
        match (path.parent(), path.name()) {
            (Some(parent), Some(name)) => assert_eq!(parent.child(name).as_ref(), Ok(&path)),
            (None, None) => assert!(path.is_root()),
            other => panic!("{other:?}"),
        }
        let key = path.canonical_key(CaseRule::Insensitive);
        // Form C writes some characters as two, so that a key may be too long for a path.
        if let Ok(path) = SharePath::parse(key.as_str()) {
            assert_eq!(path.canonical_key(CaseRule::Insensitive), key);
        }
    }
    if let Ok(name) = EntryName::parse(text) {
        assert_eq!(SharePath::root().join(&name).unwrap().as_str(), text);
        assert_eq!(causeway_filetypes::mime_type(text), causeway_filetypes::mime_type(&format!("x{text}")));
    }
    if let Some(name) = TempName::parse(text) {
        assert_eq!(name.to_string(), text);
    }
});
