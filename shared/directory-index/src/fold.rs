//! Folding names and queries.

use causeway_text_folding::fold_onto;

/// The text as people mean it when they look for something (see [`causeway_text_folding::fold`]), except that no
/// character becomes a separator: `℀` stays what it is instead of becoming `a/c`, or it would end a name.
pub fn fold(text: &str) -> String {
    let mut folded = String::with_capacity(text.len());
    fold_into(text, &mut folded);
    folded
}

pub(crate) fn fold_into(text: &str, folded: &mut String) {
    let start = folded.len();
    fold_onto(text, folded);
    if separators(&folded[start..]) == separators(text) {
        return;
    }
    folded.truncate(start);
    for character in text.chars() {
        let start = folded.len();
        fold_onto(character.encode_utf8(&mut [0; 4]), folded);
        if separators(&folded[start..]) > 0 {
            folded.truncate(start);
            folded.push(character);
        }
    }
}

fn separators(text: &str) -> usize {
    text.bytes().filter(|byte| matches!(byte, b'/' | b'\\')).count()
}

#[cfg(test)]
mod tests {
    use super::fold;

    #[test]
    fn no_character_becomes_a_separator_and_folding_twice_changes_nothing() {
        for character in '\u{0}'..=char::MAX {
            let once = fold(&format!("É{character}É"));
            assert_eq!(fold(&once), once, "{character:?}");
            let own = matches!(character, '/' | '\\');
            assert_eq!(once.contains(['/', '\\']), own, "{character:?}");
        }
        assert_eq!(fold("a/É℀"), "a/e℀");
    }
}
