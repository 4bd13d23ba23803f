//! Dates, tags, dispositions and the table of security headers.

use causeway_http_semantics::{
    Disposition, EntityTag, EntityTagList, Surface, content_disposition, format_http_date, parse_http_date,
    security_headers,
};

#[test]
fn a_date_is_read_in_three_forms() {
    for text in [
        "Sun, 06 Nov 1994 08:49:37 GMT",
        "Sunday, 06-Nov-94 08:49:37 GMT",
        "Sun Nov  6 08:49:37 1994",
        "  Sun, 06 Nov 1994 08:49:37 GMT\t",
    ] {
        assert_eq!(parse_http_date(text), Some(784_111_777), "{text}");
    }
    assert_eq!(parse_http_date("Sun Nov 16 08:49:37 1994"), Some(784_975_777));
    assert_eq!(
        parse_http_date("Saturday, 21-Nov-26 00:00:00 GMT"),
        parse_http_date("Sat, 21 Nov 2026 00:00:00 GMT")
    );
    assert_eq!(
        parse_http_date("Sat, 31 Dec 2016 23:59:60 GMT"),
        parse_http_date("Sat, 31 Dec 2016 23:59:59 GMT")
    );
}

#[test]
fn anything_else_is_no_date() {
    for text in [
        "",
        " ",
        "0",
        "1994-11-06T08:49:37Z",
        "Sun, 06 Nov 1994 08:49:37",
        "Sun, 06 Nov 1994 08:49:37 UTC",
        "Sun, 06 Nov 1994 08:49:37 +0000",
        "Sun, 6 Nov 1994 08:49:37 GMT",
        "sun, 06 nov 1994 08:49:37 gmt",
        "Sun, 31 Feb 1994 08:49:37 GMT",
        "Sun, 06 Nov 1994 24:00:00 GMT",
        "Sun, 06 Nov 1994 08:49:61 GMT",
        "Sun, 06 Nov 1994 8:49:37 GMT",
        "Sun, 06 Nov 1994 08:49 GMT",
        "Sun, 06 Nov 1994 08:49:37:00 GMT",
        "Son, 06 Nov 1994 08:49:37 GMT",
        "Sun, 06 Nov 1994 08:49:37 GMT, Sun, 06 Nov 1994 08:49:37 GMT",
        "Sun, 06 Nov 19940 08:49:37 GMT",
        "Sun, 06  Nov 1994 08:49:37 GMT",
        "Sun Nov 6 08:49:37 1994",
        "Sun Nov  6 08:49:37 1994 GMT",
        "Sun Nov",
        "Sun N",
        "Sunday, 06-Nov-1994 08:49:37 GMT",
        "Sunday, 06-Nov-94-1 08:49:37 GMT",
        "Sun, ٠٦ Nov 1994 08:49:37 GMT",
        "Sun Nov é6 08:49:37 1994",
    ] {
        assert_eq!(parse_http_date(text), None, "{text:?}");
    }
}

#[test]
fn a_date_is_written_in_one() {
    assert_eq!(format_http_date(784_111_777).as_deref(), Some("Sun, 06 Nov 1994 08:49:37 GMT"));
    assert_eq!(format_http_date(0).as_deref(), Some("Thu, 01 Jan 1970 00:00:00 GMT"));
    assert_eq!(format_http_date(-11_644_473_600).as_deref(), Some("Mon, 01 Jan 1601 00:00:00 GMT"));
    assert_eq!(format_http_date(253_402_300_799).as_deref(), Some("Fri, 31 Dec 9999 23:59:59 GMT"));
    assert_eq!(format_http_date(253_402_300_800), None);
    assert_eq!(format_http_date(i64::MIN), None);
    assert_eq!(format_http_date(i64::MAX), None);
}

#[test]
fn tags_are_read_one_and_listed() {
    let strong = EntityTag { is_weak: false, opaque: "a,b" };
    let weak = EntityTag { is_weak: true, opaque: "" };
    assert_eq!(EntityTag::parse("\"a,b\""), Some(strong));
    assert_eq!(EntityTag::parse("W/\"\""), Some(weak));
    assert_eq!(EntityTagList::parse("\"a,b\" ,\tW/\"\""), Some(EntityTagList::Tags(vec![strong, weak])));
    assert_eq!(EntityTagList::parse(" * "), Some(EntityTagList::Any));
    assert_eq!(EntityTag::parse("\"ü\"").map(|tag| tag.opaque), Some("ü"));
    for broken in
        ["", "a", "\"", "\"a", "a\"", "w/\"a\"", "W /\"a\"", "\"a b\"", "\"a\"b", "\"a\u{7f}\"", "\"\u{1}\""]
    {
        assert_eq!(EntityTag::parse(broken), None, "{broken:?}");
    }
    assert!(!weak.strong_eq(&weak));
    assert!(weak.weak_eq(&EntityTag { is_weak: false, opaque: "" }));
}

#[test]
fn a_name_is_encoded_whole() {
    for (name, encoded) in [
        ("a.txt", "a.txt"),
        ("ü b.png", "%C3%BC%20b.png"),
        ("!#$&+-.^_`|~", "!#$&+-.^_`|~"),
        ("a\"b;c=d'e%f*g(h)i,j/k\\l@m", "a%22b%3Bc%3Dd%27e%25f%2Ag%28h%29i%2Cj%2Fk%5Cl%40m"),
        ("a\r\nSet-Cookie: x", "a%0D%0ASet-Cookie%3A%20x"),
        ("日本", "%E6%97%A5%E6%9C%AC"),
        ("", ""),
    ] {
        assert_eq!(
            content_disposition(Disposition::Inline, name),
            format!("inline; filename*=UTF-8''{encoded}")
        );
        assert_eq!(
            content_disposition(Disposition::Attachment, name),
            format!("attachment; filename*=UTF-8''{encoded}")
        );
    }
}

#[test]
fn every_surface_has_its_headers() {
    let value = |surface, name: &str| {
        let found: Vec<_> = security_headers(surface).iter().filter(|(known, _)| *known == name).collect();
        assert!(found.len() <= 1, "{name} is there twice");
        found.first().map(|(_, value)| *value)
    };
    for surface in [Surface::ApiJson, Surface::ShareContent, Surface::Explorer, Surface::WebApp] {
        assert_eq!(value(surface, "x-content-type-options"), Some("nosniff"));
        assert_eq!(value(surface, "referrer-policy"), Some("no-referrer"));
        assert_eq!(value(surface, "cross-origin-resource-policy"), Some("same-origin"));
        let policy = value(surface, "content-security-policy").unwrap();
        assert!(policy.contains("frame-ancestors"), "{policy}");
        for (name, value) in security_headers(surface) {
            assert!(name.bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'-'), "{name}");
            assert!(
                value.bytes().all(|byte| (b' '..=b'~').contains(&byte)) && !value.contains("  "),
                "{value}"
            );
        }
    }
    let content = value(Surface::ShareContent, "content-security-policy").unwrap();
    assert!(content.starts_with("sandbox; default-src 'none';"), "{content}");
    assert!(!content.contains("allow-") && !content.contains("script"), "{content}");
}
