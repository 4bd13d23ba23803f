//! Text as a person means it when looking for something: without case, accents and ways of writing.

use caseless::Caseless as _;
use unicode_normalization::UnicodeNormalization as _;
use unicode_normalization::char::canonical_combining_class;

/// `text` without what nobody types to find it: `Été`, `été` and `ete` become one, as do `ﬁ` and `fi`, `STRASSE` and
/// `Straße`.
///
/// Unicode normalisation form KD, then without marks that combine (canonical combining class other than 0), then full
/// case folding (Unicode 16, 3.13.3; no language's own rules). Vowel signs that stand on their own, as those of
/// Devanagari and Thai, are letters to their readers and stay.
///
/// Characters are folded one by one: the folded whole is what the folded parts make side by side, so a part that was
/// found before folding is found after it. Folding twice is folding once.
///
/// For comparison only. Whether two names are one item on a share is another question, which
/// `causeway_paths::CanonicalKey` answers.
pub fn fold(text: &str) -> String {
    let mut folded = String::with_capacity(text.len());
    fold_onto(text, &mut folded);
    folded
}

/// Appends what [`fold`] makes of `text`, for callers that keep many texts in one buffer.
pub fn fold_onto(text: &str, folded: &mut String) {
    if text.is_ascii() {
        folded.extend(text.chars().map(|character| character.to_ascii_lowercase()));
    } else {
        folded.extend(
            text.nfkd().filter(|&character| canonical_combining_class(character) == 0).default_case_fold(),
        );
    }
}
