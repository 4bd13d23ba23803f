//! Ranges lie inside the file and apart from each other, whatever is asked for.
#![no_main]

use causeway_http_semantics::{MAX_RANGES, ResolvedRanges, parse_range, resolve_ranges};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|input: (u64, &str)| {
    let (size, header) = input;
    let specs = match parse_range(header) {
        Some(specs) => specs,
        // Most inputs lack the unit: give them a second chance to be interesting.
        None => match parse_range(&format!("bytes={header}")) {
            Some(specs) => specs,
            None => return,
        },
    };
    assert!(!specs.is_empty() && specs.len() <= MAX_RANGES);
    if let ResolvedRanges::Satisfiable(ranges) = resolve_ranges(&specs, size) {
        assert!(!ranges.is_empty() && ranges.len() <= specs.len());
        for (index, range) in ranges.iter().enumerate() {
            assert!(range.start < range.end && range.end <= size);
            assert!(
                ranges[index + 1..].iter().all(|other| range.end <= other.start || other.end <= range.start)
            );
        }
    }
});
