//! What folding makes one, what it keeps apart, and what holds for all text.

use causeway_text_folding::{fold, fold_onto};
use proptest::prelude::*;
use unicode_normalization::UnicodeNormalization;

#[test]
fn ways_of_writing_one_thing_become_one() {
    for (spellings, folded) in [
        (&["Été", "E\u{301}te\u{301}", "ÉTÉ", "ete"][..], "ete"),
        (&["Straße", "STRASSE", "strasse", "STRAẞE"], "strasse"),
        (&["ﬁnal", "FINAL", "ｆｉｎａｌ"], "final"),
        (&["ΟΔΟΣ", "οδός", "οδοσ"], "οδοσ"),
        (&["İstanbul", "ISTANBUL", "istanbul"], "istanbul"),
        (&["\u{212a}elvin", "kelvin"], "kelvin"),
        (&["Ещё", "ЕЩЕ"], "еще"),
        (&["①", "1", "¹"], "1"),
        (&["a\u{a0}b", "A b"], "a b"),
        (&["ᾳ", "Α", "ᾼ"], "α"),
        (&["", "\u{301}"], ""),
    ] {
        for spelling in spellings {
            assert_eq!(fold(spelling), folded, "{spelling:?}");
        }
    }
}

#[test]
fn letters_of_their_own_stay_apart() {
    for (one, other) in [
        ("कि", "का"), // vowel signs of Devanagari
        ("กิน", "กน"), // and of Thai
        ("ı", "i"),   // no language's own rules
        ("ø", "o"),   // not a letter with a mark
        ("漢", "字"),
        ("a", "b"),
        ("a b", "ab"),
    ] {
        assert_ne!(fold(one), fold(other), "{one} {other}");
    }
}

#[test]
fn every_character_folds_once_and_for_all() {
    for character in '\0'..=char::MAX {
        let folded = fold(character.encode_utf8(&mut [0; 4]));
        assert_eq!(fold(&folded), folded, "U+{:04X}", u32::from(character));
    }
}

proptest! {
    #[test]
    fn a_part_found_before_is_found_after(before in "\\PC*", part in "\\PC*", after in "\\PC*") {
        let folded = fold(&format!("{before}{part}{after}"));
        prop_assert_eq!(&folded, &[fold(&before), fold(&part), fold(&after)].concat());
        let mut gathered = String::new();
        for text in [&before, &part, &after] {
            fold_onto(text, &mut gathered);
        }
        prop_assert_eq!(gathered, folded);
    }

    #[test]
    fn forms_and_capitals_make_no_difference(text in any::<String>()) {
        let folded = fold(&text);
        prop_assert_eq!(&fold(&text.nfc().collect::<String>()), &folded);
        prop_assert_eq!(&fold(&text.nfkc().collect::<String>()), &folded);
    }

    #[test]
    fn plain_text_takes_no_other_way(text in "[ -~]*") {
        // The way for characters beyond ASCII, entered by one that leaves nothing behind.
        prop_assert_eq!(fold(&text), fold(&format!("{text}\u{301}")));
    }
}
