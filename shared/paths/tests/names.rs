//! Names of new items, and our own temporary ones.

use causeway_paths::{EntryName, NameError, SharePath, TempName};

#[test]
fn names_are_refused_in_the_words_that_clients_know() {
    for (sent, message) in [
        ("", "Name must not be empty"),
        (".", "Name must not be '.' or '..'"),
        ("..", "Name must not be '.' or '..'"),
        ("a/b", "Name contains invalid characters"),
        ("a\\b", "Name contains invalid characters"),
        ("a:b", "Name contains invalid characters"),
        ("a*", "Name contains invalid characters"),
        ("a?", "Name contains invalid characters"),
        ("\"a\"", "Name contains invalid characters"),
        ("<a>", "Name contains invalid characters"),
        ("a|b", "Name contains invalid characters"),
        // The first rule that is broken is the one that is told.
        ("a? ", "Name contains invalid characters"),
        ("a ", "Name must not end with a space or period"),
        ("a\t", "Name must not end with a space or period"),
        ("a\u{3000}", "Name must not end with a space or period"),
        ("a.", "Name must not end with a space or period"),
        ("...", "Name must not end with a space or period"),
        (" ", "Name must not end with a space or period"),
        ("a\nb", "SMB paths cannot contain control characters"),
    ] {
        assert_eq!(EntryName::parse(sent).unwrap_err().to_string(), message, "{sent:?}");
    }
    assert_eq!(EntryName::parse(&"x".repeat(256)), Err(NameError::TooLong));
}

#[test]
fn names_are_never_trimmed_or_second_guessed() {
    for name in [" leading", "a.b.c", "..a", "CON", "nul.txt", "~$report.docx", "日本", "a\u{f022}b", "x y"]
    {
        assert_eq!(EntryName::parse(name).unwrap().as_str(), name);
    }
    assert!(EntryName::parse(&"🦀".repeat(127)).is_ok());
}

#[test]
fn temporary_names_are_recognised_exactly() {
    let bytes =
        [0x00, 0x11, 0x22, 0x33, 0x44, 0x55, 0x66, 0x77, 0x88, 0x99, 0xaa, 0xbb, 0xcc, 0xdd, 0xee, 0xff];
    let name = TempName::from_uuid_bytes(bytes);
    assert_eq!(name.to_string(), "~causeway-00112233445566778899aabbccddeeff.tmp");
    assert_eq!(TempName::parse(&name.to_string()), Some(name));
    let sibling = SharePath::parse("docs").unwrap().join(&name.to_entry_name()).unwrap();
    assert_eq!(sibling.as_str(), "docs/~causeway-00112233445566778899aabbccddeeff.tmp");
    assert_eq!(EntryName::parse(&name.to_string()), Ok(name.to_entry_name()));

    for other in [
        "",
        "causeway-00112233445566778899aabbccddeeff.tmp",
        "~causeway-00112233445566778899aabbccddeeff",
        "~causeway-00112233445566778899AABBCCDDEEFF.tmp",
        "~causeway-00112233445566778899aabbccddeef.tmp",
        "~causeway-00112233445566778899aabbccddeefff.tmp",
        "~causeway-00112233445566778899aabbccddeefg.tmp",
        "~causeway-.tmp",
        "~causeway-0011223344556677889\u{e9}aabbccddeeff.tmp",
    ] {
        assert_eq!(TempName::parse(other), None, "{other:?}");
    }
}
