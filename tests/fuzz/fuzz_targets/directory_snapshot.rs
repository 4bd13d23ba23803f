//! Whatever a file holds, reading it as an index of directories ends, and what is read is an index of paths.
#![no_main]

use causeway_directory_index::{Query, snapshot};
use causeway_paths::{CaseRule, SharePath};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    // As it is, and with the checksum put right, or hardly anything would get past it.
    let mut summed = bytes.to_vec();
    summed.extend(crc32fast::hash(bytes).to_be_bytes());
    for bytes in [bytes, &summed] {
        let header = snapshot::header(bytes);
        if let Ok((read, index)) = snapshot::decode(bytes, CaseRule::Insensitive) {
            assert_eq!(header, Ok(read));
            assert!(index.iter().all(|path| SharePath::parse(&path).is_ok_and(|parsed| parsed.as_str() == path)));
            let again = snapshot::encode(&index, &read);
            let (_, reread) = snapshot::decode(&again, CaseRule::Insensitive).expect("our own");
            assert!(index.iter().eq(reread.iter()));
            if let Some(query) = Query::parse("a") {
                assert!(index.search(&query, true).total <= index.len());
            }
        }
    }
});
