//! Whether a file may be replaced.

use causeway_http_semantics::{Representation, RequestConditions, WriteVerdict, plan_write};

const MODIFIED: i64 = 784_111_777;
const MODIFIED_TEXT: &str = "Sun, 06 Nov 1994 08:49:37 GMT";
const BEFORE: &str = "Sun, 06 Nov 1994 08:49:36 GMT";

fn may_write(headers: &[(&str, &str)], exists: bool) -> bool {
    let file = Representation {
        size: 100,
        etag: "\"v1\"".to_owned(),
        last_modified: Some(MODIFIED),
        content_type: "text/plain".to_owned(),
    };
    let conditions =
        RequestConditions::from_headers(headers.iter().map(|(name, value)| (*name, value.as_bytes())));
    plan_write(&conditions, exists.then_some(&file)) == WriteVerdict::Proceed
}

#[test]
fn without_conditions_everything_goes() {
    assert!(may_write(&[], true));
    assert!(may_write(&[], false));
    // What is meant for reads does not concern a write.
    assert!(may_write(
        &[("if-modified-since", MODIFIED_TEXT), ("range", "bytes=500-"), ("if-range", "\"v2\"")],
        true
    ));
}

#[test]
fn only_the_expected_version_is_replaced() {
    for tags in ["\"v1\"", "*", "\"v0\", \"v1\""] {
        assert!(may_write(&[("if-match", tags)], true), "{tags}");
        assert!(!may_write(&[("if-match", tags)], false), "{tags}");
    }
    for tags in ["\"v2\"", "W/\"v1\"", "v1", "", "\"v1", "*,\"v1\""] {
        assert!(!may_write(&[("if-match", tags)], true), "{tags}");
    }
    assert!(may_write(&[("if-unmodified-since", MODIFIED_TEXT)], true));
    assert!(!may_write(&[("if-unmodified-since", BEFORE)], true));
    assert!(may_write(&[("if-unmodified-since", BEFORE)], false));
    assert!(may_write(&[("if-match", "\"v1\""), ("if-unmodified-since", BEFORE)], true));
}

#[test]
fn nothing_is_replaced_by_who_wants_to_create() {
    assert!(may_write(&[("if-none-match", "*")], false));
    assert!(!may_write(&[("if-none-match", "*")], true));
    assert!(!may_write(&[("if-none-match", "\"v1\"")], true));
    assert!(!may_write(&[("if-none-match", "W/\"v1\"")], true));
    assert!(may_write(&[("if-none-match", "\"v2\"")], true));
    assert!(!may_write(&[("if-match", "\"v1\""), ("if-none-match", "*")], true));
}

#[test]
fn a_condition_that_cannot_be_read_protects_the_file() {
    for exists in [true, false] {
        assert!(!may_write(&[("if-none-match", "v1")], exists));
        assert!(!may_write(&[("if-none-match", "*, *")], exists));
        assert!(!may_write(&[("if-none-match", "")], exists));
        assert!(!may_write(&[("if-match", "v1")], exists));
    }
}
