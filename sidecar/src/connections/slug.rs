//! Names of connections in URLs.

use std::collections::HashSet;

use unicode_normalization::UnicodeNormalization as _;

/// What a name without a single usable letter becomes.
const FALLBACK: &str = "connection";

/// The name in lower-case ASCII letters and digits with hyphens between; accents are dropped, other scripts too.
pub(super) fn slug_of(name: &str) -> String {
    let mut slug = String::with_capacity(name.len());
    for letter in name.nfkd().filter(char::is_ascii) {
        if letter.is_ascii_alphanumeric() {
            slug.push(letter.to_ascii_lowercase());
        } else if !slug.is_empty() && !slug.ends_with('-') {
            slug.push('-');
        }
    }
    let slug = slug.trim_end_matches('-');
    if slug.is_empty() { FALLBACK.to_owned() } else { slug.to_owned() }
}

/// `base`, or the first of `base-2`, `base-3`, … that nobody has.
pub(super) fn free_slug(base: &str, taken: &HashSet<String>) -> String {
    if !taken.contains(base) {
        return base.to_owned();
    }
    // One more than can be taken.
    (2..=taken.len() + 2)
        .map(|number| format!("{base}-{number}"))
        .find(|slug| !taken.contains(slug))
        .unwrap_or_else(|| base.to_owned())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn names_become_slugs() {
        for (name, slug) in [
            ("Büro Share", "buro-share"),
            ("NAS", "nas"),
            ("  --Photos__2024!  ", "photos-2024"),
            ("ﬁle №5", "file-no5"),
            ("共有", "connection"),
            ("", "connection"),
            ("Straße", "strae"),
            ("a/b\\c", "a-b-c"),
        ] {
            assert_eq!(slug_of(name), slug, "{name}");
        }
    }

    #[test]
    fn the_first_free_number_is_taken() {
        let taken = |slugs: &[&str]| slugs.iter().map(|slug| (*slug).to_owned()).collect();
        assert_eq!(free_slug("nas", &taken(&[])), "nas");
        assert_eq!(free_slug("nas", &taken(&["nas"])), "nas-2");
        assert_eq!(free_slug("nas", &taken(&["nas", "nas-2", "nas-4"])), "nas-3");
        assert_eq!(free_slug("nas", &taken(&["nas-2", "nas-old"])), "nas");
    }

    proptest! {
        #[test]
        fn a_slug_needs_no_escaping(name in ".{0,80}") {
            let slug = slug_of(&name);
            prop_assert!(!slug.is_empty() && !slug.starts_with('-') && !slug.ends_with('-') && !slug.contains("--"));
            prop_assert!(slug.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-'));
            prop_assert_eq!(slug_of(&slug), slug.clone());
        }
    }
}
