//! Which spellings name one item.

use causeway_paths::{CanonicalKey, CaseRule, SharePath};

fn key(text: &str, case: CaseRule) -> CanonicalKey {
    SharePath::parse(text).unwrap().canonical_key(case)
}

#[test]
fn one_item_under_many_spellings() {
    for (left, right) in [
        ("docs/a.txt", "docs//a.txt"),
        ("docs/a.txt", "\\docs\\a.txt"),
        ("Docs/A.TXT", "dOCS/a.txt"),
        ("ÜBUNG", "übung"),
        ("ΣΊΣΥΦΟΣ", "σίσυφος"),
        ("ПРИВЕТ", "привет"),
        // Composed and decomposed, as Windows and macOS type it.
        ("caf\u{e9}", "cafe\u{301}"),
        ("CAF\u{c9}", "cafe\u{301}"),
        // The Kelvin sign and the long s have an ordinary letter as their other case.
        ("\u{212a}ey", "KEY"),
        ("\u{17f}ize", "SIZE"),
        ("𐐀", "𐐨"),
    ] {
        assert_eq!(key(left, CaseRule::Insensitive), key(right, CaseRule::Insensitive), "{left} {right}");
    }
}

#[test]
fn two_items_stay_two() {
    for (left, right) in
        [("a", "b"), ("a/b", "ab"), ("a b", "a  b"), ("strasse", "straße"), ("a.", "a"), ("é", "e")]
    {
        assert_ne!(key(left, CaseRule::Insensitive), key(right, CaseRule::Insensitive), "{left} {right}");
    }
    assert_ne!(key("A", CaseRule::Sensitive), key("a", CaseRule::Sensitive));
    assert_eq!(key("caf\u{e9}", CaseRule::Sensitive), key("cafe\u{301}", CaseRule::Sensitive));
}

#[test]
fn below_is_by_segment() {
    let docs = key("Docs", CaseRule::Insensitive);
    assert!(key("dOCS/a", CaseRule::Insensitive).is_within(&docs));
    assert!(docs.is_within(&docs));
    assert!(docs.is_within(&key("", CaseRule::Insensitive)));
    assert!(!key("docs2", CaseRule::Insensitive).is_within(&docs));
    assert!(!key("", CaseRule::Insensitive).is_within(&docs));
}

#[test]
fn each_character_agrees_with_both_its_cases() {
    for character in ('\u{80}'..=char::MAX).filter(|character| !character.is_control()) {
        let own = key(&character.to_string(), CaseRule::Insensitive);
        let again = key(own.as_str(), CaseRule::Insensitive);
        assert_eq!(own, again, "{character:?} is not folded to the end");
        // Mappings to several characters do not take part in SMB's comparison.
        for other in [character.to_uppercase().collect::<String>(), character.to_lowercase().collect()] {
            if other.chars().count() == 1 {
                assert_eq!(own, key(&other, CaseRule::Insensitive), "{character:?} and {other:?}");
            }
        }
    }
}

#[test]
fn the_ancestors_of_a_key_lead_to_the_root() {
    let key = |path: &str| SharePath::parse(path).expect("a path").canonical_key(CaseRule::Insensitive);
    let above: Vec<_> = key("A/b/C").ancestors().collect();
    assert_eq!(above, [key("a/b"), key("a"), key("")]);
    assert!(above.iter().all(|ancestor| key("a/B/c").is_within(ancestor)));
    assert_eq!(key("").ancestors().count(), 0);
}
