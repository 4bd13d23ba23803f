//! What holds for every path.

use causeway_paths::{
    CaseRule, EntryName, MAX_PATH_UNITS, MAX_SEGMENT_UNITS, MAX_SEGMENTS, SharePath, TempName,
};
use proptest::prelude::*;

/// Text that often comes close to being a path, and to breaking a rule.
fn near_path() -> impl Strategy<Value = String> {
    let piece = prop_oneof![
        4 => "[a-zA-Z0-9 ._~$-]{1,12}",
        2 => "\\PC{1,6}",
        1 => prop::sample::select(vec![".", "..", "...", " ", "a.", "\u{0}", "\u{1f}", "\u{7f}", "a:b", "*", "\u{f022}"])
            .prop_map(str::to_owned),
    ];
    let separator = prop::sample::select(vec!["/", "\\", "//", "/\\", ""]);
    prop::collection::vec((piece, separator), 0..12).prop_map(|pieces| {
        pieces.into_iter().flat_map(|(piece, separator)| [piece, separator.to_owned()]).collect()
    })
}

fn share_path() -> impl Strategy<Value = SharePath> {
    prop::collection::vec("[a-zA-Zé0-9_ -]{0,10}[a-z]", 0..6)
        .prop_map(|segments| SharePath::parse(&segments.join("/")).unwrap())
}

fn entry_name() -> impl Strategy<Value = EntryName> {
    any::<String>().prop_filter_map("not a name", |text| EntryName::parse(&text).ok())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2_000))]

    #[test]
    fn what_is_accepted_is_harmless(text in prop_oneof![near_path(), any::<String>()]) {
        let Ok(path) = SharePath::parse(&text) else { return Ok(()) };
        let stored = path.as_str();
        prop_assert!(!stored.starts_with('/') && !stored.ends_with('/') && !stored.contains("//"));
        prop_assert!(!stored.contains(['\\', ':', '*', '?', '"', '<', '>', '|']));
        prop_assert!(!stored.chars().any(|character| character.is_ascii_control()));
        prop_assert!(stored.encode_utf16().count() <= MAX_PATH_UNITS);
        prop_assert!(path.depth() <= MAX_SEGMENTS);
        for segment in path.segments() {
            prop_assert!(!segment.trim_matches(['.', ' ']).is_empty(), "{segment:?}");
            prop_assert!(segment.encode_utf16().count() <= MAX_SEGMENT_UNITS);
        }
    }

    #[test]
    fn what_is_shown_is_read_back(text in near_path()) {
        if let Ok(path) = SharePath::parse(&text) {
            prop_assert_eq!(&SharePath::parse(&format!("{path}")).unwrap(), &path);
            let json = serde_json::to_string(&path).unwrap();
            prop_assert_eq!(serde_json::from_str::<SharePath>(&json).unwrap(), path);
        }
    }

    #[test]
    fn a_path_is_its_parent_and_its_name(path in share_path()) {
        match (path.parent(), path.name()) {
            (Some(parent), Some(name)) => {
                prop_assert_eq!(&parent.child(name).unwrap(), &path);
                prop_assert!(path.starts_with(&parent));
                prop_assert!(path != parent);
            }
            (None, None) => prop_assert!(path.is_root()),
            (parent, name) => prop_assert!(false, "{parent:?} {name:?}"),
        }
    }

    #[test]
    fn a_prefix_comes_off_as_it_went_on(path in share_path(), prefix in share_path()) {
        let whole = path.under(&prefix).unwrap();
        prop_assert_eq!(whole.depth(), path.depth() + prefix.depth());
        prop_assert!(whole.starts_with(&prefix));
        prop_assert_eq!(whole.strip_prefix(&prefix), Some(path));
    }

    #[test]
    fn every_new_name_fits_into_a_path(name in entry_name(), parent in share_path()) {
        let path = parent.join(&name).unwrap();
        prop_assert_eq!(path.name(), Some(name.as_str()));
        prop_assert_eq!(&path.parent(), &Some(parent));
        prop_assert_eq!(SharePath::parse(path.as_str()).unwrap(), path);
    }

    #[test]
    fn keys_know_no_case_and_no_form(path in share_path()) {
        use unicode_normalization::UnicodeNormalization;
        let key = path.canonical_key(CaseRule::Insensitive);
        let other: String = path.as_str().to_uppercase().nfd().collect();
        prop_assert_eq!(&SharePath::parse(&other).unwrap().canonical_key(CaseRule::Insensitive), &key);
        prop_assert!(path.parent().is_none_or(|parent| key.is_within(&parent.canonical_key(CaseRule::Insensitive))));
    }

    #[test]
    fn temporary_names_survive_the_share(bytes in any::<[u8; 16]>()) {
        let name = TempName::from_uuid_bytes(bytes);
        prop_assert_eq!(TempName::parse(name.to_entry_name().as_str()), Some(name));
    }

    #[test]
    fn only_our_spelling_is_a_temporary_name(text in "~causeway-[0-9a-fA-Fg]{31,33}\\.tmp") {
        if let Some(name) = TempName::parse(&text) {
            prop_assert_eq!(name.to_string(), text);
        }
    }
}
