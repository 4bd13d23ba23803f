//! Any headers, any file: a plan adds up, and a protected file is not replaced.
#![no_main]

use arbitrary::Arbitrary;
use causeway_http_semantics::{
    EntityTag, EntityTagList, Representation, RequestConditions, Segment, WriteVerdict, format_http_date,
    parse_http_date, plan_read, plan_write,
};
use libfuzzer_sys::fuzz_target;

#[derive(Arbitrary, Debug)]
struct Input<'a> {
    if_match: Option<&'a str>,
    if_none_match: Option<&'a str>,
    if_modified_since: Option<&'a str>,
    if_unmodified_since: Option<&'a str>,
    if_range: Option<&'a str>,
    range: Option<&'a str>,
    size: u64,
    tag: u8,
    last_modified: Option<i64>,
}

fuzz_target!(|input: Input<'_>| {
    let file = Representation {
        size: input.size,
        etag: format!("\"{}\"", input.tag),
        last_modified: input.last_modified,
        content_type: "image/png".to_owned(),
    };
    let conditions = RequestConditions {
        if_match: input.if_match.map(str::to_owned),
        if_none_match: input.if_none_match.map(str::to_owned),
        if_modified_since: input.if_modified_since.map(str::to_owned),
        if_unmodified_since: input.if_unmodified_since.map(str::to_owned),
        if_range: input.if_range.map(str::to_owned),
        range: input.range.map(str::to_owned),
    };
    let plan = plan_read(&conditions, &file, "0123456789abcdef0123456789abcdef");
    let total: u128 = plan.segments.iter().map(|segment| u128::from(segment.len())).sum();
    assert_eq!(u128::from(plan.content_length), total.min(u128::from(u64::MAX)));
    for segment in &plan.segments {
        if let Segment::File(range) = segment {
            assert!(range.start < range.end && range.end <= file.size);
        }
    }
    for (name, value) in &plan.headers {
        assert!(
            !name.is_empty() && value.bytes().all(|byte| (b' '..=b'~').contains(&byte)),
            "{name}: {value}"
        );
    }
    assert!(plan.status.has_content() || plan.segments.is_empty());

    if plan_write(&conditions, Some(&file)) == WriteVerdict::Proceed
        && let Some(if_match) = &conditions.if_match
    {
        let list = EntityTagList::parse(if_match).expect("a list that cannot be read protects the file");
        let own = EntityTag::parse(&file.etag).unwrap();
        assert!(
            matches!(&list, EntityTagList::Any)
                || matches!(&list, EntityTagList::Tags(tags) if tags.contains(&own))
        );
    }
    assert!(
        conditions.if_match.is_none() || plan_write(&conditions, None) == WriteVerdict::PreconditionFailed
    );

    if let Some(seconds) = conditions.if_modified_since.as_deref().and_then(parse_http_date) {
        assert_eq!(format_http_date(seconds).as_deref().and_then(parse_http_date), Some(seconds));
    }
});
