//! What holds for all headers and files.

use causeway_http_semantics::{
    Disposition, EntityTag, EntityTagList, MAX_RANGES, RangeSpec, ReadStatus, Representation,
    RequestConditions, ResolvedRanges, Segment, WriteVerdict, content_disposition, format_http_date,
    parse_http_date, parse_range, plan_read, plan_write, resolve_ranges,
};
use proptest::prelude::*;

const BOUNDARY: &str = "0123456789abcdef0123456789abcdef";

fn range_header() -> impl Strategy<Value = String> {
    let number = prop_oneof![0..20_u64, 0..2_000_u64, any::<u64>()];
    let spec = prop_oneof![
        (number.clone(), number.clone()).prop_map(|(left, right)| format!(
            "{}-{}",
            left.min(right),
            left.max(right)
        )),
        number.clone().prop_map(|first| format!("{first}-")),
        number.prop_map(|length| format!("-{length}")),
    ];
    prop_oneof![
        8 => prop::collection::vec(spec, 1..40).prop_map(|specs| format!("bytes={}", specs.join(","))),
        1 => "bytes=[0-9, -]{0,30}",
        1 => any::<String>(),
    ]
}

fn date() -> impl Strategy<Value = String> {
    prop_oneof![
        3 => (0..2_000_i64).prop_map(|seconds| format_http_date(seconds).unwrap()),
        1 => any::<String>(),
    ]
}

fn tags() -> impl Strategy<Value = String> {
    prop_oneof![
        Just("*".to_owned()),
        prop::collection::vec("(W/)?\"[ab]\"", 0..4).prop_map(|tags| tags.join(", ")),
        any::<String>(),
    ]
}

fn conditions() -> impl Strategy<Value = RequestConditions> {
    use prop::option::weighted;
    (
        weighted(0.2, tags()),
        weighted(0.2, tags()),
        weighted(0.2, date()),
        weighted(0.2, date()),
        weighted(0.3, prop_oneof![date(), tags()]),
        weighted(0.8, range_header()),
    )
        .prop_map(
            |(if_match, if_none_match, if_modified_since, if_unmodified_since, if_range, range)| {
                RequestConditions {
                    if_match,
                    if_none_match,
                    if_modified_since,
                    if_unmodified_since,
                    if_range,
                    range,
                }
            },
        )
}

fn file() -> impl Strategy<Value = Representation> {
    let size = prop_oneof![Just(0), 1..2_000_u64, any::<u64>()];
    (size, "\"[abc]\"", prop::option::of(0..2_000_i64)).prop_map(|(size, etag, last_modified)| {
        Representation { size, etag, last_modified, content_type: "image/png".to_owned() }
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2_000))]

    #[test]
    fn ranges_lie_inside_and_apart(header in range_header(), size: u64, small in 1..2_000_u64) {
        for size in [size, small] {
            let Some(specs) = parse_range(&header) else { continue };
            prop_assert!(!specs.is_empty() && specs.len() <= MAX_RANGES);
            let ResolvedRanges::Satisfiable(ranges) = resolve_ranges(&specs, size) else { continue };
            prop_assert!(!ranges.is_empty() && ranges.len() <= specs.len());
            for (index, range) in ranges.iter().enumerate() {
                prop_assert!(range.start < range.end && range.end <= size, "{range:?} of {size}");
                for other in &ranges[index + 1..] {
                    prop_assert!(range.end <= other.start || other.end <= range.start, "{range:?} {other:?}");
                }
            }
        }
    }

    #[test]
    fn every_byte_asked_for_is_sent_and_no_other(header in range_header(), size in 1..2_000_u64) {
        let Some(specs) = parse_range(&header) else { return Ok(()) };
        let wanted = |byte: u64| specs.iter().any(|spec| match *spec {
            RangeSpec::Bytes { first, last } => first <= byte && last.is_none_or(|last| byte <= last),
            RangeSpec::Suffix { length } => byte >= size.saturating_sub(length),
        });
        let ranges = match resolve_ranges(&specs, size) {
            ResolvedRanges::Satisfiable(ranges) => ranges,
            ResolvedRanges::Unsatisfiable => Vec::new(),
        };
        for byte in 0..size {
            let times = ranges.iter().filter(|range| range.contains(&byte)).count();
            prop_assert_eq!(times, usize::from(wanted(byte)), "byte {}", byte);
        }
    }

    #[test]
    fn a_plan_adds_up(conditions in conditions(), file in file()) {
        let plan = plan_read(&conditions, &file, BOUNDARY);
        let total: u128 = plan.segments.iter().map(|segment| u128::from(segment.len())).sum();
        if let Ok(total) = u64::try_from(total) {
            prop_assert_eq!(plan.content_length, total);
        }
        for segment in &plan.segments {
            prop_assert!(!segment.is_empty());
            if let Segment::File(range) = segment {
                prop_assert!(range.start < range.end && range.end <= file.size);
            }
        }
        let header = |name: &str| plan.headers.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str());
        match plan.status {
            ReadStatus::Ok => prop_assert_eq!(plan.content_length, file.size),
            ReadStatus::PartialContent => {
                prop_assert!(conditions.range.is_some() && plan.content_length > 0);
                prop_assert_eq!(header("content-range").is_some(), plan.single_range().is_some());
                let is_multipart = header("content-type").unwrap().starts_with("multipart/");
                prop_assert_eq!(is_multipart, plan.single_range().is_none());
            }
            ReadStatus::NotModified => {
                prop_assert!(conditions.if_none_match.is_some() || conditions.if_modified_since.is_some());
                prop_assert_eq!(header("etag"), Some(file.etag.as_str()));
            }
            ReadStatus::PreconditionFailed => {
                prop_assert!(conditions.if_match.is_some() || conditions.if_unmodified_since.is_some());
            }
            ReadStatus::RangeNotSatisfiable => {
                let expected = format!("bytes */{}", file.size);
                prop_assert_eq!(header("content-range"), Some(expected.as_str()));
            }
        }
        prop_assert!(plan.status.has_content() || plan.segments.is_empty() && plan.content_length == 0);
    }

    #[test]
    fn a_named_version_is_all_that_is_replaced(conditions in conditions(), file in file()) {
        if plan_write(&conditions, Some(&file)) == WriteVerdict::Proceed
            && let Some(EntityTagList::Tags(tags)) = conditions.if_match.as_deref().and_then(EntityTagList::parse)
        {
            let own = EntityTag::parse(&file.etag).unwrap();
            prop_assert!(tags.contains(&own));
        }
        if plan_write(&conditions, None) == WriteVerdict::Proceed {
            prop_assert!(conditions.if_match.is_none());
        }
    }

    #[test]
    fn a_date_is_read_as_written(seconds in -62_167_219_200..=253_402_300_799_i64) {
        let text = format_http_date(seconds).unwrap();
        prop_assert_eq!(parse_http_date(&text), Some(seconds));
    }

    #[test]
    fn no_text_does_harm(text: String) {
        let _ = parse_http_date(&text);
        let _ = EntityTagList::parse(&text);
        let _ = parse_range(&text);
    }

    #[test]
    fn near_dates_do_no_harm(text in "(Sun|Sunday)?,? ?[0-9 ]{0,3}[ -]?(Nov)?[ -]?[0-9]{0,5}.?[0-9:]{0,9}( GMT)?") {
        let _ = parse_http_date(&text);
    }

    #[test]
    fn a_list_is_read_as_written(tags in prop::collection::vec(("(W/)?", "[!#-~é日]{0,8}"), 1..6)) {
        let text = tags.iter().map(|(weak, opaque)| format!("{weak}\"{opaque}\"")).collect::<Vec<_>>().join(" , ");
        let expected = tags.iter().map(|(weak, opaque)| EntityTag { is_weak: !weak.is_empty(), opaque }).collect();
        prop_assert_eq!(EntityTagList::parse(&text), Some(EntityTagList::Tags(expected)));
    }

    #[test]
    fn a_name_comes_back_from_its_header(name: String) {
        let header = content_disposition(Disposition::Attachment, &name);
        prop_assert!(header.is_ascii() && !header.bytes().any(|byte| byte.is_ascii_control()));
        let encoded = header.strip_prefix("attachment; filename*=UTF-8''").unwrap();
        prop_assert!(encoded.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"!#$&+-.^_`|~%".contains(&byte)));
        let decoded = percent_encoding::percent_decode_str(encoded).decode_utf8().unwrap();
        prop_assert_eq!(decoded, name);
    }
}
