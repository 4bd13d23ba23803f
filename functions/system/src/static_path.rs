//! What a path outside the API asks for.

use percent_encoding::percent_decode_str;

/// How long browsers may keep a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Freshness {
    /// For ever: its name changes with its content.
    Immutable,
    /// They ask before each use.
    Revalidated,
    /// Not at all.
    Unstored,
}

impl Freshness {
    /// The headers that say so, names in lower-case.
    pub(crate) fn headers(self) -> &'static [(&'static str, &'static str)] {
        match self {
            Self::Immutable => &[("cache-control", "public, max-age=31536000, immutable")],
            Self::Revalidated => &[
                ("cache-control", "no-cache, max-age=0, must-revalidate"),
                ("pragma", "no-cache"),
                ("expires", "0"),
            ],
            Self::Unstored => &[("cache-control", "no-store"), ("pragma", "no-cache"), ("expires", "0")],
        }
    }
}

/// What a path asks for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Target {
    /// Something of the API that no route names.
    Api,
    /// This file of the web root, or nothing.
    File(String, Freshness),
    /// This file of the web root, or else a page.
    FileOrPage(String),
    /// A page of the app: the app finds out which.
    Page,
    /// Nothing that can be.
    Nothing,
}

/// Directories of the web root whose files are served under their own names.
const MOUNTS: &[(&str, Freshness)] =
    &[("assets", Freshness::Immutable), ("icons", Freshness::Revalidated), ("pdfjs", Freshness::Revalidated)];

/// Files of the web root that are served under their own names, if they are there.
const LOOSE_FILES: &[&str] = &["manifest.json", "robots.txt"];

impl Target {
    /// From the path of a request, percent-encoded.
    pub(crate) fn of(path: &str) -> Self {
        let Ok(decoded) = percent_decode_str(path).decode_utf8() else { return Self::Nothing };
        let segments: Vec<&str> = decoded.split('/').filter(|segment| !segment.is_empty()).collect();
        match segments.as_slice() {
            ["api", ..] => Self::Api,
            [only] if LOOSE_FILES.contains(only) => Self::FileOrPage((*only).to_owned()),
            [mount, rest @ ..] => match MOUNTS.iter().find(|(name, _)| name == mount) {
                Some((_, freshness)) if !rest.is_empty() && rest.iter().all(|segment| is_plain(segment)) => {
                    Self::File(segments.join("/"), *freshness)
                }
                Some(_) => Self::Nothing,
                None => Self::Page,
            },
            [] => Self::Page,
        }
    }
}

/// Whether a segment can only be a name within its directory, on any system. Hidden files are nobody's business.
fn is_plain(segment: &str) -> bool {
    !segment.starts_with('.') && !segment.contains(['\\', ':']) && !segment.chars().any(char::is_control)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::{Freshness, Target};

    #[test]
    fn files_of_the_app_are_served_under_their_names_and_all_else_is_a_page() {
        let file = |path: &str, freshness| Target::File(path.to_owned(), freshness);
        assert_eq!(Target::of("/assets/index-1.js"), file("assets/index-1.js", Freshness::Immutable));
        assert_eq!(Target::of("/icons/a%20b.svg"), file("icons/a b.svg", Freshness::Revalidated));
        assert_eq!(Target::of("/pdfjs/cmaps/x.bcmap"), file("pdfjs/cmaps/x.bcmap", Freshness::Revalidated));
        assert_eq!(Target::of("/manifest.json"), Target::FileOrPage("manifest.json".into()));
        for page in
            ["/", "", "/browse", "/browse/smb/nas/a/../b", "/login", "/favicon.ico", "/assetsx/a.js", "/apix"]
        {
            assert_eq!(Target::of(page), Target::Page, "{page}");
        }
        for api in ["/api", "/api/", "/api/nothing", "//api/x", "/%61pi/x", "/api%2Fx"] {
            assert_eq!(Target::of(api), Target::Api, "{api}");
        }
    }

    #[test]
    fn no_path_leaves_its_directory() {
        for path in [
            "/assets",
            "/assets/",
            "/assets/..",
            "/assets/../index.html",
            "/assets/%2e%2e/x",
            "/assets/%2e%2e%2fx",
            "/assets/..%5cx",
            "/assets/c:x",
            "/assets/.env",
            "/assets/a/.git/config",
            "/assets/a%00b",
            "/assets/%ff",
        ] {
            assert_eq!(Target::of(path), Target::Nothing, "{path}");
        }
    }

    proptest! {
        #[test]
        fn whatever_is_asked_for_a_file_is_a_plain_name_below_a_mount(path in "(/assets|/icons|/pdfjs)?[/.%a-z0-9\\\\:]{0,30}") {
            if let Target::File(file, _) = Target::of(&path) {
                prop_assert!(["assets/", "icons/", "pdfjs/"].iter().any(|mount| file.starts_with(mount)));
                prop_assert!(file.split('/').all(|segment| !segment.is_empty() && !segment.starts_with('.')));
            }
        }
    }
}
