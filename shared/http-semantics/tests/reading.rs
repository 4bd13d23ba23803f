//! What a reader is answered with.

use causeway_http_semantics::{ReadPlan, ReadStatus, Representation, RequestConditions, Segment, plan_read};

const MODIFIED: i64 = 784_111_777;
const MODIFIED_TEXT: &str = "Sun, 06 Nov 1994 08:49:37 GMT";
const BEFORE: &str = "Sun, 06 Nov 1994 08:49:36 GMT";
const AFTER: &str = "Sun, 06 Nov 1994 08:49:38 GMT";
const BOUNDARY: &str = "0123456789abcdef0123456789abcdef";

/// Hundred bytes of text.
fn file() -> Representation {
    Representation {
        size: 100,
        etag: "\"v1\"".to_owned(),
        last_modified: Some(MODIFIED),
        content_type: "text/plain; charset=utf-8".to_owned(),
    }
}

fn asking(headers: &[(&str, &str)]) -> RequestConditions {
    RequestConditions::from_headers(headers.iter().map(|(name, value)| (*name, value.as_bytes())))
}

fn read(headers: &[(&str, &str)]) -> ReadPlan {
    plan_read(&asking(headers), &file(), BOUNDARY)
}

fn status(headers: &[(&str, &str)]) -> u16 {
    read(headers).status.code()
}

fn header<'a>(plan: &'a ReadPlan, name: &str) -> Option<&'a str> {
    plan.headers.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
}

#[test]
fn a_plain_read_gets_the_whole() {
    let plan = read(&[("accept", "*/*")]);
    assert_eq!(plan.status, ReadStatus::Ok);
    assert_eq!(plan.content_length, 100);
    assert_eq!(plan.single_range(), Some(0..100));
    assert_eq!(header(&plan, "etag"), Some("\"v1\""));
    assert_eq!(header(&plan, "last-modified"), Some(MODIFIED_TEXT));
    assert_eq!(header(&plan, "accept-ranges"), Some("bytes"));
    assert_eq!(header(&plan, "content-type"), Some("text/plain; charset=utf-8"));
    assert_eq!(header(&plan, "content-range"), None);
}

#[test]
fn one_range_comes_alone() {
    for (range, first, last) in [
        ("bytes=0-9", 0, 9),
        ("bytes=90-", 90, 99),
        ("bytes=-10", 90, 99),
        ("bytes=-1000", 0, 99),
        ("bytes=0-", 0, 99),
        ("bytes=99-99999999999999999999999", 99, 99),
        ("BYTES=0-0", 0, 0),
        ("bytes= 5-6 ,", 5, 6),
        // Only one of them exists.
        ("bytes=100-200,10-19", 10, 19),
        // They overlap.
        ("bytes=10-20,15-30,30-40", 10, 40),
    ] {
        let plan = read(&[("Range", range)]);
        assert_eq!(plan.status.code(), 206, "{range}");
        assert_eq!(
            header(&plan, "content-range"),
            Some(format!("bytes {first}-{last}/100").as_str()),
            "{range}"
        );
        assert_eq!(header(&plan, "content-type"), Some("text/plain; charset=utf-8"));
        assert_eq!(plan.single_range(), Some(first..last + 1));
        assert_eq!(plan.content_length, last + 1 - first);
    }
}

#[test]
fn several_ranges_come_in_parts() {
    let plan = read(&[("range", "bytes=50-59,0-0")]);
    assert_eq!(plan.status.code(), 206);
    assert_eq!(header(&plan, "content-range"), None);
    assert_eq!(
        header(&plan, "content-type"),
        Some(format!("multipart/byteranges; boundary={BOUNDARY}").as_str())
    );
    let content: Vec<u8> = (0..100).collect();
    let body: Vec<u8> = plan
        .segments
        .iter()
        .flat_map(|segment| match segment {
            Segment::Literal(bytes) => bytes.clone(),
            Segment::File(range) => {
                let range = usize::try_from(range.start).unwrap()..usize::try_from(range.end).unwrap();
                content[range].to_vec()
            }
        })
        .collect();
    let part = |range: &str| {
        format!(
            "--{BOUNDARY}\r\nContent-Type: text/plain; charset=utf-8\r\nContent-Range: bytes {range}/100\r\n\r\n"
        )
    };
    let mut expected = part("50-59").into_bytes();
    expected.extend(50..60);
    expected.extend(b"\r\n");
    expected.extend(part("0-0").into_bytes());
    expected.push(0);
    expected.extend(format!("\r\n--{BOUNDARY}--\r\n").into_bytes());
    assert_eq!(body, expected);
    assert_eq!(plan.content_length, expected.len() as u64);
}

#[test]
fn overlapping_ranges_are_sent_once() {
    let plan = read(&[("range", "bytes=80-89,0-9,5-14")]);
    let ranges: Vec<_> = plan
        .segments
        .iter()
        .filter_map(|segment| match segment {
            Segment::File(range) => Some(range.clone()),
            Segment::Literal(_) => None,
        })
        .collect();
    assert_eq!(ranges, [0..15, 80..90]);
}

#[test]
fn a_range_that_is_none_is_ignored() {
    let many = format!("bytes={}", vec!["0-0"; 33].join(","));
    for range in [
        "",
        "bytes",
        "bytes=",
        "bytes=,",
        "bytes=-",
        "bytes=a-b",
        "bytes=5-4",
        "bytes=0-1;2-3",
        "bytes=0-1 2-3",
        "bytes =0-1",
        "bytes=0--1",
        "bytes=+0-1",
        "bytes=0x0-1",
        "bytes=0-1,x",
        "items=0-1",
        "bytes:0-1",
        "bytes=0 - 1",
        "bytes=٣-٤",
        many.as_str(),
    ] {
        assert_eq!(status(&[("range", range)]), 200, "{range:?}");
    }
}

#[test]
fn a_range_beyond_the_end_cannot_be_satisfied() {
    for range in ["bytes=100-", "bytes=100-200", "bytes=-0", "bytes=99999999999999999999-", "bytes=200-,-0"] {
        let plan = read(&[("range", range)]);
        assert_eq!(plan.status.code(), 416, "{range}");
        assert_eq!(header(&plan, "content-range"), Some("bytes */100"));
        assert_eq!(plan.content_length, 0);
        assert!(plan.segments.is_empty());
    }
}

#[test]
fn an_empty_file_is_always_whole() {
    let empty = Representation { size: 0, ..file() };
    for range in ["bytes=0-", "bytes=-5", "bytes=0-0"] {
        let plan = plan_read(&asking(&[("range", range)]), &empty, BOUNDARY);
        assert_eq!((plan.status.code(), plan.content_length), (200, 0));
        assert!(plan.segments.is_empty());
        assert_eq!(plan.single_range(), None);
    }
}

#[test]
fn who_has_it_gets_nothing() {
    for tags in ["\"v1\"", "W/\"v1\"", "*", "\"x\", \"v1\"", "\"x\",,W/\"v1\" ", "\"a,b\",\"v1\""] {
        let plan = read(&[("if-none-match", tags)]);
        assert_eq!(plan.status.code(), 304, "{tags}");
        assert_eq!(plan.content_length, 0);
        assert!(plan.segments.is_empty());
        assert_eq!(header(&plan, "etag"), Some("\"v1\""));
        assert_eq!(header(&plan, "last-modified"), Some(MODIFIED_TEXT));
        assert_eq!(header(&plan, "content-type"), None);
    }
    for tags in ["\"v2\"", "v1", "\"v1", "\"V1\"", "", "w/\"v1\"", "*, \"x\"", "\"v1\" \"x\"", "\"v1 \""] {
        assert_eq!(status(&[("if-none-match", tags)]), 200, "{tags}");
    }
    assert_eq!(status(&[("if-modified-since", MODIFIED_TEXT)]), 304);
    assert_eq!(status(&[("if-modified-since", AFTER)]), 304);
    assert_eq!(status(&[("if-modified-since", BEFORE)]), 200);
    assert_eq!(status(&[("if-modified-since", "yesterday")]), 200);
    // Several lines are one list.
    assert_eq!(status(&[("If-None-Match", "\"x\""), ("if-none-match", "\"v1\"")]), 304);
}

#[test]
fn who_expects_something_else_is_told() {
    for tags in ["\"v2\"", "W/\"v1\"", "v1", "", "\"v2\", \"v3\""] {
        assert_eq!(status(&[("if-match", tags)]), 412, "{tags}");
    }
    for tags in ["\"v1\"", "*", "\"v2\",\"v1\""] {
        assert_eq!(status(&[("if-match", tags)]), 200, "{tags}");
    }
    assert_eq!(status(&[("if-unmodified-since", BEFORE)]), 412);
    assert_eq!(status(&[("if-unmodified-since", MODIFIED_TEXT)]), 200);
    assert_eq!(status(&[("if-unmodified-since", "yesterday")]), 200);
}

#[test]
fn conditions_come_in_order() {
    // If-Match silences If-Unmodified-Since, and If-None-Match silences If-Modified-Since.
    assert_eq!(status(&[("if-match", "\"v1\""), ("if-unmodified-since", BEFORE)]), 200);
    assert_eq!(status(&[("if-none-match", "\"v2\""), ("if-modified-since", AFTER)]), 200);
    assert_eq!(status(&[("if-none-match", "broken"), ("if-modified-since", AFTER)]), 200);
    assert_eq!(status(&[("if-none-match", "\"v1\""), ("if-modified-since", BEFORE)]), 304);
    // The expectation comes before the cache, and both before the range.
    assert_eq!(status(&[("if-match", "\"v2\""), ("if-none-match", "\"v1\"")]), 412);
    assert_eq!(status(&[("if-none-match", "\"v1\""), ("range", "bytes=0-0")]), 304);
    assert_eq!(status(&[("if-none-match", "\"v1\""), ("range", "bytes=500-")]), 304);
    assert_eq!(status(&[("if-match", "\"v1\""), ("range", "bytes=0-0")]), 206);
}

#[test]
fn a_range_of_another_version_is_not_sent() {
    let range = ("range", "bytes=0-0");
    for (if_range, expected) in [
        ("\"v1\"", 206),
        (" \"v1\" ", 206),
        (MODIFIED_TEXT, 206),
        ("Sunday, 06-Nov-94 08:49:37 GMT", 206),
        ("\"v2\"", 200),
        ("W/\"v1\"", 200),
        (BEFORE, 200),
        (AFTER, 200),
        ("*", 200),
        ("broken", 200),
        ("", 200),
    ] {
        assert_eq!(status(&[range, ("if-range", if_range)]), expected, "{if_range:?}");
    }
    assert_eq!(status(&[("range", "bytes=500-"), ("if-range", "\"v2\"")]), 200);
    assert_eq!(status(&[("range", "bytes=500-"), ("if-range", "\"v1\"")]), 416);
    assert_eq!(status(&[("if-range", "\"v1\"")]), 200);
}

#[test]
fn without_a_date_only_tags_count() {
    let undated = Representation { last_modified: None, ..file() };
    let plan = |headers: &[(&str, &str)]| plan_read(&asking(headers), &undated, BOUNDARY);
    assert_eq!(plan(&[("if-modified-since", AFTER)]).status.code(), 200);
    assert_eq!(plan(&[("if-unmodified-since", BEFORE)]).status.code(), 200);
    assert_eq!(plan(&[("range", "bytes=0-0"), ("if-range", AFTER)]).status.code(), 200);
    assert_eq!(header(&plan(&[]), "last-modified"), None);
}

#[test]
fn head_knows_no_ranges() {
    let conditions =
        asking(&[("range", "bytes=0-0"), ("if-range", "\"v1\""), ("if-match", "\"v1\"")]).without_range();
    assert_eq!(conditions, asking(&[("if-match", "\"v1\"")]));
    assert_eq!(plan_read(&conditions, &file(), BOUNDARY).status.code(), 200);
}

#[test]
fn conditions_and_plans_travel() {
    let conditions = asking(&[("If-Match", "\"v1\""), ("RANGE", "bytes=0-0,5-5")]);
    let json = serde_json::to_string(&conditions).unwrap();
    assert_eq!(json, r#"{"if_match":"\"v1\"","range":"bytes=0-0,5-5"}"#);
    assert_eq!(serde_json::from_str::<RequestConditions>(&json).unwrap(), conditions);
    assert!(serde_json::from_str::<RequestConditions>("{}").unwrap().is_empty());

    let plan = plan_read(&conditions, &file(), BOUNDARY);
    assert!(!plan.segments.is_empty());
    let travelled: ReadPlan = serde_json::from_str(&serde_json::to_string(&plan).unwrap()).unwrap();
    assert_eq!(travelled, plan.without_segments());
}

#[test]
fn bytes_that_are_no_text_match_nothing() {
    let conditions = RequestConditions::from_headers([("if-match", b"\"v1\xff\"".as_slice())]);
    assert_eq!(plan_read(&conditions, &file(), BOUNDARY).status.code(), 412);
}
