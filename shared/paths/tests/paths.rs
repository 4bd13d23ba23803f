//! Paths as clients send them, and what becomes of them.

use causeway_paths::{EntryName, MAX_PATH_UNITS, MAX_SEGMENTS, PathError, SharePath};

fn path(text: &str) -> SharePath {
    SharePath::parse(text).unwrap()
}

#[test]
fn spellings_are_normalised() {
    for (sent, stored) in [
        ("", ""),
        ("/", ""),
        ("\\", ""),
        ("docs", "docs"),
        ("/docs/", "docs"),
        ("docs//a.txt", "docs/a.txt"),
        ("docs\\sub\\a.txt", "docs/sub/a.txt"),
        ("docs\\/a.txt//", "docs/a.txt"),
        (" leading", " leading"),
        ("notes.", "notes."),
        ("..hidden", "..hidden"),
        ("a..b/.c", "a..b/.c"),
        ("100%/%2e%2e/x", "100%/%2e%2e/x"),
        ("Übung/日本/🦀", "Übung/日本/🦀"),
        // What Samba and macOS show in place of a question mark and a trailing period.
        ("why\u{f025}/end\u{f029}", "why\u{f025}/end\u{f029}"),
    ] {
        assert_eq!(path(sent).as_str(), stored, "{sent:?}");
    }
}

#[test]
fn faults_are_named() {
    for (sent, fault) in [
        ("a/../b", PathError::Traversal),
        ("a/.../b", PathError::Traversal),
        ("a/. ./b", PathError::Traversal),
        ("\\\\server\\share", PathError::NotRelative),
        ("//server/share", PathError::NotRelative),
        ("\\/server", PathError::NotRelative),
        ("a\0b", PathError::ControlCharacter),
        ("a\u{7f}b", PathError::ControlCharacter),
        ("C:\\windows", PathError::ReservedCharacter(':')),
        ("a.txt:stream", PathError::ReservedCharacter(':')),
        ("*.txt", PathError::ReservedCharacter('*')),
    ] {
        assert_eq!(SharePath::parse(sent), Err(fault), "{sent:?}");
    }
    assert_eq!(PathError::Traversal.to_string(), "SMB paths cannot contain traversal segments");
    assert_eq!(PathError::ReservedCharacter('?').to_string(), "SMB paths cannot contain the character ?");
}

#[test]
fn limits_count_utf16_units() {
    assert!(SharePath::parse(&"x".repeat(255)).is_ok());
    assert_eq!(SharePath::parse(&"x".repeat(256)), Err(PathError::SegmentTooLong));
    // Three bytes each, one unit each.
    assert!(SharePath::parse(&"日".repeat(255)).is_ok());
    assert_eq!(SharePath::parse(&"日".repeat(256)), Err(PathError::SegmentTooLong));
    // Four bytes each, two units each.
    assert!(SharePath::parse(&"🦀".repeat(127)).is_ok());
    assert_eq!(SharePath::parse(&"🦀".repeat(128)), Err(PathError::SegmentTooLong));

    assert_eq!(path(&"a/".repeat(MAX_SEGMENTS)).depth(), MAX_SEGMENTS);
    assert_eq!(SharePath::parse(&"a/".repeat(MAX_SEGMENTS + 1)), Err(PathError::TooDeep));
    assert_eq!(SharePath::parse(&"/".repeat(MAX_PATH_UNITS + 1)), Err(PathError::TooLong));
    let longest = format!("{}/", "x".repeat(249)).repeat(128);
    assert_eq!(longest.len(), MAX_PATH_UNITS);
    assert!(SharePath::parse(&longest).is_ok());
}

#[test]
fn composing_keeps_the_limits() {
    let deep = path(&"a/".repeat(MAX_SEGMENTS));
    let name = EntryName::parse("b").unwrap();
    assert_eq!(deep.join(&name), Err(PathError::TooDeep));
    assert_eq!(deep.under(&path("prefix")), Err(PathError::TooDeep));
    assert_eq!(deep.under(&SharePath::root()), Ok(deep.clone()));
    assert_eq!(deep.parent().unwrap().join(&name).unwrap().depth(), MAX_SEGMENTS);

    let long = path(&format!("{}/", "x".repeat(249)).repeat(128));
    assert_eq!(long.join(&name), Err(PathError::TooLong));
}

#[test]
fn a_path_is_walked() {
    let file = path("docs/2026/a.txt");
    assert_eq!(file.segments().collect::<Vec<_>>(), ["docs", "2026", "a.txt"]);
    assert_eq!(file.name(), Some("a.txt"));
    assert_eq!(file.parent(), Some(path("docs/2026")));
    assert_eq!(path("docs").parent(), Some(SharePath::root()));
    assert_eq!(SharePath::root().parent(), None);
    assert_eq!(SharePath::root().name(), None);
    assert_eq!(SharePath::root().segments().count(), 0);

    assert!(file.starts_with(&path("docs")));
    assert!(file.starts_with(&file));
    assert!(file.starts_with(&SharePath::root()));
    assert!(!path("docs2").starts_with(&path("docs")));
    assert_eq!(file.strip_prefix(&path("docs")), Some(path("2026/a.txt")));
    assert_eq!(file.strip_prefix(&file), Some(SharePath::root()));
    assert_eq!(file.strip_prefix(&path("doc")), None);
    assert_eq!(path("a.txt").under(&path("base/dir")), Ok(path("base/dir/a.txt")));
    assert_eq!(SharePath::root().under(&path("base")), Ok(path("base")));
}

#[test]
fn children_are_named_by_the_server() {
    let docs = path("docs");
    assert_eq!(docs.child("notes."), Ok(path("docs/notes.")));
    assert_eq!(docs.child(""), Err(PathError::EmptyName));
    assert_eq!(docs.child("a/b"), Err(PathError::SeparatorInName));
    assert_eq!(docs.child("a\\b"), Err(PathError::SeparatorInName));
    assert_eq!(docs.child(".."), Err(PathError::Traversal));
    assert_eq!(docs.child("a\nb"), Err(PathError::ControlCharacter));
}

#[test]
fn json_is_validated() {
    assert_eq!(serde_json::from_str::<SharePath>("\"/docs//a\"").unwrap(), path("docs/a"));
    assert_eq!(serde_json::to_string(&path("docs/a")).unwrap(), "\"docs/a\"");
    let refusal = serde_json::from_str::<SharePath>("\"docs/../a\"").unwrap_err();
    assert!(refusal.to_string().contains("traversal"), "{refusal}");
    assert!(serde_json::from_str::<EntryName>("\"a/b\"").is_err());
}
