//! Folding: what spellings of a name have in common for somebody who searches.

use unicode_normalization::char::{canonical_combining_class, decompose_compatible};

/// The text without case, accents and compatibility forms: `Émile`, `EMILE` and `ｅｍｉｌｅ` are all `emile`, `Straße` is
/// `strasse`.
///
/// Each character by itself: decomposed for compatibility (NFKD), without combining marks (canonical combining class
/// other than 0, which leaves the vowel signs of Indic scripts alone: they are letters), and case-folded. So a folded
/// part of a text is always part of the folded text.
pub fn fold(text: &str) -> String {
    let mut folded = String::with_capacity(text.len());
    fold_into(text, &mut folded);
    folded
}

pub(crate) fn fold_into(text: &str, folded: &mut String) {
    for character in text.chars() {
        if character.is_ascii() {
            folded.push(character.to_ascii_lowercase());
            continue;
        }
        let start = folded.len();
        decompose_compatible(character, |part| {
            if canonical_combining_class(part) == 0 {
                fold_case(part, folded);
            }
        });
        // `℀` is `a/c` and a full-width solidus is `/`: characters of a name never become the end of one.
        if folded[start..].contains(['/', '\\']) {
            folded.truncate(start);
            folded.push(character);
        }
    }
}

/// Full case folding: down for the capitals without a capital (`ẞ`), up for what shares one (`ς` and `σ`, `ß` and `SS`),
/// and down again.
fn fold_case(character: char, folded: &mut String) {
    for lower in character.to_lowercase() {
        for upper in lower.to_uppercase() {
            folded.extend(upper.to_lowercase().filter(|part| canonical_combining_class(*part) == 0));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::fold;

    #[test]
    fn case_accents_and_forms_are_one() {
        for (text, folded) in [
            ("Émile", "emile"),
            ("E\u{301}MILE", "emile"),
            ("ｅｍｉｌｅ", "emile"),
            ("Straße STRASSE straẞe", "strasse strasse strasse"),
            ("ΣΊΣΥΦΟΣ σίσυφος", "σισυφοσ σισυφοσ"),
            ("İstanbul", "istanbul"),
            ("\u{212a}elvin", "kelvin"),
            ("ﬁle", "file"),
            ("2½", "21⁄2"),
            ("कि", "कि"),
            ("\u{301}", ""),
        ] {
            assert_eq!(fold(text), folded, "{text}");
        }
    }

    #[test]
    fn no_character_ends_a_name_and_folding_twice_changes_nothing() {
        for character in '\u{0}'..=char::MAX {
            let once = fold(&character.to_string());
            assert_eq!(fold(&once), once, "{character:?}");
            let own = matches!(character, '/' | '\\');
            assert_eq!(once.contains(['/', '\\']), own, "{character:?}");
        }
    }
}
