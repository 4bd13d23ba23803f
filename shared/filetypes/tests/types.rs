//! The type of a file by its name.

use causeway_filetypes::{
    Category, Conversion, REGISTRY, UNKNOWN, content_type, extension, lookup, mime_type,
};
use proptest::prelude::*;

#[test]
fn names_have_the_types_that_clients_expect() {
    for (name, expected) in [
        ("a.jpg", "image/jpeg"),
        ("A.JPEG", "image/jpeg"),
        ("photo.final.PnG", "image/png"),
        ("icon.svg", "image/svg+xml"),
        ("favicon.ico", "image/vnd.microsoft.icon"),
        ("scan.ndpi", "image/x-whole-slide"),
        ("logo.ai", "application/postscript"),
        ("art.psb", "image/vnd.adobe.photoshop"),
        (".pdf", "application/pdf"),
        ("letter.docx", "application/vnd.openxmlformats-officedocument.wordprocessingml.document"),
        ("README.md", "text/markdown"),
        ("a.tar.gz", "application/gzip"),
        ("x.7z", "application/x-7z-compressed"),
        ("data.json", "application/json"),
        ("data.csv", "text/csv"),
        ("app.mjs", "text/javascript"),
        ("index.html", "text/html"),
        ("style.css", "text/css"),
        ("tool.py", "text/x-python"),
        ("feed.xml", "application/xml"),
        ("film.mp4", "video/mp4"),
        ("song.mp3", "audio/mpeg"),
        ("font.woff2", "font/woff2"),
        ("", UNKNOWN),
        (".", UNKNOWN),
        ("Makefile", UNKNOWN),
        ("pdf", UNKNOWN),
        ("a.pdf.", UNKNOWN),
        ("a.pdf ", UNKNOWN),
        ("a.bz2", UNKNOWN),
        ("a.log", UNKNOWN),
        ("a.yaml", UNKNOWN),
        ("a.toml", UNKNOWN),
        ("a.ini", UNKNOWN),
        ("a.go", UNKNOWN),
        ("a.an-extension-that-is-longer-than-any", UNKNOWN),
        ("a.jpé", UNKNOWN),
        // The Kelvin sign is no K.
        ("a.m\u{212a}v", UNKNOWN),
        ("日本.png", "image/png"),
    ] {
        assert_eq!(mime_type(name), expected, "{name:?}");
    }
}

#[test]
fn texts_are_utf8() {
    assert_eq!(content_type("notes.txt"), "text/plain; charset=utf-8");
    assert_eq!(content_type("README.MD"), "text/markdown; charset=utf-8");
    assert_eq!(content_type("a.svg"), "image/svg+xml");
    assert_eq!(content_type("a.json"), "application/json");
    assert_eq!(content_type("a"), UNKNOWN);
}

#[test]
fn the_registry_knows_what_to_do() {
    for (name, category, conversion) in [
        ("a.png", Category::Image, Conversion::Native),
        ("a.TIF", Category::Image, Conversion::Convert),
        ("a.psd", Category::Image, Conversion::Preprocess),
        ("a.eps", Category::Image, Conversion::Preprocess),
        ("a.pdf", Category::Document, Conversion::Native),
        ("a.txt", Category::Text, Conversion::Native),
        ("a.rar", Category::Archive, Conversion::Native),
    ] {
        let known = lookup(name).unwrap();
        assert_eq!((known.category, known.conversion), (category, conversion), "{name}");
    }
    // Guessed types are no concern of previews.
    assert!(lookup("a.json").is_none());
    assert!(lookup("a.jfif").is_none());
}

#[test]
fn every_row_is_found_by_each_of_its_extensions() {
    let mut extensions = 0;
    for row in REGISTRY {
        for extension in row.extensions {
            for name in [format!("a.{extension}"), format!("A.{}", extension.to_uppercase())] {
                assert_eq!(lookup(&name), Some(row), "{name}");
                assert_eq!(mime_type(&name), row.mime());
            }
            extensions += 1;
        }
        for mime in row.mimes {
            // Listings copy media types into JSON, and headers carry them, without looking.
            assert!(
                mime.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"/+-.".contains(&byte)),
                "{mime}"
            );
            assert_eq!(mime.matches('/').count(), 1, "{mime}");
        }
    }
    assert_eq!((REGISTRY.len(), extensions), (41, 58));
}

proptest! {
    #[test]
    fn only_the_extension_counts(stem: String, tail in "[a-zA-Z0-9]{1,5}") {
        let plain = format!("a.{tail}");
        prop_assert_eq!(mime_type(&format!("{stem}.{tail}")), mime_type(&plain));
        prop_assert_eq!(lookup(&plain.to_uppercase()), lookup(&plain.to_lowercase()));
        prop_assert_eq!(extension(&plain), Some(tail.as_str()));
    }

    #[test]
    fn every_name_has_a_type(name: String) {
        let mime = mime_type(&name);
        prop_assert!(content_type(&name).starts_with(mime));
        prop_assert!(lookup(&name).is_none_or(|known| known.mime() == mime));
    }
}
