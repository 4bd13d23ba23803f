//! No name breaks out of the header, and every name comes back from it.
#![no_main]

use causeway_http_semantics::{Disposition, content_disposition};
use libfuzzer_sys::fuzz_target;
use percent_encoding::percent_decode_str;

fuzz_target!(|name: &str| {
    let header = content_disposition(Disposition::Inline, name);
    let encoded = header.strip_prefix("inline; filename*=UTF-8''").unwrap();
    assert!(encoded.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"!#$&+-.^_`|~%".contains(&byte)));
    assert_eq!(percent_decode_str(encoded).decode_utf8().unwrap(), name);
});
